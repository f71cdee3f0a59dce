//! Restores the instance of a stream from its own snapshot, as a host does after a restart. The state must be the
//! same.

use cantus_model::{Context, Fault, FaultKind, Message};

use super::{ComponentRunner, ReplayOutcome, RestoreSchedule};

impl ComponentRunner {
    /// The fault, if the stream's instance did not come back unchanged from its own snapshot.
    pub(crate) fn restore_fault(&self) -> Option<&Fault> {
        self.restore_fault.as_deref()
    }

    /// Counts one more step of the stream, and reports whether its instance is restored at it.
    pub(super) fn is_restore_due(&mut self) -> bool {
        let restores = self.has_restores();
        let Some(stream) = &mut self.stream else { return false };
        stream.steps += 1;
        restores && stream.steps.is_power_of_two()
    }

    /// Reports whether the stream's instance is restored at some of its steps and at its end.
    fn has_restores(&self) -> bool {
        let hosted = self.stream.as_ref().and_then(|stream| self.hosted.get(&stream.aggregate.aggregate_type));
        let takes_snapshots = hosted.is_some_and(|hosted| hosted.aggregate_type.snapshot_every > 0);
        self.mode.restores == RestoreSchedule::PowersOfTwo && takes_snapshots
    }

    /// Reports whether a command is decided differently on an instance that folded all events than on one that was
    /// restored from that instance's snapshot, each in a sandbox of its own.
    pub(crate) fn restore_changes(&mut self, command: &Message, context: &Context) -> bool {
        let Some(stream) = &self.stream else { return false };
        let Some(hosted) = self.hosted.get(&stream.aggregate.aggregate_type).cloned() else { return false };
        self.drop_sandbox();
        let folded = self.decide_now(&hosted, command, context);
        self.drop_sandbox();
        let restored = self
            .restore_own_snapshot()
            .map_or_else(ReplayOutcome::Fault, |()| self.decide_now(&hosted, command, context));
        folded != restored
    }

    /// Returns the state of the stream, folded from all events in a sandbox of its own.
    pub(crate) fn folded_state(&mut self) -> Option<Vec<u8>> {
        self.drop_sandbox();
        self.state().ok().flatten()
    }

    /// Returns the state at the end of the stream, after one more restore if the mode has restores.
    pub(crate) fn last_state(&mut self) -> Result<Option<Vec<u8>>, Box<Fault>> {
        if self.has_restores() {
            self.check_restore();
        }
        self.state()
    }

    /// Restores the instance from its own snapshot. If its state changes, the rest of the stream is not run.
    pub(super) fn check_restore(&mut self) {
        if self.restore_fault.is_none() {
            self.restore_fault = self.restore_own_snapshot().err();
        }
    }

    /// Restores the instance from its own snapshot in another sandbox, as a host does after a restart.
    fn restore_own_snapshot(&mut self) -> Result<(), Box<Fault>> {
        let Some(before) = self.state()? else { return Ok(()) };
        self.drop_sandbox();
        let Some(stream) = &self.stream else { return Ok(()) };
        let (aggregate, version) = (stream.aggregate.clone(), stream.version);
        let restored = self.restore(&aggregate, Some(&before)).and_then(|_| self.state());
        match restored {
            Ok(Some(after)) if after == before => Ok(()),
            Ok(after) => Err(self.changed_by_restore(version, &before, &after.unwrap_or_default())),
            Err(fault) if fault.kind == FaultKind::Host => Err(fault),
            Err(fault) => {
                let message = format!("restore(snapshot) faults at version {version}: {}", fault.message);
                Err(Box::new(Fault { message, ..*fault }))
            }
        }
    }

    fn changed_by_restore(&self, version: u64, before: &[u8], after: &[u8]) -> Box<Fault> {
        let [before, after] = excerpts([before, after]);
        let message =
            format!("restore(snapshot) gives another state at version {version}: {after} instead of {before}");
        Fault::malformed(self.component.manifest(), self.digest(), "restore", message)
    }
}

/// Bytes of a state that a message shows.
const EXCERPT_BYTES: usize = 200;
/// Bytes before the first difference that a message shows.
const EXCERPT_BYTES_BEFORE: usize = 60;

/// Shows two states around their first differing byte: printed as parsed numbers they might look the same.
fn excerpts(states: [&[u8]; 2]) -> [String; 2] {
    let [one, two] = states;
    let common = one.iter().zip(two).take_while(|(one, two)| one == two).count();
    let is_short = one.len().max(two.len()) <= EXCERPT_BYTES;
    let start = if is_short { 0 } else { common.saturating_sub(EXCERPT_BYTES_BEFORE) };
    states.map(|state| excerpt(state, start))
}

fn excerpt(state: &[u8], start: usize) -> String {
    let rest = state.get(start..).unwrap_or_default();
    let excerpt = String::from_utf8_lossy(&rest[..rest.len().min(EXCERPT_BYTES)]);
    let excerpt: String =
        excerpt.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    let [before, after] = [start > 0, rest.len() > EXCERPT_BYTES].map(|is_cut| if is_cut { "…" } else { "" });
    format!("{before}{excerpt}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_states_are_shown_around_their_first_difference() {
        let short = excerpts([b"{\"x\":0.1}", b"{\"x\":0.10}"]);
        assert_eq!(short, ["{\"x\":0.1}", "{\"x\":0.10}"]);
        let long = |end: &str| format!("{}{end}{}", "a".repeat(1_000), "z".repeat(1_000));
        let [one, two] = excerpts([long("1").as_bytes(), long("2").as_bytes()]);
        assert!(one.starts_with("…aaa") && one.contains("a1z") && two.contains("a2z") && two.ends_with("z…"), "{one}");
        assert_eq!(excerpts([b"\x1b[2J", b""]), ["\u{fffd}[2J", ""]);
    }
}
