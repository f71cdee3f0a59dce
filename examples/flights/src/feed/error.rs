//! Why a table cannot be fed.

use std::fmt;

/// An error in a table, with its place.
#[derive(Debug)]
pub struct FeedError {
    file: String,
    line: Option<u64>,
    column: Option<&'static str>,
    reason: String,
}

impl FeedError {
    pub(super) fn in_file(file: &str, reason: impl ToString) -> Self {
        Self { file: file.to_owned(), line: None, column: None, reason: reason.to_string() }
    }

    pub(super) fn in_csv(file: &str, error: &csv::Error) -> Self {
        let reason = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("has {len} fields, but the header has {expected_len}")
            }
            csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
            _ => error.to_string(),
        };
        let line = error.position().map(csv::Position::line);
        Self { line, ..Self::in_file(file, reason) }
    }

    pub(super) fn in_field(file: &str, line: u64, column: &'static str, reason: String) -> Self {
        Self { line: Some(line), column: Some(column), ..Self::in_file(file, reason) }
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for FeedError {}
