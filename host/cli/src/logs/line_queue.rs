//! The queue of log lines for stderr. A thread that logs never waits: a line that does not fit is dropped and counted.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender};
use tracing_subscriber::fmt::MakeWriter;

/// Most bytes of lines that wait; one more line is dropped.
const QUEUE_BYTES: usize = 8 << 20;
/// Time that the end of the process waits for the lines that are left.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// A queue of lines, which a thread of its own writes.
#[derive(Clone)]
pub(super) struct LineQueue {
    lines: Sender<Vec<u8>>,
    counts: Arc<LineCounts>,
    limit: usize,
}

#[derive(Default)]
struct LineCounts {
    /// Bytes of lines that are not written yet.
    waiting: AtomicUsize,
    /// Count of lines that were dropped.
    dropped: AtomicU64,
}

impl LineQueue {
    /// Creates a queue whose lines are written to `sink`.
    ///
    /// # Errors
    /// If no thread can be created.
    pub(super) fn new(sink: impl Write + Send + 'static) -> io::Result<Self> {
        Self::bounded(sink, QUEUE_BYTES)
    }

    fn bounded(sink: impl Write + Send + 'static, limit: usize) -> io::Result<Self> {
        let (lines, queue) = crossbeam_channel::unbounded();
        let counts = Arc::<LineCounts>::default();
        let thread_counts = Arc::clone(&counts);
        thread::Builder::new().name("cantus-logs".into()).spawn(move || write_lines(sink, &queue, &thread_counts))?;
        Ok(Self { lines, counts, limit })
    }

    fn push(&self, line: &[u8]) {
        let before = self.counts.waiting.fetch_add(line.len(), Relaxed);
        if before.saturating_add(line.len()) > self.limit || self.lines.send(line.to_vec()).is_err() {
            self.counts.waiting.fetch_sub(line.len(), Relaxed);
            self.counts.dropped.fetch_add(1, Relaxed);
        }
    }
}

/// Writes lines until all senders are gone. It logs the count of dropped lines as soon as there is room again.
fn write_lines(mut sink: impl Write, queue: &Receiver<Vec<u8>>, counts: &LineCounts) {
    let mut reported = 0;
    while let Ok(line) = queue.recv() {
        // If stderr is closed, no one can read about it.
        let _ = sink.write_all(&line);
        counts.waiting.fetch_sub(line.len(), Relaxed);
        let dropped = counts.dropped.load(Relaxed);
        if dropped > reported {
            tracing::warn!(lines = dropped - reported, "log lines were dropped: stderr is read too slowly");
            reported = dropped;
        }
    }
}

impl Write for &LineQueue {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LineQueue {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// A guard that waits for the last lines when it is dropped, up to a timeout.
#[must_use]
pub(crate) struct LogGuard(pub(super) LineQueue);

impl Drop for LogGuard {
    fn drop(&mut self) {
        let end = Instant::now() + FLUSH_TIMEOUT;
        while self.0.counts.waiting.load(Relaxed) > 0 && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A writer that waits for a permit before each line.
    struct StalledWriter {
        until: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for StalledWriter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.until.recv();
            self.written.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_reader_drops_lines_and_delays_nobody() {
        let (open, until) = crossbeam_channel::unbounded();
        let (written, lines) = crossbeam_channel::unbounded();
        let queue = LineQueue::bounded(StalledWriter { until, written }, 100).unwrap();
        for n in 0..1_000 {
            (&queue).write_all(format!("line {n:04}\n").as_bytes()).unwrap();
        }
        assert_eq!(queue.counts.dropped.load(Relaxed), 990);
        let started = Instant::now();
        drop(LogGuard(queue.clone()));
        assert!(started.elapsed() < 2 * FLUSH_TIMEOUT);
        drop(open);
        let all: Vec<String> = (0..10).map(|_| String::from_utf8(lines.recv().unwrap()).unwrap()).collect();
        assert_eq!((all[0].as_str(), all[9].as_str()), ("line 0000\n", "line 0009\n"));
        drop(LogGuard(queue.clone()));
        assert_eq!(queue.counts.waiting.load(Relaxed), 0);
        assert!(lines.is_empty());
    }
}
