//! Turns the bureau's table into commands, in the order of time. Native: no part of the plugin.
//!
//! It translates and nothing else. Whatever the file reports becomes a command, plausible or not; the aggregates decide.
//! A row's commands have the same ids whenever they are made, so feeding a file twice changes nothing.
//!
//! The file is read as a whole before the first command: rows of a later day may come first, and a delayed departure
//! may fall behind the next day's flights. A year takes about 160 MB.

mod columns;
mod error;
mod line;
mod row;
mod step;
mod timeline;

use std::{fs::File, io, path::Path};

pub use error::FeedError;
pub use line::CommandLine;
pub use timeline::Timeline;

/// Reads the table from a file: CSV, or a zip archive with that alone.
///
/// # Errors
/// If the file cannot be read, or a row is not as the bureau writes them.
pub fn open(path: &Path) -> Result<Timeline, FeedError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| FeedError::in_file(&name, error))?;
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
        open_zip(file, &name)
    } else {
        read(io::BufReader::new(file), &name)
    }
}

fn open_zip(file: File, name: &str) -> Result<Timeline, FeedError> {
    let mut archive = zip::ZipArchive::new(file).map_err(|error| FeedError::in_file(name, error))?;
    if archive.len() != 1 {
        return Err(FeedError::in_file(name, format!("has {} files; expected the table alone", archive.len())));
    }
    let table = archive.by_index(0).map_err(|error| FeedError::in_file(name, error))?;
    read(table, name)
}

/// Reads the table as CSV. Errors call it `name`.
///
/// # Errors
/// If it cannot be read, or a row is not as the bureau writes them.
pub fn read(table: impl io::Read, name: &str) -> Result<Timeline, FeedError> {
    let mut reader = csv::Reader::from_reader(table);
    let headers = reader.headers().map_err(|error| FeedError::in_csv(name, &error))?;
    let columns = columns::Columns::find(headers, name)?;
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| FeedError::in_csv(name, &error))? {
        rows.push(row::Row::parse(&columns::Fields::new(&record, name), &columns)?);
    }
    Ok(Timeline::new(rows))
}
