use cantus_sdk::prelude::*;

#[aggregate(snapshot_every = 50)]
pub struct Flight {
    departed: bool,
}

#[command(Flight, version = 1, produces = [Departed])]
pub struct Depart {}

#[command_handler(Flight, version = 1)]
impl DepartHandler {
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

fn main() {}
