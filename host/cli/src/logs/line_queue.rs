//! Log lines on their way to stderr. Whoever logs never waits for whoever reads: what does not fit is dropped and counted.

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

/// Bytes of lines that wait; one more is dropped.
const QUEUE_BYTES: usize = 8 << 20;
/// How long the end of the process waits for the lines that are left.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Takes lines, and has a thread of its own write them.
#[derive(Clone)]
pub(super) struct LineQueue {
    lines: Sender<Vec<u8>>,
    counts: Arc<Counts>,
    limit: usize,
}

#[derive(Default)]
struct Counts {
    /// Bytes that are not written yet.
    waiting: AtomicUsize,
    /// Lines that were dropped.
    dropped: AtomicU64,
}

impl LineQueue {
    /// A queue to `sink`.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub(super) fn to(sink: impl Write + Send + 'static) -> io::Result<Self> {
        Self::bounded(sink, QUEUE_BYTES)
    }

    fn bounded(sink: impl Write + Send + 'static, limit: usize) -> io::Result<Self> {
        let (lines, queue) = crossbeam_channel::unbounded();
        let counts = Arc::<Counts>::default();
        let of = Arc::clone(&counts);
        thread::Builder::new().name("cantus-logs".into()).spawn(move || write_lines(sink, &queue, &of))?;
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

/// Writes until nobody can log any more. What was dropped is logged too, as soon as there is room again.
fn write_lines(mut sink: impl Write, queue: &Receiver<Vec<u8>>, counts: &Counts) {
    let mut reported = 0;
    while let Ok(line) = queue.recv() {
        // Without anybody who reads, there is nobody to tell.
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

/// Waits for the last lines when it is dropped, but not for a stderr that nobody reads.
#[must_use]
pub(crate) struct LastLines(pub(super) LineQueue);

impl Drop for LastLines {
    fn drop(&mut self) {
        let end = Instant::now() + LAST_LINES;
        while self.0.counts.waiting.load(Relaxed) > 0 && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Takes a line only when it is let.
    struct Stalled {
        until: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Stalled {
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
    fn a_stalled_reader_costs_lines_and_no_time() {
        let (open, until) = crossbeam_channel::unbounded();
        let (written, lines) = crossbeam_channel::unbounded();
        let queue = LineQueue::bounded(Stalled { until, written }, 100).unwrap();
        for n in 0..1_000 {
            (&queue).write_all(format!("line {n:04}\n").as_bytes()).unwrap();
        }
        assert_eq!(queue.counts.dropped.load(Relaxed), 990);
        let started = Instant::now();
        drop(LastLines(queue.clone()));
        assert!(started.elapsed() < 2 * LAST_LINES);
        drop(open);
        let all: Vec<String> = (0..10).map(|_| String::from_utf8(lines.recv().unwrap()).unwrap()).collect();
        assert_eq!((all[0].as_str(), all[9].as_str()), ("line 0000\n", "line 0009\n"));
        drop(LastLines(queue.clone()));
        assert_eq!(queue.counts.waiting.load(Relaxed), 0);
        assert!(lines.is_empty());
    }
}
