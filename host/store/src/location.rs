//! Parses the URL of a store, as a user writes it.

use std::path::PathBuf;

use cantus_model::ports::StoreError;

/// A store that this build can open.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// `memory:`
    Memory,
    /// `sqlite:PATH` or `sqlite://PATH`
    Sqlite(PathBuf),
}

impl Location {
    /// Parses a URL.
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
        match scheme {
            "memory" => Ok(Self::Memory),
            "sqlite" => parse_sqlite(url, rest.strip_prefix("//").unwrap_or(rest)),
            "postgres" | "postgresql" | "mysql" => {
                refuse(url, "is not supported by this build yet: use sqlite:PATH, for example sqlite:data/cantus.db")
            }
            _ => refuse(url, "is no store: write sqlite:PATH, for example sqlite:data/cantus.db, or memory:"),
        }
    }

    /// Parses the URL of an SQLite store and returns the path of its file.
    pub(crate) fn sqlite_path(url: &str) -> Result<PathBuf, StoreError> {
        match Self::parse(url)? {
            Self::Sqlite(path) => Ok(path),
            Self::Memory => refuse(url, "is no SQLite store: write sqlite:PATH"),
        }
    }
}

fn parse_sqlite(url: &str, path: &str) -> Result<Location, StoreError> {
    match path {
        "" => refuse(url, "names no file: write sqlite:PATH, for example sqlite:data/cantus.db"),
        _ if path.starts_with(":memory:") => {
            refuse(url, "is not durable and not supported: write memory: for a store that is gone afterwards")
        }
        _ if path.contains('?') => refuse(url, "carries parameters, and a store takes none: write only sqlite:PATH"),
        _ => Ok(Location::Sqlite(path.into())),
    }
}

fn refuse<T>(url: &str, why: &str) -> Result<T, StoreError> {
    // The part before an @ may hold a password.
    let shown = url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, host)| format!("...@{host}"));
    Err(StoreError::Other(format!("{shown} {why}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_url_that_names_a_store_is_parsed() {
        for (url, location) in [
            ("memory:", Location::Memory),
            ("sqlite:data/cantus.db", Location::Sqlite("data/cantus.db".into())),
            ("sqlite:///var/lib/cantus.db", Location::Sqlite("/var/lib/cantus.db".into())),
            ("sqlite://cantus.db", Location::Sqlite("cantus.db".into())),
        ] {
            assert_eq!(Location::parse(url), Ok(location));
        }
    }

    #[test]
    fn a_refused_url_gets_an_example_and_shows_no_password() {
        for (url, hint) in [
            ("sqlite:", "names no file"),
            ("sqlite::memory:", "write memory:"),
            ("sqlite:a.db?mode=rwc", "takes none"),
            ("postgres://user:secret@host/db", "not supported by this build yet"),
            ("mysql://host/db", "not supported by this build yet"),
            ("data/cantus.db", "write sqlite:PATH"),
            ("", "write sqlite:PATH"),
        ] {
            let message = Location::parse(url).unwrap_err().to_string();
            assert!(message.contains(hint), "{url}: {message}");
            assert!(!message.contains("secret"));
        }
    }
}
