//! Redaction: replaces values that must not leave the organization by pseudonyms before they reach the tape.
//!
//! ```toml
//! [[rule]]
//! aggregate = "Flight"    # an aggregate type, or "*"
//! message = "Schedule"    # a command, an event, the code of a rejection (its detail), or "*"
//! field = "/aircraft"     # a JSON pointer; a step "*" is every field or element
//!
//! [[rule]]
//! aggregate = "*"
//! part = "actor"          # aggregate-id, command-id, correlation-id, causation-id, metadata, metadata.KEY, rejection-message
//! ```
//!
//! A string becomes `redacted-` and 16 digits, which depend on the string and on the salt alone: the same value has the same
//! pseudonym wherever it occurs, so that a history stays consistent with itself. A reader who knows the salt can test guesses of
//! a value; one who does not cannot. `null` stays. Anything else in a named field is an error, because no number could stand for
//! it. All other bytes of a payload stay as they were.
//!
//! Values that follow from a redacted one change with it: the request hash, the seed, a correlation id that is the command's own
//! id, and in the message of a rejection each value that was redacted in its command or its detail. A value that also occurs
//! elsewhere, such as an id inside another id, or a value of the state in a message, needs a rule of its own. A decision that
//! depends on the form of a value (its length, its prefix) may differ for a pseudonym; the header of the tape says that it is
//! redacted.

mod json;
mod rule;

use cantus_model::{
    Command, CommandRecord, Digest, HistoryPage, HistoryQuery, Outcome, RecordedCommand, Rejection, RequestShape,
};
use json::Replacements;
use rule::{RecordField, RedactionRule, RuleTarget};

/// The least number of characters of a salt.
const MIN_SALT_CHARS: usize = 16;

/// A value cannot be redacted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RedactionError {
    /// The rules do not parse.
    #[error("the rules of the redaction cannot be read: {0}")]
    Rules(String),
    /// The salt is too short, so it could be guessed.
    #[error(
        "the salt of the redaction must have at least {MIN_SALT_CHARS} characters: who guesses it can undo the redaction"
    )]
    Salt,
    /// A payload holds something that cannot be redacted.
    #[error("{what} of command {command} cannot be redacted: {why}")]
    Payload {
        /// The name of the message.
        what: String,
        /// The id of the command, as the tape has it.
        command: String,
        /// The reason.
        why: String,
    },
}

/// Replaces the values that its rules name by pseudonyms.
#[derive(Clone)]
pub struct Redactor {
    rules: Vec<RedactionRule>,
    /// For each rule: it has matched something.
    used: Vec<bool>,
    salt: String,
}

impl Redactor {
    /// Reads rules from TOML. The salt is the secret that the pseudonyms depend on.
    ///
    /// # Errors
    /// If the rules do not parse, or the salt is short.
    pub fn parse(toml: &str, salt: &str) -> Result<Self, RedactionError> {
        if salt.chars().count() < MIN_SALT_CHARS {
            return Err(RedactionError::Salt);
        }
        let rules = rule::parse_rules(toml).map_err(RedactionError::Rules)?;
        Ok(Self { used: vec![false; rules.len()], rules, salt: salt.into() })
    }

    /// Returns the rules, for people.
    pub fn rules(&self) -> Vec<String> {
        self.rules.iter().map(RedactionRule::to_string).collect()
    }

    /// Returns the rules that have matched nothing yet.
    pub fn unused(&self) -> Vec<String> {
        let rules = self.rules.iter().zip(&self.used);
        rules.filter(|(_, used)| !**used).map(|(rule, _)| rule.to_string()).collect()
    }

    /// Redacts a query for the header of a tape.
    pub fn query(&self, query: &HistoryQuery) -> HistoryQuery {
        let mut query = query.clone();
        if let Some(aggregate) = &mut query.aggregate
            && self
                .rules
                .iter()
                .any(|rule| rule.names_record_field(&aggregate.aggregate_type, &RecordField::AggregateId))
        {
            aggregate.id = self.pseudonym(&aggregate.id);
        }
        query
    }

    /// Redacts a page.
    ///
    /// # Errors
    /// If a rule names a field of a payload that is not JSON, or whose value is neither a string nor `null`.
    pub fn apply(&mut self, mut page: HistoryPage) -> Result<HistoryPage, RedactionError> {
        let aggregate_type = page.aggregate.aggregate_type.clone();
        self.redact_record_field(&aggregate_type, &RecordField::AggregateId, &mut page.aggregate.id);
        for command in &mut page.commands {
            let CommandRecord { request_hash, aggregate, command: message, base_version, .. } = &command.record;
            let request = RequestShape::of(request_hash, aggregate, message, *base_version);
            let id = command.record.context.command_id.clone();
            self.redact_context(&aggregate_type, command);
            self.redact_payloads(&aggregate_type, command)?;
            command.record.aggregate.id.clone_from(&page.aggregate.id);
            let record = &mut command.record;
            if record.context.command_id != id {
                record.context.seed = Command::seed_of(&record.context.command_id);
            }
            // With the recorded hash, guesses of a value could be tested.
            let request = request.unwrap_or(RequestShape { version: true, expected_version: false });
            record.request_hash = request.hash(&record.aggregate, &record.command, record.base_version);
        }
        Ok(page)
    }

    fn redact_context(&mut self, aggregate_type: &str, command: &mut RecordedCommand) {
        let context = &mut command.record.context;
        let is_own = context.correlation_id == context.command_id;
        self.redact_record_field(aggregate_type, &RecordField::CorrelationId, &mut context.correlation_id);
        if self.redact_record_field(aggregate_type, &RecordField::CommandId, &mut context.command_id) && is_own {
            context.correlation_id.clone_from(&context.command_id);
        }
        if let Some(id) = &mut context.causation_id {
            self.redact_record_field(aggregate_type, &RecordField::CausationId, id);
        }
        if let Some(actor) = &mut context.actor {
            self.redact_record_field(aggregate_type, &RecordField::Actor, actor);
        }
        for (key, value) in &mut context.metadata {
            self.redact_record_field(aggregate_type, &RecordField::Metadata(Some(key.clone())), value);
        }
    }

    /// Redacts one field if a rule names it. Reports whether one does.
    fn redact_record_field(&mut self, aggregate_type: &str, field: &RecordField, value: &mut String) -> bool {
        let mut is_named = false;
        for (rule, used) in self.rules.iter().zip(&mut self.used) {
            if rule.names_record_field(aggregate_type, field) {
                (is_named, *used) = (true, true);
            }
        }
        if is_named {
            *value = self.pseudonym(value);
        }
        is_named
    }

    fn redact_payloads(&mut self, aggregate_type: &str, command: &mut RecordedCommand) -> Result<(), RedactionError> {
        let RecordedCommand { record, events } = command;
        let (message, id) = (&mut record.command, &record.context.command_id);
        let mut replacements = self
            .redact_payload(aggregate_type, &message.name, &mut message.payload)
            .map_err(|why| refuse_payload(&message.name, id, why))?;
        for event in events {
            self.redact_payload(aggregate_type, &event.name, &mut event.payload)
                .map_err(|why| refuse_payload(&event.name, id, why))?;
        }
        let Outcome::Rejected(Rejection { code, message, detail }) = &mut record.outcome else { return Ok(()) };
        if let Some(detail) = detail {
            replacements.extend(
                self.redact_payload(aggregate_type, code, detail).map_err(|why| refuse_payload(code, id, why))?,
            );
        }
        if !self.redact_record_field(aggregate_type, &RecordField::RejectionMessage, message) {
            *message = json::replace_values(message, &replacements);
        }
        Ok(())
    }

    /// Redacts the fields of a payload that rules name. Returns the values that were replaced.
    fn redact_payload(
        &mut self,
        aggregate_type: &str,
        name: &str,
        payload: &mut Vec<u8>,
    ) -> Result<Replacements, String> {
        let mut fields = vec![];
        for (index, rule) in self.rules.iter().enumerate() {
            if let RuleTarget::PayloadField { message, path } = &rule.target
                && rule.is_for(aggregate_type)
                && rule::matches(message, name)
            {
                fields.push((index, path.as_slice()));
            }
        }
        if fields.is_empty() {
            return Ok(vec![]);
        }
        let text = std::str::from_utf8(payload).map_err(|_| "it is not JSON".to_owned())?;
        let matches = json::find_strings(text, &fields)?;
        matches.iter().for_each(|found| self.used[found.rule] = true);
        let replacements: Replacements =
            matches.iter().map(|found| (found.value.clone(), self.pseudonym(&found.value))).collect();
        *payload = json::replace_strings(text, &matches, &replacements).into_bytes();
        Ok(replacements)
    }

    fn pseudonym(&self, value: &str) -> String {
        format!("redacted-{:016x}", Digest::of_parts([self.salt.as_bytes(), value.as_bytes()]).seed())
    }
}

fn refuse_payload(what: &str, command: &str, why: String) -> RedactionError {
    RedactionError::Payload { what: what.into(), command: command.into(), why }
}
