//! Every setting there is: name, unit, least value, meaning.

use serde_json::Value;

/// One setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// As in `cantus.toml`, with its section.
    pub(crate) name: &'static str,
    /// What it is counted in; `url` and `path` are texts.
    pub(crate) unit: &'static str,
    /// The least value of a number.
    least: u64,
    /// What it is for.
    pub(crate) meaning: &'static str,
}

const fn key(name: &'static str, unit: &'static str, least: u64, meaning: &'static str) -> Key {
    Key { name, unit, least, meaning }
}

/// All settings, in the order in which they are shown.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    key("store", "url", 0, "the event store"),
    key("store_partitions", "partitions", 1, "of the log, each with a committer; fixed when the store is created"),
    key("plugins", "path", 0, "the folder that plugins are dropped into"),
    key("data", "path", 0, "the host's own folder: compiled code and every component that decided something"),
    key("in_flight", "commands", 1, "commands of one `cantus run` that are on their way at once"),
    key("line_bytes", "bytes", 64, "longest line of a command file"),
    key("engine.shards", "threads", 1, "that decide; each owns the aggregates that hash to it"),
    key("engine.queue_commands", "commands", 1, "that one shard holds, from admission to answer"),
    key("engine.in_flight_bytes", "bytes", 1, "of commands and their events, from admission to answer, over all shards"),
    key("engine.batch_commands", "commands", 1, "of one batch: one transaction, one fsync"),
    key("engine.batch_bytes", "bytes", 1, "of commands and their events after which a batch takes no more commands"),
    key("engine.commit_attempts", "attempts", 1, "at a batch when the store does not answer"),
    key("engine.commit_timeout_ms", "ms", 1, "after which a batch is answered although the store is silent"),
    key("engine.read_attempts", "attempts", 1, "at reading a stream when the store does not answer"),
    key("engine.read_timeout_ms", "ms", 1, "after which one reading of the store is given up"),
    key("engine.conflict_retries", "retries", 0, "of a command when another writer got in between"),
    key("engine.resident_aggregates", "aggregates", 1, "that one shard keeps in memory"),
    key("engine.concurrent_loads", "aggregates", 1, "that one shard hydrates at the same time"),
    key("engine.load_bytes", "bytes", 1, "of events that one shard reads ahead for all of them together"),
    key("engine.background_loads", "aggregates", 1, "of those that are hydrated, after a swap, that nobody waits for yet"),
    key("engine.page_events", "events", 1, "that are read and folded at once"),
    key("engine.page_bytes", "bytes", 1, "of events after which such a page takes no more of them"),
    key("engine.tail_bytes", "bytes", 0, "of events that one shard keeps, to fold its aggregates anew after a swap"),
    key("engine.sandbox_bytes", "bytes", 65_536, "of guest memory after which a sandbox is given up for a fresh one"),
    key("engine.quarantine_sandboxes", "sandboxes", 1, "of one shard for aggregates that faulted"),
    key("engine.payload_bytes", "bytes", 1, "of one command's payload and metadata"),
    key("engine.events_per_command", "events", 1, "that one command may produce"),
    key("engine.snapshot_queue", "snapshots", 1, "that wait to be written; one more is dropped"),
    key("engine.snapshot_queue_bytes", "bytes", 1, "of snapshots that wait; one more is dropped"),
    key("registry.settle_ms", "ms", 1, "that a plugin's file must not have changed before it is looked at"),
    key("registry.rescan_ms", "ms", 10, "between two looks at the folder of plugins when nothing hints at a change"),
    key("registry.removal_ms", "ms", 0, "that a plugin's file must be gone before the plugin is"),
    key("registry.watch_faults", "faults", 0, "of a component that went live, beyond twice those of the one before, after which that one comes back; 0: never"),
    key("registry.watch_ms", "ms", 1, "after it went live in which they are counted"),
    key("verify.commands", "commands", 0, "recorded ones, the newest, that a candidate decides again; 0: none"),
    key("verify.min_commands", "commands", 0, "of those, that must have been decided again before it goes live; all, if they are fewer"),
    key("verify.time_ms", "ms", 1, "after which a verification ends with what it has seen"),
    key("repro.files", "files", 0, "that are kept of faults, each to run one again; the oldest goes; 0: none"),
    key("repro.bytes", "bytes", 4_096, "of such a file; what is longer begins with a snapshot, or is left out"),
    key("repro.queue", "faults", 1, "that wait for their file; one more gets none"),
    key("wasm.fuel_per_call", "fuel", 1, "of one call into a guest, about one an instruction"),
    key("wasm.call_timeout_ms", "ms", 1, "that one call may take: a safety net behind the fuel"),
    key("wasm.memory_bytes", "bytes", 65_536, "of linear memory of one sandbox"),
    key("wasm.stack_bytes", "bytes", 4_096, "of a guest's stack"),
    key("wasm.result_bytes", "bytes", 1, "that one call may return"),
    key("wasm.snapshot_bytes", "bytes", 1, "of one snapshot"),
    key("wasm.output_bytes", "bytes", 0, "of stdout and of stderr that are kept of one call"),
    key("wasm.component_bytes", "bytes", 1, "of a component file"),
    key("wasm.compiled_entries", "components", 1, "whose compiled code is kept; the oldest goes"),
    key("wasm.sandboxes", "sandboxes", 1, "that may be open at once"),
];

impl Key {
    /// The environment variable that sets it.
    pub(crate) fn variable(&self) -> String {
        format!("CANTUS_{}", self.name.to_uppercase().replace('.', "_"))
    }

    /// Where it is in the settings as JSON.
    pub(crate) fn pointer(&self) -> String {
        format!("/{}", self.name.replace('.', "/"))
    }

    /// Checks what was given against what stands there now.
    pub(crate) fn accept(&self, current: &Value, given: Value) -> Result<Value, String> {
        match current {
            Value::Number(_) => self.number(&given),
            _ => match given {
                Value::String(text) if !text.is_empty() => Ok(text.into()),
                other => Err(format!("must be a text, not {other}")),
            },
        }
    }

    fn number(&self, given: &Value) -> Result<Value, String> {
        let number = match given {
            Value::String(text) => text.replace('_', "").parse().ok(),
            other => other.as_u64(),
        };
        let number: u64 = number.ok_or_else(|| format!("must be a whole number, not {given}"))?;
        if number < self.least {
            return Err(format!("must be at least {}", self.least));
        }
        let most = if matches!(self.unit, "bytes" | "ms" | "fuel") { 1 << 48 } else { u64::from(u32::MAX) };
        if number > most {
            return Err(format!("must be at most {most}"));
        }
        Ok(number.into())
    }
}

/// The key of that name.
///
/// # Errors
/// If there is none: the message names the nearest.
pub(crate) fn find(name: &str) -> Result<&'static Key, String> {
    KEYS.iter().find(|key| key.name == name).ok_or_else(|| {
        let nearest = nearest(name, KEYS.iter().map(|key| key.name.to_owned())).unwrap_or_default();
        format!("there is no setting `{name}`; did you mean `{nearest}`?")
    })
}

/// The environment variable nearest to `name`.
pub(crate) fn nearest_variable(name: &str) -> Option<String> {
    nearest(name, KEYS.iter().map(Key::variable))
}

/// The candidate with the fewest typing errors, whether its section was given or forgotten.
fn nearest(name: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    candidates.min_by_key(|candidate| {
        let without_section = candidate.rsplit('.').next().unwrap_or(candidate);
        strsim::damerau_levenshtein(name, candidate).min(strsim::damerau_levenshtein(name, without_section))
    })
}
