use cantus_sdk::prelude::*;

#[aggregate(snapshot_every = 50)]
pub struct Flight {
    departed: bool,
}

#[command(Flight, version = 1, produces = [Departed])]
pub struct Depart {}

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

#[command_handler(Aircraft, version = 1)]
impl DepartHandler {
    type Error = String;
    fn handle(&self, _: &Aircraft, _: Depart) -> Result<Departed, String> {
        Ok(Departed {})
    }
}

fn main() {}
