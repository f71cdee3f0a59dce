//! Every form that the macros take, spread over modules.
#![forbid(unsafe_code)]

use cantus_sdk::{prelude::*, testing::given};

mod state {
    use cantus_sdk::prelude::*;

    fn full() -> Tank {
        Tank { litres: 100, log: Vec::new() }
    }

    #[aggregate(name = "WaterTank", initial = full)]
    #[derive(Eq, Clone)]
    pub struct Tank {
        pub litres: u64,
        pub log: Vec<String>,
    }
}
use state::Tank;

#[command(Tank, version = 1, produces = [Drained, Filled])]
pub struct Exchange {
    drain: u64,
    fill: Option<u64>,
}

#[command_handler(Tank, version = 1)]
impl ExchangeHandler {
    type Error = TankError;

    fn handle(&self, state: &Tank, cmd: Exchange, ctx: &Context) -> Result<(Drained, Option<Filled>), Self::Error> {
        if ctx.actor.is_none() {
            return Err(TankError::Nobody);
        }
        check(state, cmd.drain)?;
        Ok((Drained { litres: cmd.drain }, cmd.fill.map(|litres| Filled { litres })))
    }
}

fn check(state: &Tank, litres: u64) -> Result<(), TankError> {
    if litres > state.litres { Err(TankError::TooMuch(litres, state.litres)) } else { Ok(()) }
}

#[command(Tank, version = 2, name = "Exchange", produces = [Drained, Filled])]
pub struct ExchangeV2;

#[command_handler(Tank, version = 2)]
impl ExchangeV2Handler {
    type Error = std::convert::Infallible;

    fn handle(&self, state: &Tank, _: ExchangeV2) -> Result<Events<Tank>, Self::Error> {
        Ok(Events::new().and(Drained { litres: state.litres }).and(Filled { litres: 1 }))
    }
}

#[command(Tank, version = 1, produces = [Filled])]
pub struct FillTwice {}

#[command_handler(Tank, version = 1)]
impl FillTwiceHandler {
    type Error = String;

    fn handle(&self, _: &Tank, _: FillTwice) -> Result<Vec<Filled>, String> {
        Ok(vec![Filled { litres: 1 }, Filled { litres: 2 }])
    }
}

#[command(Tank, version = 1, produces = [])]
pub struct Inspect {}

#[command_handler(Tank, version = 1)]
impl InspectHandler {
    type Error = Rejection;

    fn handle(&self, _: &Tank, _: Inspect) -> Result<(), Rejection> {
        Ok(())
    }
}

#[event(Tank, version = 1)]
pub struct Drained {
    litres: u64,
}

#[event_combiner(Tank, version = 1)]
impl Drained {
    fn combine(&self, state: &mut Tank) {
        state.litres -= self.litres;
    }
}

#[event(Tank, version = 3)]
pub struct Filled {
    litres: u64,
}

#[event_combiner(Tank, version = 3)]
impl Filled {
    fn combine(&self, state: &mut Tank) {
        state.litres += self.litres;
    }
}

#[event(Tank, version = 2, name = "Filled")]
pub struct FilledV2 {
    buckets: u64,
}

#[event_upcaster(Tank, from = 2, to = 3)]
impl FilledV2 {
    fn upcast(self) -> Filled {
        Filled { litres: self.buckets * 10 }
    }
}

#[event(Tank, version = 1, name = "Filled")]
pub struct FilledV1;

#[event_upcaster(Tank, from = 1, to = 2)]
impl FilledV1 {
    fn upcast(self) -> FilledV2 {
        FilledV2 { buckets: 1 }
    }
}

#[rejection]
pub enum TankError {
    #[message("{0} l are more than {1} l")]
    TooMuch(u64, u64),
    #[code("no-actor")]
    Nobody,
}

#[rejection(display)]
pub enum PlainError {
    Plain,
}

impl std::fmt::Display for PlainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("plain words")
    }
}

fn main() {
    let tank = given::<Tank>("roof")
        .when(Exchange { drain: 1, fill: None })
        .then_rejected("no-actor")
        .by("Ada")
        .when(Exchange { drain: 101, fill: None })
        .then_error(TankError::TooMuch(101, 100))
        .when(Exchange { drain: 60, fill: Some(10) })
        .then((Drained { litres: 60 }, Filled { litres: 10 }))
        .events((FilledV1, FilledV2 { buckets: 2 }))
        .when(FillTwice {})
        .then([Filled { litres: 1 }, Filled { litres: 2 }])
        .when(Inspect {})
        .then_nothing();
    assert_eq!(tank.state().litres, 83);
    let tank = tank.when(ExchangeV2).then((Drained { litres: 83 }, Filled { litres: 1 }));
    assert_eq!(tank.state().litres, 1);

    let rejection = TankError::TooMuch(101, 100).into_rejection();
    assert_eq!((rejection.code.as_str(), rejection.message.as_str()), ("too-much", "101 l are more than 100 l"));
    assert_eq!(rejection.detail.as_deref(), Some(b"[101,100]".as_slice()));
    assert_eq!(PlainError::Plain.into_rejection(), Rejection::new("plain", "plain words"));
    assert_eq!("no".into_rejection(), Rejection::new("rejected", "no"));
}
