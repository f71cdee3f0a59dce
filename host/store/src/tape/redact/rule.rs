//! The rules of a redaction.

use std::fmt;

use serde::Deserialize;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// An aggregate type, or `*`.
    aggregate: String,
    pub(super) what: What,
}

/// What a rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A field of a payload.
    Field {
        /// The message's name, or `*`.
        message: String,
        path: Vec<Segment>,
    },
    /// A part of what surrounds the payloads.
    Part(Part),
}

/// One step into a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Every field of an object, or element of a list.
    Every,
    /// This field, or the element with this number.
    Named(String),
}

/// A part of what surrounds the payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    AggregateId,
    CommandId,
    CorrelationId,
    CausationId,
    Actor,
    /// The value of a key, or of each.
    Metadata(Option<String>),
    RejectionMessage,
}

const PARTS: [(&str, Part); 7] = [
    ("aggregate-id", Part::AggregateId),
    ("command-id", Part::CommandId),
    ("correlation-id", Part::CorrelationId),
    ("causation-id", Part::CausationId),
    ("actor", Part::Actor),
    ("metadata", Part::Metadata(None)),
    ("rejection-message", Part::RejectionMessage),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rule: Vec<Written>,
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    aggregate: String,
    message: Option<String>,
    field: Option<String>,
    part: Option<String>,
}

/// Whether a pattern is for this name.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    pattern == "*" || pattern == name
}

/// Reads rules from TOML.
pub(super) fn parse(toml: &str) -> Result<Vec<Rule>, String> {
    let rules: Rules = toml::from_str(toml).map_err(|error| error.to_string())?;
    if rules.rule.is_empty() {
        return Err("there are none: write at least one [[rule]]".into());
    }
    (1..).zip(rules.rule).map(|(number, rule)| rule.read().map_err(|why| format!("rule {number}: {why}"))).collect()
}

impl Written {
    fn read(self) -> Result<Rule, String> {
        let what = match (self.message, self.field, self.part) {
            (Some(message), Some(field), None) => What::Field { message, path: path(&field)? },
            (None, None, Some(part)) => What::Part(Part::parse(&part)?),
            _ => return Err("it needs either message and field, or part".into()),
        };
        Ok(Rule { aggregate: self.aggregate, what })
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(key) = text.strip_prefix("metadata.") {
            return Ok(Self::Metadata(Some(key.into())));
        }
        let names = || PARTS.map(|(name, _)| name).join(", ");
        let part = PARTS.into_iter().find(|(name, _)| *name == text).map(|(_, part)| part);
        part.ok_or_else(|| format!("there is no part {text:?}; there are {}, metadata.KEY", names()))
    }
}

/// A JSON pointer: each step behind a slash, with `~1` for a slash and `~0` for a tilde in a name.
fn path(field: &str) -> Result<Vec<Segment>, String> {
    let Some(steps) = field.strip_prefix('/') else {
        return Err(format!("the field {field:?} does not begin with a slash, as in \"/owner/name\""));
    };
    let segment = |step: &str| match step {
        "*" => Segment::Every,
        name => Segment::Named(name.replace("~1", "/").replace("~0", "~")),
    };
    Ok(steps.split('/').map(segment).collect())
}

impl Rule {
    pub(super) fn is_for(&self, aggregate_type: &str) -> bool {
        matches(&self.aggregate, aggregate_type)
    }

    pub(super) fn names_part(&self, aggregate_type: &str, part: &Part) -> bool {
        let is_named = match (&self.what, part) {
            (What::Part(Part::Metadata(None)), Part::Metadata(_)) => true,
            (What::Part(named), part) => named == part,
            (What::Field { .. }, _) => false,
        };
        is_named && self.is_for(aggregate_type)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Field { message, path } => {
                write!(f, "{}.{message} ", self.aggregate)?;
                path.iter().try_for_each(|segment| match segment {
                    Segment::Every => f.write_str("/*"),
                    Segment::Named(name) => write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")),
                })
            }
            What::Part(Part::Metadata(Some(key))) => write!(f, "{} metadata.{key}", self.aggregate),
            What::Part(part) => {
                let name = PARTS.iter().find(|(_, other)| other == part).map_or("", |(name, _)| name);
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
    fn rules_read_as_they_are_written() {
        let toml = r#"
            rule = [
                { aggregate = "Flight", message = "Schedule", field = "/plan/*/a~1b~0" },
                { aggregate = "*", part = "actor" },
                { aggregate = "Flight", part = "metadata.trace" },
            ]
        "#;
        let rules = parse(toml).unwrap();
        let texts: Vec<_> = rules.iter().map(Rule::to_string).collect();
        assert_eq!(texts, ["Flight.Schedule /plan/*/a~1b~0", "* actor", "Flight metadata.trace"]);
        let named = |name: &str| Segment::Named(name.into());
        let path = vec![named("plan"), Segment::Every, named("a/b~")];
        assert_eq!(rules[0].what, What::Field { message: "Schedule".into(), path });
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_said() {
        for (rule, why) in [
            (r#"aggregate = "A", part = "owner""#, "there is no part \"owner\""),
            (r#"aggregate = "A", message = "B", field = "owner""#, "does not begin with a slash"),
            (r#"aggregate = "A", message = "B""#, "either message and field, or part"),
            (r#"aggregate = "A", message = "B", field = "/c", part = "actor""#, "either message and field, or part"),
            (r#"aggregate = "A", mesage = "B", field = "/c""#, "mesage"),
            (r#"message = "B", field = "/c""#, "aggregate"),
        ] {
            let error = parse(&format!("rule = [{{ {rule} }}]")).unwrap_err();
            assert!(error.contains(why), "{rule}: {error}");
        }
        assert!(parse("rule = []").unwrap_err().contains("there are none"));
    }
}
