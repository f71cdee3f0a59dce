//! What is on a tape, for people and for programs.

use std::{fmt::Write, path::Path};

use cantus_model::{Digest, HistoryQuery};
use cantus_store::tape::{FORMAT, Tape, TapeHeader, TapedComponent, Totals};
use serde::Serialize;

use super::selection;
use crate::render::{self, escaped};

/// What is on a tape that was found whole.
#[derive(Debug, Serialize)]
pub(super) struct About<'a> {
    tape: String,
    format: u32,
    checksum: Digest,
    #[serde(flatten)]
    totals: Totals,
    bytes: u64,
    /// Those of them that are no component.
    history_bytes: u64,
    bytes_per_command: f64,
    selected: &'a HistoryQuery,
    components: &'a [TapedComponent],
    redacted: &'a [String],
    /// Rules of the redaction that met nothing; known only when it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    unused_rules: Option<&'a [String]>,
}

impl<'a> About<'a> {
    /// Of the tape at `path`.
    pub(super) fn of(path: &Path, tape: &'a Tape) -> Self {
        let TapeHeader { query, components, redacted } = tape.header();
        let (totals, history_bytes) = (tape.totals(), tape.history_bytes());
        let each = history_bytes as f64 / totals.commands.max(1) as f64;
        Self {
            tape: path.display().to_string(),
            format: FORMAT,
            checksum: tape.checksum(),
            totals,
            bytes: tape.bytes(),
            history_bytes,
            bytes_per_command: (each * 10.0).round() / 10.0,
            selected: query,
            components,
            redacted,
            unused_rules: None,
        }
    }

    /// The same, with the rules of its redaction that met nothing.
    pub(super) fn with_unused_rules(self, rules: &'a [String]) -> Self {
        Self { unused_rules: Some(rules), ..self }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let Totals { streams, commands, events } = self.totals;
        let mut text = format!("{}\n", escaped(&self.tape));
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "  {name:<11} {}", escaped(value));
        };
        let (streams, events) = (render::count(streams), render::count(events));
        row("history", format!("{} commands and {events} events of {streams} streams", render::count(commands)));
        row("selected", selection::text(self.selected));
        let (all, history) = (render::bytes(self.bytes), render::bytes(self.history_bytes));
        row("size", format!("{all}, of these for history {history}: {} bytes a command", self.bytes_per_command));
        rows(&mut row, "components", self.components.iter().map(component), "none is known");
        rows(&mut row, "redacted", self.redacted.iter().cloned(), "nothing");
        row("checksum", format!("{}: it is whole", self.checksum));
        text
    }
}

/// A row for each, the first under the name.
fn rows(row: &mut impl FnMut(&str, String), name: &str, values: impl Iterator<Item = String>, none: &str) {
    let mut name = name;
    for value in values {
        row(std::mem::take(&mut name), value);
    }
    if !name.is_empty() {
        row(name, none.to_owned());
    }
}

fn component(component: &TapedComponent) -> String {
    let TapedComponent { digest, plugin, version, bytes } = component;
    let how =
        bytes.map_or_else(|| "by digest only".to_owned(), |bytes| format!("on it, {} unpacked", render::bytes(bytes)));
    format!("{plugin} {version} ({}): {how}", digest.short())
}
