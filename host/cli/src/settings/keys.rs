//! Defines every setting: its name, unit, least value and meaning.

use serde_json::Value;

/// One setting.
#[derive(Debug)]
pub(crate) struct SettingKey {
    /// The name in `cantus.toml`, with its section.
    pub(crate) name: &'static str,
    /// The unit of the value; `url` and `path` are strings, and so are the values of `one|another`.
    pub(crate) unit: &'static str,
    /// The least value of a number.
    least: u64,
    /// One or two sentences for people.
    pub(crate) meaning: &'static str,
}

const fn key(name: &'static str, unit: &'static str, least: u64, meaning: &'static str) -> SettingKey {
    SettingKey { name, unit, least, meaning }
}

/// All settings, in the order in which they are shown.
#[rustfmt::skip]
pub(crate) const KEYS: &[SettingKey] = &[
    key("store", "url", 0, "The event store: sqlite:PATH, or memory: for one that ends with the process."),
    key("store_partitions", "partitions", 1, "Partitions of a store that is created, each with a committer of its own. They cannot be changed later."),
    key("plugins", "path", 0, "The folder of plugins: a component file that is put there is verified and goes live."),
    key("data", "path", 0, "The host's own folder, for compiled code, repro bundles and every component that decided a command."),
    key("component_storage", "folder|store", 0, "Storage that new components are written to: the data folder, or the event store, where every host on it finds them. Both are read."),
    key("in_flight", "commands", 1, "Commands that one `cantus run` has submitted and that are not answered yet."),
    key("line_bytes", "bytes", 64, "Bytes of one line in a file of commands. A longer line is reported and skipped."),
    key("engine.shards", "threads", 1, "Shard threads; each owns the aggregates that hash to it."),
    key("engine.queue_commands", "commands", 1, "Commands that one shard holds between admission and answer. One more is answered `overloaded`."),
    key("engine.in_flight_bytes", "bytes", 1, "Bytes of commands and their events between admission and answer. Half of them are for commands: one more is answered `overloaded`."),
    key("engine.batch_commands", "commands", 1, "Commands in one batch, which is one transaction and one fsync."),
    key("engine.batch_bytes", "bytes", 1, "Bytes of commands and their events after which a batch takes no more commands."),
    key("engine.commit_attempts", "attempts", 1, "Attempts to commit a batch when the store does not answer."),
    key("engine.commit_timeout_ms", "ms", 1, "Time after which the commands of a batch are answered with an error if the store has not committed it."),
    key("engine.read_attempts", "attempts", 1, "Attempts to read a stream when the store does not answer."),
    key("engine.read_timeout_ms", "ms", 1, "Time after which one read of the store fails."),
    key("engine.conflict_retries", "retries", 0, "Times that a command is decided again after another writer extended its stream."),
    key("engine.resident_aggregates", "aggregates", 1, "Aggregates that one shard keeps in memory. The one that was used longest ago is dropped first."),
    key("engine.concurrent_loads", "aggregates", 1, "Aggregates that one shard hydrates at the same time."),
    key("engine.load_bytes", "bytes", 1, "Bytes of events that one shard reads ahead for all aggregates that it hydrates."),
    key("engine.background_loads", "aggregates", 1, "Concurrent loads of one shard for aggregates that were resident before a swap and that no command waits for."),
    key("engine.page_events", "events", 1, "Events that are read and folded at once, as one page."),
    key("engine.page_bytes", "bytes", 1, "Bytes of events after which a page takes no more events."),
    key("engine.tail_bytes", "bytes", 0, "Bytes of events that one shard keeps, to fold its aggregates again after a swap without reading the store."),
    key("engine.sandbox_bytes", "bytes", 65_536, "Bytes of guest memory after which a sandbox is replaced by a new one."),
    key("engine.quarantine_sandboxes", "sandboxes", 1, "Sandboxes of one shard for aggregates that faulted; each runs one aggregate alone until it has succeeded again."),
    key("engine.payload_bytes", "bytes", 1, "Bytes of one command's payload and metadata. A larger command is refused."),
    key("engine.events_per_command", "events", 1, "Events that one command may produce. A command that produces more is a fault."),
    key("engine.snapshot_queue", "snapshots", 1, "Snapshots that wait to be written. One more is dropped."),
    key("engine.snapshot_queue_bytes", "bytes", 1, "Bytes of the snapshots that wait to be written. One more is dropped."),
    key("registry.settle_ms", "ms", 1, "Time for which a component file must be unchanged before the host loads it."),
    key("registry.rescan_ms", "ms", 10, "Time between two scans of the folder of plugins when the file system reports no change."),
    key("registry.removal_ms", "ms", 0, "Time for which the last file of a plugin must be gone before the host deactivates the plugin."),
    key("registry.watch_faults", "faults", 0, "Faults after which a new version is rolled back, beyond twice as many as the version before would have had. 0 turns this off."),
    key("registry.watch_ms", "ms", 1, "Time after an activation in which these faults are counted."),
    key("verify.commands", "commands", 0, "Newest recorded commands that a candidate decides again before it goes live. 0 turns verification off."),
    key("verify.min_commands", "commands", 0, "Commands that must have been decided again before a candidate goes live; all recorded commands, if they are fewer."),
    key("verify.time_ms", "ms", 1, "Time after which a verification ends and judges the commands that it has decided."),
    key("repro.files", "files", 0, "Repro bundles that are kept, one for each kind of fault. The oldest is removed first. 0 keeps none."),
    key("repro.bytes", "bytes", 4_096, "Bytes of one repro bundle. A longer stream starts from a snapshot, or its bundle is left out."),
    key("repro.queue", "faults", 1, "Faults that wait for their bundle to be written. One more gets no bundle."),
    key("wasm.fuel_per_call", "fuel", 1, "Fuel of one call into a guest, about one unit for each WebAssembly instruction. A call that uses it up is a fault."),
    key("wasm.call_timeout_ms", "ms", 1, "Time that one call into a guest may take. It only catches what the fuel does not limit."),
    key("wasm.memory_bytes", "bytes", 65_536, "Bytes of linear memory of one sandbox, which all aggregates in it share."),
    key("wasm.stack_bytes", "bytes", 4_096, "Bytes of a guest's WebAssembly stack."),
    key("wasm.result_bytes", "bytes", 1, "Bytes that one call into a guest may return: all events of a command together, or its rejection."),
    key("wasm.snapshot_bytes", "bytes", 1, "Bytes of one aggregate's snapshot."),
    key("wasm.output_bytes", "bytes", 0, "Bytes that are logged of what one call into a guest prints, for stdout and stderr each. The rest is dropped."),
    key("wasm.component_bytes", "bytes", 1, "Bytes of one component file. A larger file is refused."),
    key("wasm.compiled_entries", "components", 1, "Components whose compiled code is kept on disk. The oldest is removed first."),
    key("wasm.sandboxes", "sandboxes", 1, "Sandboxes that may be open at the same time, over all shards and plugins."),
];

impl SettingKey {
    /// Names the environment variable that sets it.
    pub(crate) fn variable(&self) -> String {
        format!("CANTUS_{}", self.name.to_uppercase().replace('.', "_"))
    }

    /// Points to its value in the settings as JSON.
    pub(crate) fn pointer(&self) -> String {
        format!("/{}", self.name.replace('.', "/"))
    }

    /// Converts a given value to the type of the current one, and checks its bounds.
    pub(crate) fn accept(&self, current: &Value, given: Value) -> Result<Value, String> {
        match current {
            Value::Number(_) => self.number(&given),
            _ => match given {
                Value::String(text) if self.unit.contains('|') && !self.unit.split('|').any(|value| value == text) => {
                    Err(format!("must be one of {}, not {text:?}", self.unit.replace('|', ", ")))
                }
                Value::String(text) if !text.is_empty() => Ok(text.into()),
                other => Err(format!("must be a string, not {other}")),
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

/// Finds a setting by its name.
///
/// # Errors
/// If there is no such setting; the message names the most similar one.
pub(crate) fn find(name: &str) -> Result<&'static SettingKey, String> {
    KEYS.iter().find(|key| key.name == name).ok_or_else(|| {
        let nearest = nearest(name, KEYS.iter().map(|key| key.name.to_owned())).unwrap_or_default();
        format!("there is no setting `{name}`; did you mean `{nearest}`?")
    })
}

/// Finds the environment variable whose name is most similar to `name`.
pub(crate) fn nearest_variable(name: &str) -> Option<String> {
    nearest(name, KEYS.iter().map(SettingKey::variable))
}

/// Finds the candidate with the fewest typing errors. The section of a key may have been left out.
fn nearest(name: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    candidates.min_by_key(|candidate| {
        let without_section = candidate.rsplit('.').next().unwrap_or(candidate);
        strsim::damerau_levenshtein(name, candidate).min(strsim::damerau_levenshtein(name, without_section))
    })
}
