//! The heads file beside a store records the last durable commit of each partition, so that a store which went back in time (a
//! restored copy, a write-ahead log that damage cut off) is noticed before anything is written to it.
//!
//! The file has lines of a fixed length, which are written in place: the first names the log and the process that claimed the store
//! last, and each partition has one. A line is written after its commit is durable, without a sync: it survives the end of the
//! process. After a power cut it may be older than the store, never newer. Only the holder of the store's write lock replaces the
//! file.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cantus_model::{Digest, PartitionId};

/// Bytes of a line, with its line end.
const LINE_BYTES: usize = 128;
const TITLE: &str = "cantus-heads 1";

/// The last commit of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The partition.
    pub partition: PartitionId,
    /// Number of its commands.
    pub commands: u64,
    /// Number of its events.
    pub events: u64,
    /// The hash of its last commit.
    pub chain: Digest,
}

/// The content of a heads file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecordedHeads {
    pub(crate) log_id: String,
    /// The process that claimed the store last.
    pub(crate) process: u32,
    /// The heads of the partitions whose line can be read.
    pub(crate) heads: Vec<Head>,
}

/// The heads file of one store.
pub(crate) struct HeadsFile {
    path: PathBuf,
    /// Open once the host has claimed the store.
    file: Mutex<Option<File>>,
}

impl fmt::Debug for HeadsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadsFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl HeadsFile {
    /// The heads file of the store at this path, which has the same name with `-heads` after it.
    pub(crate) fn of(store: &Path) -> Self {
        let mut path = store.as_os_str().to_owned();
        path.push("-heads");
        Self { path: path.into(), file: Mutex::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file. `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or is not a heads file.
    pub(crate) fn read(&self) -> io::Result<Option<RecordedHeads>> {
        let mut text = Vec::new();
        match File::open(&self.path) {
            Ok(mut file) => file.read_to_end(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let lines: Vec<&str> = text.chunks(LINE_BYTES).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        let title = lines.first().and_then(|line| parse_title(line));
        let (log_id, process) = title.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let heads = lines.iter().skip(1).filter_map(|line| parse_head(line)).collect();
        Ok(Some(RecordedHeads { log_id, process, heads }))
    }

    /// Replaces the file by one with these heads, and syncs it. From here on [`Self::advance`] writes to it.
    pub(crate) fn begin(&self, log_id: &str, heads: &[Head]) -> io::Result<()> {
        let mut temporary = self.path.clone();
        temporary.as_mut_os_string().push(format!(".{}", std::process::id()));
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary)?;
        let title = pad_line(&format!("{TITLE} {log_id} {}", std::process::id()));
        let lines: String = std::iter::once(title).chain(heads.iter().map(format_head)).collect();
        file.write_all_at(lines.as_bytes(), 0)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
        Ok(())
    }

    /// Records a durable commit. A failure is logged; the commit stays durable.
    pub(crate) fn advance(&self, head: &Head) {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &*file else { return };
        let at = (u64::from(head.partition.0) + 1) * LINE_BYTES as u64;
        if let Err(error) = file.write_all_at(format_head(head).as_bytes(), at) {
            tracing::warn!(%error, path = %self.path.display(), "the heads file was not written; a store that goes back behind this commit will not be noticed");
        }
    }
}

fn format_head(head: &Head) -> String {
    let text = format!("{} {} {} {}", head.partition, head.commands, head.events, head.chain);
    pad_line(&format!("{text} {:08x}", crc32fast::hash(text.as_bytes())))
}

/// Fills a line to its fixed length.
fn pad_line(text: &str) -> String {
    format!("{text:<width$}\n", width = LINE_BYTES - 1)
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
    fn the_last_recorded_heads_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = HeadsFile::of(&folder.path().join("cantus.db"));
        assert_eq!(file.read().unwrap(), None);
        file.begin("0123456789abcdef", &[head(0, 1), head(1, 2)]).unwrap();
        file.advance(&head(1, 3));
        let recorded = file.read().unwrap().unwrap();
        assert_eq!((recorded.log_id.as_str(), recorded.process), ("0123456789abcdef", std::process::id()));
        assert_eq!(recorded.heads, [head(0, 1), head(1, 3)]);
        assert_eq!(folder.path().join("cantus.db-heads").metadata().unwrap().len() as usize, 3 * LINE_BYTES);
    }

    #[test]
    fn a_damaged_line_is_ignored_and_a_file_without_a_title_is_an_error() {
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
