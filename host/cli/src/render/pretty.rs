//! JSON over several lines. Only white space is made: every string and number is as it was written.

/// Deeper than this nothing begins a new line: the indentation would outgrow the value.
const DEEPEST: usize = 64;

/// Indents a JSON text.
pub(super) fn pretty(json: &str) -> String {
    let mut pretty = Pretty { text: String::with_capacity(json.len() * 2), depth: 0 };
    let mut tokens = Tokens(json).peekable();
    while let Some(token) = tokens.next() {
        match token {
            "{" | "[" => match tokens.next_if(|next| matches!(*next, "}" | "]")) {
                Some(end) => pretty.text.extend([token, end]),
                None => pretty.open(token),
            },
            "}" | "]" => pretty.close(token),
            "," => {
                pretty.text.push(',');
                pretty.line(pretty.depth);
            }
            ":" => pretty.text.push_str(": "),
            scalar => pretty.text.push_str(scalar),
        }
    }
    pretty.text
}

struct Pretty {
    text: String,
    depth: usize,
}

impl Pretty {
    fn open(&mut self, bracket: &str) {
        self.text.push_str(bracket);
        self.depth += 1;
        self.line(self.depth);
    }

    fn close(&mut self, bracket: &str) {
        self.line(self.depth.saturating_sub(1));
        self.depth = self.depth.saturating_sub(1);
        self.text.push_str(bracket);
    }

    fn line(&mut self, indentation: usize) {
        if self.depth <= DEEPEST {
            self.text.push('\n');
            self.text.extend(std::iter::repeat_n("  ", indentation));
        }
    }
}

/// Brackets, commas, colons, and scalars as they were written.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
        let end = match rest.as_bytes().first()? {
            b'"' => string_end(rest),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            _ => rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(rest.len()),
        };
        let (token, rest) = rest.split_at(end);
        self.0 = rest;
        Some(token)
    }
}

/// Where the string that `text` begins with ends.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    let closes = |byte: &u8| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    };
    text.as_bytes()[1..].iter().position(closes).map_or(text.len(), |at| at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_as_they_were_written() {
        let json =
            r#"{"b":0.48631448008240996,"a" : [1.50, 123456789012345678901234567890, "x\"],{ é"],"b":{},"c":[ ]}"#;
        let expected = "{\n  \"b\": 0.48631448008240996,\n  \"a\": [\n    1.50,\n    \
                        123456789012345678901234567890,\n    \"x\\\"],{ é\"\n  ],\n  \"b\": {},\n  \"c\": []\n}";
        assert_eq!(pretty(json), expected);
        assert_eq!(pretty(" null "), "null");
        assert_eq!(pretty(r#""\\""#), r#""\\""#);
    }

    #[test]
    fn what_is_deep_does_not_outgrow_its_value() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(pretty(&deep).len() < 2 * deep.len() + DEEPEST * DEEPEST * 4);
    }
}
