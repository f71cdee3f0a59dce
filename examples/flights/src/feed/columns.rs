//! The table's columns, found by name, and typed access to the fields of one line.

use std::str::FromStr;

use csv::StringRecord;

use super::FeedError;

/// Where a column is.
pub(super) struct Column {
    name: &'static str,
    index: usize,
}

macro_rules! columns {
    ($($name:ident)*) => {
        /// The columns that are read. Others may be there, in any order.
        pub(super) struct Columns { $(pub(super) $name: Column,)* }

        impl Columns {
            pub(super) fn find(headers: &StringRecord, file: &str) -> Result<Self, FeedError> {
                Ok(Self { $($name: Column::find(headers, stringify!($name), file)?,)* })
            }
        }
    };
}
columns! {
    year month day dep_time sched_dep_time dep_delay arr_time sched_arr_time arr_delay
    carrier flight tailnum origin dest air_time distance time_hour
}

impl Column {
    fn find(headers: &StringRecord, name: &'static str, file: &str) -> Result<Self, FeedError> {
        match headers.iter().position(|header| header == name) {
            Some(index) => Ok(Self { name, index }),
            None => Err(FeedError::in_field(file, 1, name, "missing in the header".to_owned())),
        }
    }
}

/// The fields of one line.
pub(super) struct Fields<'a> {
    record: &'a StringRecord,
    file: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn new(record: &'a StringRecord, file: &'a str) -> Self {
        Self { record, file }
    }

    /// The text of a field; `NA` is missing.
    pub(super) fn text(&self, column: &Column) -> Option<&'a str> {
        self.record.get(column.index).filter(|text| !text.is_empty() && *text != "NA")
    }

    /// A field that must be there.
    pub(super) fn required<T: FromStr>(&self, column: &Column, expected: &str) -> Result<T, FeedError> {
        self.optional(column, expected)?.ok_or_else(|| self.error(column, format!("missing; expected {expected}")))
    }

    /// A field that may be missing.
    pub(super) fn optional<T: FromStr>(&self, column: &Column, expected: &str) -> Result<Option<T>, FeedError> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| self.error(column, format!("{text:?} is not {expected}; if it is unknown, write NA")))
        };
        self.text(column).map(parse).transpose()
    }

    pub(super) fn error(&self, column: &Column, reason: String) -> FeedError {
        let line = self.record.position().map_or(0, csv::Position::line);
        FeedError::in_field(self.file, line, column.name, reason)
    }
}
