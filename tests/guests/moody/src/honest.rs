//! Nothing but state, command and context.

use cantus_sdk::prelude::*;

use crate::{Diary, Noted};

/// Notes the command's value, with the host's time and a number of the host's.
#[command(Diary, version = 1, produces = [Noted])]
pub struct Note {
    text: String,
}

#[command_handler(Diary, version = 1)]
impl NoteHandler {
    type Error = Rejection;

    fn handle(&self, diary: &Diary, command: Note, ctx: &Context) -> Result<Noted, Rejection> {
        let (number, roll) = (diary.notes + 1, ctx.random().below(6) + 1);
        Ok(Noted { note: format!("{number}: {} at {}, rolled {roll}", command.text, ctx.now) })
    }
}
