//! The JSON form of payloads and states.

use serde_json::{Value, json, value::RawValue};

/// Converts a payload to a JSON value on one line: JSON keeps its bytes, other text becomes a string, and other bytes become
/// `{"hex": ..}`.
pub fn payload_json(payload: &[u8]) -> Box<RawValue> {
    let other = || match std::str::from_utf8(payload) {
        Ok(text) => Value::from(text),
        Err(_) => json!({"hex": hex::encode(payload)}),
    };
    let json = serde_json::from_slice::<Box<RawValue>>(payload).ok();
    // JSON has line ends only between its tokens, so they can be replaced.
    let line = json.map_or_else(|| other().to_string(), |json| json.get().replace(['\n', '\r'], " "));
    RawValue::from_string(line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_any_format_have_a_json_form() {
        assert_eq!(payload_json(b"{\"a\": 1.50}").get(), "{\"a\": 1.50}");
        assert_eq!(payload_json(b"[1,\n2]").get(), "[1, 2]");
        assert_eq!(payload_json(b"plain").get(), "\"plain\"");
        assert_eq!(payload_json(&[0xff]).get(), r#"{"hex":"ff"}"#);
    }
}
