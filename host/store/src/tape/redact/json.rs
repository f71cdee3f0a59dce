//! Texts inside JSON, replaced in place: all other bytes stay.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Replaced, rule::Segment};

/// A text that a rule names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is written, with its quotes.
    place: Range<usize>,
    pub(super) value: String,
    pub(super) rule: usize,
}

/// The texts at these paths, each with its rule, in the order in which they are written.
pub(super) fn find(text: &str, paths: &[(usize, &[Segment])]) -> Result<Vec<Found>, String> {
    let root: &RawValue = serde_json::from_str(text).map_err(not_json)?;
    let mut found = vec![];
    for (rule, path) in paths {
        let mut values = vec![];
        walk(root, path, &mut values)?;
        for value in values {
            if let Some((place, value)) = text_at(text, value)? {
                found.push(Found { place, value, rule: *rule });
            }
        }
    }
    found.sort_by_key(|found| (found.place.start, found.rule));
    Ok(found)
}

/// The text with each place that was found replaced by its pseudonym.
pub(super) fn splice(text: &str, found: &[Found], replaced: &Replaced) -> String {
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (Found { place, .. }, (_, pseudonym)) in found.iter().zip(replaced) {
        // Two rules may name one place.
        if place.start >= at {
            out.extend([&text[at..place.start], "\"", pseudonym, "\""]);
            at = place.end;
        }
    }
    out + &text[at..]
}

/// A text for people with every value replaced that occurs in it, the longest that fits at each place.
pub(super) fn replace_all(text: &str, replaced: &Replaced) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let fits = replaced.iter().filter(|(value, _)| !value.is_empty() && rest.starts_with(value));
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

/// Collects the values that a path leads to. It is as deep as the path.
fn walk<'a>(value: &'a RawValue, path: &[Segment], values: &mut Vec<&'a RawValue>) -> Result<(), String> {
    let Some((segment, rest)) = path.split_first() else {
        values.push(value);
        return Ok(());
    };
    for (name, child) in children(value)? {
        if *segment == Segment::Every || *segment == Segment::Named(name) {
            walk(child, rest, values)?;
        }
    }
    Ok(())
}

/// The fields of an object, or the elements of a list with their numbers; of anything else none.
fn children(value: &RawValue) -> Result<Vec<(String, &RawValue)>, String> {
    match value.get().as_bytes().first() {
        Some(b'{') => serde_json::from_str(value.get()).map(|Fields(fields)| fields).map_err(not_json),
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(not_json)?;
            Ok((0..).zip(elements).map(|(index, element): (u64, _)| (index.to_string(), element)).collect())
        }
        _ => Ok(vec![]),
    }
}

/// Where a value is written in the text, and what it says; none for `null`.
fn text_at(text: &str, value: &RawValue) -> Result<Option<(Range<usize>, String)>, String> {
    let written = value.get();
    // It is borrowed from the text.
    let start = written.as_ptr().addr() - text.as_ptr().addr();
    let kind = match written.as_bytes().first() {
        Some(b'"') => {
            let value = serde_json::from_str(written).map_err(not_json)?;
            return Ok(Some((start..start + written.len(), value)));
        }
        Some(b'n') => return Ok(None),
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "a truth value",
        _ => "a number",
    };
    Err(format!("a field that is named holds {kind}: only texts have pseudonyms"))
}

fn not_json(error: serde_json::Error) -> String {
    format!("it is not JSON: {error}")
}

/// An object's fields as they are written: in their order, and twice if they are there twice.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = vec![];
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn redacted(text: &str, paths: &[&[Segment]]) -> Result<String, String> {
        let paths: Vec<_> = paths.iter().copied().enumerate().collect();
        let found = find(text, &paths)?;
        let replaced = found.iter().map(|found| (found.value.clone(), format!("<{}>", found.value))).collect();
        Ok(splice(text, &found, &replaced))
    }

    fn named(name: &str) -> Segment {
        Segment::Named(name.into())
    }

    #[test]
    fn only_what_is_named_changes() {
        let text = r#" {"b":1.50, "a" : "x\"\u0041","c":{"a":"y","a":"z"},"d":["p",{"a":"q"}, null]} "#;
        for (path, expected) in [
            (&[named("a")][..], text.replace(r#""x\"\u0041""#, r#""<x"A>""#)),
            (&[named("c"), named("a")], text.replace("y", "<y>").replace("z", "<z>")),
            (&[named("d"), Segment::Every, named("a")], text.replace('q', "<q>")),
            (&[named("d"), named("0")], text.replace('p', "<p>")),
            (&[named("d"), named("2")], text.into()),
            (&[named("b"), named("a")], text.into()),
            (&[named("nothing")], text.into()),
        ] {
            assert_eq!(redacted(text, &[path]).unwrap(), expected, "{path:?}");
        }
        let twice: [&[Segment]; 2] = [&[named("d"), named("0")], &[named("d"), named("0")]];
        assert_eq!(redacted(text, &twice).unwrap(), text.replace('p', "<p>"));
    }

    #[test]
    fn what_has_no_pseudonym_is_refused() {
        for (text, kind) in [("1", "a number"), ("true", "a truth value"), ("{}", "an object"), ("[]", "a list")] {
            let error = redacted(&format!(r#"{{"a":{text}}}"#), &[&[named("a")]]).unwrap_err();
            assert!(error.contains(kind), "{error}");
        }
        for text in ["", "{", r#"{"a":"x"} y"#, "\u{0}"] {
            assert!(redacted(text, &[&[named("a")]]).unwrap_err().contains("not JSON"), "{text}");
        }
    }

    #[test]
    fn in_a_message_the_longest_value_counts() {
        let replaced = vec![("ab".into(), "1".into()), ("abc".into(), "a".into()), (String::new(), "no".into())];
        assert_eq!(replace_all("abcd ab é abc", &replaced), "ad 1 é a");
    }
}
