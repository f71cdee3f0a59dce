//! Everything by which a decision may come out another way tomorrow, each as an honest author might write it: a command
//! a kind. What each of them found out is noted in an event.

mod allocation;
mod clock;
mod floats;
mod hash_order;
mod honest;
mod random;
mod statics;

use cantus_sdk::prelude::*;

/// Remembers what was noted.
#[aggregate(snapshot_every = 5)]
pub struct Diary {
    notes: u64,
    last: String,
}

/// Something was found out.
#[event(Diary, version = 1)]
pub struct Noted {
    note: String,
}

#[event_combiner(Diary, version = 1)]
impl Noted {
    fn combine(&self, diary: &mut Diary) {
        diary.notes += 1;
        diary.last.clone_from(&self.note);
    }
}
