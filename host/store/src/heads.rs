//! A file beside a store that says how far its host had come: so that a store which went back in time (a restored copy, a
//! write-ahead log that was cut off by damage) is noticed before anything is written to it.
//!
//! It is text, in lines of a fixed length that are written in place: the first one names the log and the process that claimed
//! it last, and there is one for each partition. A line is written after the commit that it tells of is durable, and not
//! synced: it survives the end of the process. After a power cut it may be older than the store, never newer. Only who holds the
//! store's write lock replaces the file.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cantus_model::{Digest, PartitionId};

/// Bytes of a line, with its end.
const LINE: usize = 128;
const TITLE: &str = "cantus-heads 1";

/// How far a partition has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The partition.
    pub partition: PartitionId,
    /// Count of its commands.
    pub commands: u64,
    /// Count of its events.
    pub events: u64,
    /// The hash of its last commit.
    pub chain: Digest,
}

/// What the file says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) log_id: String,
    /// The process that claimed the store last.
    pub(crate) process: u32,
    /// Of the partitions whose line can be read.
    pub(crate) heads: Vec<Head>,
}

/// The file of one store.
pub(crate) struct HeadsFile {
    path: PathBuf,
    /// Once the host owns the store.
    file: Mutex<Option<File>>,
}

impl fmt::Debug for HeadsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadsFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl HeadsFile {
    /// The one of the store at `store`: its path with `-heads` behind.
    pub(crate) fn of(store: &Path) -> Self {
        let mut path = store.as_os_str().to_owned();
        path.push("-heads");
        Self { path: path.into(), file: Mutex::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says. `None` if there is no file.
    ///
    /// # Errors
    /// If it cannot be read, or is not such a file.
    pub(crate) fn read(&self) -> io::Result<Option<Recorded>> {
        let mut text = Vec::new();
        match File::open(&self.path) {
            Ok(mut file) => file.read_to_end(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let lines: Vec<&str> = text.chunks(LINE).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        let title = lines.first().and_then(|line| parse_title(line));
        let (log_id, process) = title.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let heads = lines.iter().skip(1).filter_map(|line| parse_head(line)).collect();
        Ok(Some(Recorded { log_id, process, heads }))
    }

    /// Writes the whole file, and syncs it; from here on [`Self::advance`] writes to it.
    pub(crate) fn begin(&self, log_id: &str, heads: &[Head]) -> io::Result<()> {
        let mut aside = self.path.clone();
        aside.as_mut_os_string().push(format!(".{}", std::process::id()));
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&aside)?;
        let title = line(&format!("{TITLE} {log_id} {}", std::process::id()));
        let lines: String = std::iter::once(title).chain(heads.iter().map(head_line)).collect();
        file.write_all_at(lines.as_bytes(), 0)?;
        file.sync_all()?;
        std::fs::rename(&aside, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
        Ok(())
    }

    /// Notes that a commit is durable. What fails here is logged: the commit stands.
    pub(crate) fn advance(&self, head: &Head) {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &*file else { return };
        let at = (u64::from(head.partition.0) + 1) * LINE as u64;
        if let Err(error) = file.write_all_at(head_line(head).as_bytes(), at) {
            tracing::warn!(%error, path = %self.path.display(), "the file of heads was not written");
        }
    }
}

fn head_line(head: &Head) -> String {
    let text = format!("{} {} {} {}", head.partition, head.commands, head.events, head.chain);
    line(&format!("{text} {:08x}", crc32fast::hash(text.as_bytes())))
}

fn line(text: &str) -> String {
    format!("{text:<width$}\n", width = LINE - 1)
}

fn parse_title(line: &str) -> Option<(String, u32)> {
    let (log_id, process) = line.trim_end().strip_prefix(TITLE)?.trim_start().split_once(' ')?;
    Some((log_id.to_owned(), process.parse().ok()?))
}

fn parse_head(line: &str) -> Option<Head> {
    let (text, checksum) = line.trim_end().rsplit_once(' ')?;
    if u32::from_str_radix(checksum, 16).ok()? != crc32fast::hash(text.as_bytes()) {
        return None;
    }
    let fields: Vec<&str> = text.split(' ').collect();
    let [partition, commands, events, chain] = fields[..] else { return None };
    Some(Head {
        partition: PartitionId(partition.parse().ok()?),
        commands: commands.parse().ok()?,
        events: events.parse().ok()?,
        chain: chain.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn head(partition: u32, commands: u64) -> Head {
        Head { partition: PartitionId(partition), commands, events: u64::MAX >> 24, chain: Digest::of(b"commit") }
    }

    #[test]
    fn it_says_what_was_noted_last() {
        let folder = tempfile::tempdir().unwrap();
        let file = HeadsFile::of(&folder.path().join("cantus.db"));
        assert_eq!(file.read().unwrap(), None);
        file.begin("0123456789abcdef", &[head(0, 1), head(1, 2)]).unwrap();
        file.advance(&head(1, 3));
        let recorded = file.read().unwrap().unwrap();
        assert_eq!((recorded.log_id.as_str(), recorded.process), ("0123456789abcdef", std::process::id()));
        assert_eq!(recorded.heads, [head(0, 1), head(1, 3)]);
        assert_eq!(folder.path().join("cantus.db-heads").metadata().unwrap().len() as usize, 3 * LINE);
    }

    #[test]
    fn a_damaged_line_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = HeadsFile::of(&folder.path().join("cantus.db"));
        file.begin("log", &[head(0, 1), head(1, 2)]).unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        std::fs::write(file.path(), text.replacen("\n0 1 ", "\n0 7 ", 1)).unwrap();
        assert_eq!(file.read().unwrap().unwrap().heads, [head(1, 2)]);
        std::fs::write(file.path(), "").unwrap();
        assert!(file.read().is_err());
    }
}
