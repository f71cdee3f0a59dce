//! JSON in a report, character for character.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// A JSON value as it was written: reading it does not round its numbers, and preserves the order of its fields.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// Serializes a value; `null` if it has no JSON form.
    pub(crate) fn of(value: &impl Serialize) -> Self {
        Self(to_raw_value(value).unwrap_or_default())
    }

    /// Parses JSON and puts it on one line; `None` if it is not JSON.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let json: Box<RawValue> = serde_json::from_slice(text).ok()?;
        // JSON has line ends only between its tokens, never within one.
        match json.get().contains(['\n', '\r']) {
            true => RawValue::from_string(json.get().replace(['\n', '\r'], " ")).ok().map(Self),
            false => Some(Self(json)),
        }
    }

    /// The JSON text.
    pub fn get(&self) -> &str {
        self.0.get()
    }
}

impl fmt::Display for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for JsonText {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_preserved_exactly() {
        for text in ["0.48631448008240996", "123456789012345678901234567890", r#"{"b":1,"a":1.50,"b":2}"#] {
            let json = JsonText::parse(text.as_bytes());
            assert_eq!(json.as_ref().map(JsonText::get), Some(text));
            assert_eq!(serde_json::to_string(&json).ok().as_deref(), Some(text));
            assert_eq!(serde_json::from_str(text).ok(), json);
        }
        assert_eq!(JsonText::parse(b"[1,\n2]").as_ref().map(JsonText::get), Some("[1, 2]"));
        assert_eq!(JsonText::parse(b"plain"), None);
    }
}
