//! The order of a hash map: every map of a sandbox has another seed.

use std::collections::HashMap;

use cantus_sdk::prelude::*;

use crate::{Diary, Noted};

/// Counts the words of a text.
#[command(Diary, version = 1, produces = [Noted])]
pub struct CountWords {
    text: String,
}

#[command_handler(Diary, version = 1)]
impl CountWordsHandler {
    type Error = Rejection;

    fn handle(&self, _: &Diary, command: CountWords) -> Result<Noted, Rejection> {
        let mut counts = HashMap::<&str, u32>::new();
        for word in command.text.split_whitespace() {
            *counts.entry(word).or_default() += 1;
        }
        let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
        Ok(Noted { note: counts.join(", ") })
    }
}
