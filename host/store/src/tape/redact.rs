//! Redaction: what must not leave the house does not reach the tape.
//!
//! ```toml
//! [[rule]]
//! aggregate = "Flight"    # an aggregate type, or "*"
//! message = "Schedule"    # a command, an event, the code of a rejection (its detail), or "*"
//! field = "/aircraft"     # a JSON pointer; "*" in it is every field or element of that place
//!
//! [[rule]]
//! aggregate = "*"
//! part = "actor"          # aggregate-id, command-id, correlation-id, causation-id, metadata, metadata.KEY, rejection-message
//! ```
//!
//! A text becomes `redacted-` and 16 digits, which depend on the text and on the salt alone: the same value has the same
//! pseudonym wherever it occurs, so that a history stays consistent with itself. Who knows the salt can try values out;
//! who does not, cannot. `null` stays. Anything else in a named field is an error, for there is no number that means
//! nothing. All other bytes of a payload stay as they were.
//!
//! What follows from the values goes with them: request hash, seed, a correlation id that is the command's own id, and in
//! a rejection's message each value that was redacted in its command or its detail. A value that also stands elsewhere,
//! such as an id inside another id, or one of the state in a message, needs a rule of its own. A decision that looks into a value (its length, its prefix) may come out
//! differently for a pseudonym; the tape's header says that it is redacted.

mod json;
mod rule;

use cantus_model::{Command, Digest, HistoryPage, HistoryQuery, Outcome, RecordedCommand, Rejection};

use super::form::Request;
use rule::{Part, Rule, What};

/// Characters that a salt must have.
const SALT: usize = 16;

/// Why something cannot be redacted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RedactionError {
    /// The rules do not parse.
    #[error("the rules of the redaction: {0}")]
    Rules(String),
    /// The salt is too easily guessed.
    #[error("the salt of the redaction must have at least {SALT} characters: who guesses it can undo the redaction")]
    Salt,
    /// A payload does not allow it.
    #[error("{what} of command {command} cannot be redacted: {why}")]
    Payload {
        /// Which message.
        what: String,
        /// The command's id, as the tape has it.
        command: String,
        /// Why not.
        why: String,
    },
}

/// Replaces what its rules name by pseudonyms.
#[derive(Clone)]
pub struct Redactor {
    rules: Vec<Rule>,
    /// Which of them met something.
    used: Vec<bool>,
    salt: String,
}

/// Values that were replaced, each with its pseudonym.
type Replaced = Vec<(String, String)>;

impl Redactor {
    /// Reads rules from TOML. The salt is the secret that the pseudonyms depend on.
    ///
    /// # Errors
    /// If the rules do not parse, or the salt is short.
    pub fn parse(toml: &str, salt: &str) -> Result<Self, RedactionError> {
        if salt.chars().count() < SALT {
            return Err(RedactionError::Salt);
        }
        let rules = rule::parse(toml).map_err(RedactionError::Rules)?;
        Ok(Self { used: vec![false; rules.len()], rules, salt: salt.into() })
    }

    /// The rules, for people.
    pub fn rules(&self) -> Vec<String> {
        self.rules.iter().map(Rule::to_string).collect()
    }

    /// The rules that have met nothing yet.
    pub fn unused(&self) -> Vec<String> {
        let rules = self.rules.iter().zip(&self.used);
        rules.filter(|(_, used)| !**used).map(|(rule, _)| rule.to_string()).collect()
    }

    /// A query, as a tape's header may show it.
    pub fn query(&self, query: &HistoryQuery) -> HistoryQuery {
        let mut query = query.clone();
        if let Some(aggregate) = &mut query.aggregate
            && self.rules.iter().any(|rule| rule.names_part(&aggregate.aggregate_type, &Part::AggregateId))
        {
            aggregate.id = self.pseudonym(&aggregate.id);
        }
        query
    }

    /// The same page with pseudonyms.
    ///
    /// # Errors
    /// If a rule names a field of a payload that is not JSON, or whose value is neither a text nor `null`.
    pub fn apply(&mut self, mut page: HistoryPage) -> Result<HistoryPage, RedactionError> {
        let kind = page.aggregate.aggregate_type.clone();
        self.part(&kind, &Part::AggregateId, &mut page.aggregate.id);
        for command in &mut page.commands {
            let request = Request::of(&command.record);
            let id = command.record.context.command_id.clone();
            self.envelope(&kind, command);
            self.payloads(&kind, command)?;
            command.record.aggregate.id.clone_from(&page.aggregate.id);
            let record = &mut command.record;
            if record.context.command_id != id {
                record.context.seed = Command::seed_of(&record.context.command_id);
            }
            // The recorded hash would let a value be guessed.
            request.unwrap_or(Request { version: true, expected: false }).apply(record);
        }
        Ok(page)
    }

    fn envelope(&mut self, kind: &str, command: &mut RecordedCommand) {
        let context = &mut command.record.context;
        let is_own = context.correlation_id == context.command_id;
        self.part(kind, &Part::CorrelationId, &mut context.correlation_id);
        if self.part(kind, &Part::CommandId, &mut context.command_id) && is_own {
            context.correlation_id.clone_from(&context.command_id);
        }
        if let Some(id) = &mut context.causation_id {
            self.part(kind, &Part::CausationId, id);
        }
        if let Some(actor) = &mut context.actor {
            self.part(kind, &Part::Actor, actor);
        }
        for (key, value) in &mut context.metadata {
            self.part(kind, &Part::Metadata(Some(key.clone())), value);
        }
    }

    /// Redacts one part, once, if a rule names it. Says whether one does.
    fn part(&mut self, kind: &str, part: &Part, value: &mut String) -> bool {
        let mut is_named = false;
        for (rule, used) in self.rules.iter().zip(&mut self.used) {
            if rule.names_part(kind, part) {
                (is_named, *used) = (true, true);
            }
        }
        if is_named {
            *value = self.pseudonym(value);
        }
        is_named
    }

    fn payloads(&mut self, kind: &str, command: &mut RecordedCommand) -> Result<(), RedactionError> {
        let RecordedCommand { record, events } = command;
        let (message, id) = (&mut record.command, &record.context.command_id);
        let mut replaced =
            self.payload(kind, &message.name, &mut message.payload).map_err(|why| refuse(&message.name, id, why))?;
        for event in events {
            self.payload(kind, &event.name, &mut event.payload).map_err(|why| refuse(&event.name, id, why))?;
        }
        let Outcome::Rejected(Rejection { code, message, detail }) = &mut record.outcome else { return Ok(()) };
        if let Some(detail) = detail {
            replaced.extend(self.payload(kind, code, detail).map_err(|why| refuse(code, id, why))?);
        }
        if !self.part(kind, &Part::RejectionMessage, message) {
            *message = json::replace_all(message, &replaced);
        }
        Ok(())
    }

    fn payload(&mut self, kind: &str, name: &str, payload: &mut Vec<u8>) -> Result<Replaced, String> {
        let mut fields = vec![];
        for (index, rule) in self.rules.iter().enumerate() {
            if let What::Field { message, path } = &rule.what
                && rule.is_for(kind)
                && rule::matches(message, name)
            {
                fields.push((index, path.as_slice()));
            }
        }
        if fields.is_empty() {
            return Ok(vec![]);
        }
        let text = std::str::from_utf8(payload).map_err(|_| "it is not JSON".to_owned())?;
        let found = json::find(text, &fields)?;
        found.iter().for_each(|found| self.used[found.rule] = true);
        let replaced: Replaced =
            found.iter().map(|found| (found.value.clone(), self.pseudonym(&found.value))).collect();
        *payload = json::splice(text, &found, &replaced).into_bytes();
        Ok(replaced)
    }

    fn pseudonym(&self, value: &str) -> String {
        format!("redacted-{:016x}", Digest::of_parts([self.salt.as_bytes(), value.as_bytes()]).seed())
    }
}

fn refuse(what: &str, command: &str, why: String) -> RedactionError {
    RedactionError::Payload { what: what.into(), command: command.into(), why }
}
