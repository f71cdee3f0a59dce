use cantus_sdk::prelude::*;

#[aggregate(snapshot_every = 50)]
pub struct Flight {
    departed: bool,
}

#[command(Flight, version = 1, produces = [Departed, Landed])]
pub struct Depart {}

#[command_handler(Flight, version = 1)]
impl DepartHandler {
    type Error = String;
    fn handle(&self, _: &Flight, _: Depart) -> Result<Departed, String> {
        Ok(Departed {})
    }
}

#[event(Flight, version = 1)]
pub struct Departed {}

#[event_combiner(Flight, version = 1)]
impl Departed {
    fn combine(&self, state: &mut Flight) {
        state.departed = true;
    }
}

#[aggregate]
pub struct Aircraft {}

#[event(Aircraft, version = 1)]
pub struct Landed {}

#[event_combiner(Aircraft, version = 1)]
impl Landed {
    fn combine(&self, _: &mut Aircraft) {}
}

fn main() {}
