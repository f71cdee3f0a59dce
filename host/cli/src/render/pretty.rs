//! JSON over several lines. Only white space changes: every string and number keeps its bytes.

/// Deeper values stay on one line, because their indentation would be longer than they are.
const MAX_DEPTH: usize = 64;

/// Indents a JSON text.
pub(super) fn pretty(json: &str) -> String {
    let mut pretty = PrettyText { text: String::with_capacity(json.len() * 2), depth: 0 };
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

struct PrettyText {
    text: String,
    depth: usize,
}

impl PrettyText {
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
        if self.depth <= MAX_DEPTH {
            self.text.push('\n');
            self.text.extend(std::iter::repeat_n("  ", indentation));
        }
    }
}

/// Splits JSON into brackets, commas, colons and scalars.
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

/// Finds the end of the string at the beginning of `text`.
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
    fn values_keep_their_bytes() {
        let json =
            r#"{"b":0.48631448008240996,"a" : [1.50, 123456789012345678901234567890, "x\"],{ é"],"b":{},"c":[ ]}"#;
        let expected = "{\n  \"b\": 0.48631448008240996,\n  \"a\": [\n    1.50,\n    \
                        123456789012345678901234567890,\n    \"x\\\"],{ é\"\n  ],\n  \"b\": {},\n  \"c\": []\n}";
        assert_eq!(pretty(json), expected);
        assert_eq!(pretty(" null "), "null");
        assert_eq!(pretty(r#""\\""#), r#""\\""#);
    }

    #[test]
    fn deep_values_are_not_indented() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(pretty(&deep).len() < 2 * deep.len() + MAX_DEPTH * MAX_DEPTH * 4);
    }
}
