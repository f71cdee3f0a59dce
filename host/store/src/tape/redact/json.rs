//! Replaces strings in JSON in place: all other bytes stay as they were.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::rule::PointerStep;

/// Values that were replaced, each with its pseudonym.
pub(super) type Replacements = Vec<(String, String)>;

/// A string that a rule names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StringMatch {
    /// Its position in the JSON, including its quotes.
    range: Range<usize>,
    pub(super) value: String,
    pub(super) rule: usize,
}

/// Finds the strings at these paths, each with the number of its rule, in the order of their positions.
pub(super) fn find_strings(json: &str, paths: &[(usize, &[PointerStep])]) -> Result<Vec<StringMatch>, String> {
    let root: &RawValue = serde_json::from_str(json).map_err(not_json)?;
    let mut found = vec![];
    for (rule, path) in paths {
        let mut values = vec![];
        collect_values(root, path, &mut values)?;
        for value in values {
            if let Some((range, value)) = read_string(json, value)? {
                found.push(StringMatch { range, value, rule: *rule });
            }
        }
    }
    found.sort_by_key(|found| (found.range.start, found.rule));
    Ok(found)
}

/// Replaces each string that was found by its pseudonym.
pub(super) fn replace_strings(json: &str, found: &[StringMatch], replacements: &Replacements) -> String {
    let (mut out, mut at) = (String::with_capacity(json.len()), 0);
    for (StringMatch { range, .. }, (_, pseudonym)) in found.iter().zip(replacements) {
        // Two rules may name one string.
        if range.start >= at {
            out.extend([&json[at..range.start], "\"", pseudonym, "\""]);
            at = range.end;
        }
    }
    out + &json[at..]
}

/// Replaces every value that occurs in a message for people: at each position the longest value that matches.
pub(super) fn replace_values(text: &str, replacements: &Replacements) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let fits = replacements.iter().filter(|(value, _)| !value.is_empty() && rest.starts_with(value));
        match fits.max_by_key(|(value, _)| value.len()) {
            Some((value, pseudonym)) => {
                out.push_str(pseudonym);
                rest = &rest[value.len()..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

/// Collects the values that a path leads to. The recursion is as deep as the path.
fn collect_values<'a>(value: &'a RawValue, path: &[PointerStep], values: &mut Vec<&'a RawValue>) -> Result<(), String> {
    let Some((step, rest)) = path.split_first() else {
        values.push(value);
        return Ok(());
    };
    for (name, child) in children_of(value)? {
        if *step == PointerStep::Every || *step == PointerStep::Named(name) {
            collect_values(child, rest, values)?;
        }
    }
    Ok(())
}

/// Returns the fields of an object, or the elements of a list with their numbers; none of anything else.
fn children_of(value: &RawValue) -> Result<Vec<(String, &RawValue)>, String> {
    match value.get().as_bytes().first() {
        Some(b'{') => serde_json::from_str(value.get()).map(|ObjectFields(fields)| fields).map_err(not_json),
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(not_json)?;
            Ok((0..).zip(elements).map(|(index, element): (u64, _)| (index.to_string(), element)).collect())
        }
        _ => Ok(vec![]),
    }
}

/// Reads the position and the content of a string; `None` for `null`.
fn read_string(json: &str, value: &RawValue) -> Result<Option<(Range<usize>, String)>, String> {
    let written = value.get();
    // The value borrows from the JSON.
    let start = written.as_ptr().addr() - json.as_ptr().addr();
    let kind = match written.as_bytes().first() {
        Some(b'"') => {
            let value = serde_json::from_str(written).map_err(not_json)?;
            return Ok(Some((start..start + written.len(), value)));
        }
        Some(b'n') => return Ok(None),
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "a boolean",
        _ => "a number",
    };
    Err(format!("a field that a rule names holds {kind}: only strings have pseudonyms"))
}

fn not_json(error: serde_json::Error) -> String {
    format!("it is not JSON: {error}")
}

/// The fields of an object as they are written: in their order, and twice if they occur twice.
struct ObjectFields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for ObjectFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectFieldsVisitor)
    }
}

struct ObjectFieldsVisitor;

impl<'de> Visitor<'de> for ObjectFieldsVisitor {
    type Value = ObjectFields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = vec![];
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(ObjectFields(fields))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn redact(text: &str, paths: &[&[PointerStep]]) -> Result<String, String> {
        let paths: Vec<_> = paths.iter().copied().enumerate().collect();
        let found = find_strings(text, &paths)?;
        let replacements = found.iter().map(|found| (found.value.clone(), format!("<{}>", found.value))).collect();
        Ok(replace_strings(text, &found, &replacements))
    }

    fn named(name: &str) -> PointerStep {
        PointerStep::Named(name.into())
    }

    #[test]
    fn only_the_named_strings_change() {
        let text = r#" {"b":1.50, "a" : "x\"\u0041","c":{"a":"y","a":"z"},"d":["p",{"a":"q"}, null]} "#;
        for (path, expected) in [
            (&[named("a")][..], text.replace(r#""x\"\u0041""#, r#""<x"A>""#)),
            (&[named("c"), named("a")], text.replace("y", "<y>").replace("z", "<z>")),
            (&[named("d"), PointerStep::Every, named("a")], text.replace('q', "<q>")),
            (&[named("d"), named("0")], text.replace('p', "<p>")),
            (&[named("d"), named("2")], text.into()),
            (&[named("b"), named("a")], text.into()),
            (&[named("nothing")], text.into()),
        ] {
            assert_eq!(redact(text, &[path]).unwrap(), expected, "{path:?}");
        }
        let twice: [&[PointerStep]; 2] = [&[named("d"), named("0")], &[named("d"), named("0")]];
        assert_eq!(redact(text, &twice).unwrap(), text.replace('p', "<p>"));
    }

    #[test]
    fn a_named_value_that_is_no_string_is_refused() {
        for (text, kind) in [("1", "a number"), ("true", "a boolean"), ("{}", "an object"), ("[]", "a list")] {
            let error = redact(&format!(r#"{{"a":{text}}}"#), &[&[named("a")]]).unwrap_err();
            assert!(error.contains(kind), "{error}");
        }
        for text in ["", "{", r#"{"a":"x"} y"#, "\u{0}"] {
            assert!(redact(text, &[&[named("a")]]).unwrap_err().contains("not JSON"), "{text}");
        }
    }

    #[test]
    fn in_a_message_the_longest_matching_value_is_replaced() {
        let replacements = vec![("ab".into(), "1".into()), ("abc".into(), "a".into()), (String::new(), "no".into())];
        assert_eq!(replace_values("abcd ab é abc", &replacements), "ad 1 é a");
    }
}
