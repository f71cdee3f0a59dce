use cantus_sdk::prelude::*;

#[aggregate(snapshot_every = 50)]
pub struct Flight {
    departed: bool,
}

#[event(Flight, version = 2)]
pub struct Departed {}

#[event_combiner(Flight, version = 2)]
impl Departed {
    fn combine(&self, state: &mut Flight) {
        state.departed = true;
    }
}

#[event(Flight, version = 1, name = "Departed")]
pub struct DepartedV1 {}

#[event_upcaster(Flight, from = 2, to = 1)]
impl DepartedV1 {
    fn upcast(self) -> Departed {
        Departed {}
    }
}

fn main() {}
