//! Parses the rules of a redaction.

use std::fmt;

use serde::Deserialize;

/// A rule: the values to redact in the commands of an aggregate type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RedactionRule {
    /// An aggregate type, or `*`.
    aggregate: String,
    pub(super) target: RuleTarget,
}

/// The values that a rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RuleTarget {
    /// A field of a payload.
    PayloadField {
        /// The message's name, or `*`.
        message: String,
        path: Vec<PointerStep>,
    },
    /// A field of the record outside the payloads.
    RecordField(RecordField),
}

/// A step of a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PointerStep {
    /// Every field of an object, or element of a list.
    Every,
    /// This field, or the element with this number.
    Named(String),
}

/// A field of a command record outside the payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RecordField {
    AggregateId,
    CommandId,
    CorrelationId,
    CausationId,
    Actor,
    /// The value of one key, or of every key.
    Metadata(Option<String>),
    RejectionMessage,
}

const RECORD_FIELDS: [(&str, RecordField); 7] = [
    ("aggregate-id", RecordField::AggregateId),
    ("command-id", RecordField::CommandId),
    ("correlation-id", RecordField::CorrelationId),
    ("causation-id", RecordField::CausationId),
    ("actor", RecordField::Actor),
    ("metadata", RecordField::Metadata(None)),
    ("rejection-message", RecordField::RejectionMessage),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesToml {
    rule: Vec<RuleToml>,
}

/// A rule as TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleToml {
    aggregate: String,
    message: Option<String>,
    field: Option<String>,
    part: Option<String>,
}

/// Reports whether a pattern is this name or `*`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    pattern == "*" || pattern == name
}

/// Parses rules from TOML.
pub(super) fn parse_rules(toml: &str) -> Result<Vec<RedactionRule>, String> {
    let rules: RulesToml = toml::from_str(toml).map_err(|error| error.to_string())?;
    if rules.rule.is_empty() {
        return Err("there are none: write at least one [[rule]]".into());
    }
    (1..).zip(rules.rule).map(|(number, rule)| rule.parse().map_err(|why| format!("rule {number}: {why}"))).collect()
}

impl RuleToml {
    fn parse(self) -> Result<RedactionRule, String> {
        let target = match (self.message, self.field, self.part) {
            (Some(message), Some(field), None) => RuleTarget::PayloadField { message, path: parse_pointer(&field)? },
            (None, None, Some(part)) => RuleTarget::RecordField(RecordField::parse(&part)?),
            _ => return Err("it needs either message and field, or part".into()),
        };
        Ok(RedactionRule { aggregate: self.aggregate, target })
    }
}

impl RecordField {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(key) = text.strip_prefix("metadata.") {
            return Ok(Self::Metadata(Some(key.into())));
        }
        let names = || RECORD_FIELDS.map(|(name, _)| name).join(", ");
        let field = RECORD_FIELDS.into_iter().find(|(name, _)| *name == text).map(|(_, field)| field);
        field.ok_or_else(|| format!("there is no part {text:?}; there are {}, metadata.KEY", names()))
    }
}

/// Parses a JSON pointer: a slash before each step, with `~1` for a slash and `~0` for a tilde in a name.
fn parse_pointer(field: &str) -> Result<Vec<PointerStep>, String> {
    let Some(steps) = field.strip_prefix('/') else {
        return Err(format!("the field {field:?} does not begin with a slash, as in \"/owner/name\""));
    };
    let parse_step = |step: &str| match step {
        "*" => PointerStep::Every,
        name => PointerStep::Named(name.replace("~1", "/").replace("~0", "~")),
    };
    Ok(steps.split('/').map(parse_step).collect())
}

impl RedactionRule {
    pub(super) fn is_for(&self, aggregate_type: &str) -> bool {
        matches(&self.aggregate, aggregate_type)
    }

    pub(super) fn names_record_field(&self, aggregate_type: &str, field: &RecordField) -> bool {
        let is_named = match (&self.target, field) {
            (RuleTarget::RecordField(RecordField::Metadata(None)), RecordField::Metadata(_)) => true,
            (RuleTarget::RecordField(named), field) => named == field,
            (RuleTarget::PayloadField { .. }, _) => false,
        };
        is_named && self.is_for(aggregate_type)
    }
}

impl fmt::Display for RedactionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            RuleTarget::PayloadField { message, path } => {
                write!(f, "{}.{message} ", self.aggregate)?;
                path.iter().try_for_each(|step| match step {
                    PointerStep::Every => f.write_str("/*"),
                    PointerStep::Named(name) => write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")),
                })
            }
            RuleTarget::RecordField(RecordField::Metadata(Some(key))) => write!(f, "{} metadata.{key}", self.aggregate),
            RuleTarget::RecordField(field) => {
                let name = RECORD_FIELDS.iter().find(|(_, other)| other == field).map_or("", |(name, _)| name);
                write!(f, "{} {name}", self.aggregate)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_rule_is_shown_as_it_was_written() {
        let toml = r#"
            rule = [
                { aggregate = "Flight", message = "Schedule", field = "/plan/*/a~1b~0" },
                { aggregate = "*", part = "actor" },
                { aggregate = "Flight", part = "metadata.trace" },
            ]
        "#;
        let rules = parse_rules(toml).unwrap();
        let texts: Vec<_> = rules.iter().map(RedactionRule::to_string).collect();
        assert_eq!(texts, ["Flight.Schedule /plan/*/a~1b~0", "* actor", "Flight metadata.trace"]);
        let named = |name: &str| PointerStep::Named(name.into());
        let path = vec![named("plan"), PointerStep::Every, named("a/b~")];
        assert_eq!(rules[0].target, RuleTarget::PayloadField { message: "Schedule".into(), path });
    }

    #[test]
    fn a_wrong_rule_is_refused_with_the_reason() {
        for (rule, why) in [
            (r#"aggregate = "A", part = "owner""#, "there is no part \"owner\""),
            (r#"aggregate = "A", message = "B", field = "owner""#, "does not begin with a slash"),
            (r#"aggregate = "A", message = "B""#, "either message and field, or part"),
            (r#"aggregate = "A", message = "B", field = "/c", part = "actor""#, "either message and field, or part"),
            (r#"aggregate = "A", mesage = "B", field = "/c""#, "mesage"),
            (r#"message = "B", field = "/c""#, "aggregate"),
        ] {
            let error = parse_rules(&format!("rule = [{{ {rule} }}]")).unwrap_err();
            assert!(error.contains(why), "{rule}: {error}");
        }
        assert!(parse_rules("rule = []").unwrap_err().contains("there are none"));
    }
}
