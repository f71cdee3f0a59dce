//! The contents of a tape, as text and as JSON.

use std::{fmt::Write, path::Path};

use cantus_model::{Digest, HistoryQuery};
use cantus_store::tape::{FORMAT, Tape, TapeHeader, TapedComponent, Totals};
use serde::Serialize;

use super::selection;
use crate::render::{self, escaped};

/// The description of a tape without damage.
#[derive(Debug, Serialize)]
pub(super) struct TapeDescription<'a> {
    tape: String,
    format: u32,
    checksum: Digest,
    #[serde(flatten)]
    totals: Totals,
    bytes: u64,
    /// The bytes without the components.
    history_bytes: u64,
    bytes_per_command: f64,
    selected: &'a HistoryQuery,
    components: &'a [TapedComponent],
    redacted: &'a [String],
    /// Rules of the redaction that replaced nothing; known only when the tape is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    unused_rules: Option<&'a [String]>,
}

impl<'a> TapeDescription<'a> {
    /// Describes the tape at `path`.
    pub(super) fn new(path: &Path, tape: &'a Tape) -> Self {
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

    /// Adds the rules of the redaction that replaced nothing.
    pub(super) fn with_unused_rules(self, rules: &'a [String]) -> Self {
        Self { unused_rules: Some(rules), ..self }
    }

    /// Renders the description for people.
    pub(super) fn text(&self) -> String {
        let Totals { streams, commands, events } = self.totals;
        let mut text = format!("{}\n", escaped(&self.tape));
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "  {name:<11} {}", escaped(value));
        };
        let (streams, events) = (render::count(streams), render::count(events));
        row("history", format!("{} commands and {events} events of {streams} streams", render::count(commands)));
        row("selected", selection::selection_text(self.selected));
        let (all, history) = (render::bytes(self.bytes), render::bytes(self.history_bytes));
        row(
            "size",
            format!("{all}, of which history has {history}: {} bytes for each command", self.bytes_per_command),
        );
        push_rows(&mut row, "components", self.components.iter().map(component_text), "none");
        push_rows(&mut row, "redacted", self.redacted.iter().cloned(), "nothing");
        row("checksum", format!("{}: the tape is not damaged", self.checksum));
        text
    }
}

/// Adds a row for each value; the first one has the name.
fn push_rows(row: &mut impl FnMut(&str, String), name: &str, values: impl Iterator<Item = String>, none: &str) {
    let mut name = name;
    for value in values {
        row(std::mem::take(&mut name), value);
    }
    if !name.is_empty() {
        row(name, none.to_owned());
    }
}

fn component_text(component: &TapedComponent) -> String {
    let TapedComponent { digest, plugin, version, bytes } = component;
    let content =
        bytes.map_or_else(|| "digest only".to_owned(), |bytes| format!("included, {} unpacked", render::bytes(bytes)));
    format!("{plugin} {version} ({}): {content}", digest.short())
}
