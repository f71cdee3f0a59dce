//! The host's data of one guest: its limits, the context of the running call, its captured output.

use std::borrow::Cow;

use cantus_model::{Timestamp, ports::HashSeed};
use wasmtime::ResourceLimiter;

use crate::{Limits, engine::TABLE_ELEMENTS};

/// The data of one wasmtime Store. The WASI answers read it and write to it, and see nothing else.
pub(crate) struct GuestState {
    /// Enforced by wasmtime.
    pub(crate) memory: MemoryLimit,
    /// `context.now` while a command is handled; the epoch otherwise.
    pub(crate) now: Timestamp,
    /// Randomness of the running call.
    pub(crate) random: Random,
    /// The seed of its hash maps.
    pub(crate) hash_seed: HashSeed,
    /// The output of the running call.
    pub(crate) stdout: CapturedOutput,
    /// The error output of the running call, most often a panic's message.
    pub(crate) stderr: CapturedOutput,
    /// The refused import that the running call used.
    pub(crate) refused: Option<Cow<'static, str>>,
}

impl GuestState {
    pub(crate) fn new(limits: &Limits, hash_seed: HashSeed) -> Self {
        Self {
            memory: MemoryLimit { limit: limits.memory_bytes, bytes: 0, exceeded: false },
            now: Timestamp(0),
            random: Random::new(0),
            hash_seed,
            stdout: CapturedOutput::new(limits.output_bytes),
            stderr: CapturedOutput::new(limits.output_bytes),
            refused: None,
        }
    }
}

/// Stops a guest that asks for too much memory. A refused growth traps: an allocation that fails could be handled by
/// the guest, and then the limit would decide.
pub(crate) struct MemoryLimit {
    limit: usize,
    pub(crate) bytes: usize,
    pub(crate) exceeded: bool,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.limit {
            self.exceeded = true;
            return Err(wasmtime::Error::msg("memory limit"));
        }
        self.bytes = desired;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        match desired <= TABLE_ELEMENTS {
            true => Ok(true),
            false => Err(wasmtime::Error::msg("table limit")),
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): small, and the same
/// everywhere. It serves domain logic, not secrets: anyone who knows the command id can compute the numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count.next_multiple_of(8));
        while bytes.len() < count {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}

/// A bounded copy of the output of one call: its end, where a panic says why.
pub(crate) struct CapturedOutput {
    text: Vec<u8>,
    limit: usize,
    dropped: usize,
}

impl CapturedOutput {
    fn new(limit: usize) -> Self {
        Self { text: Vec::new(), limit, dropped: 0 }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let end = &bytes[bytes.len().saturating_sub(self.limit)..];
        self.text.extend_from_slice(end);
        self.dropped += bytes.len() - end.len();
        if self.text.len() > self.limit.saturating_mul(2) {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        let excess = self.text.len().saturating_sub(self.limit);
        self.text.drain(..excess);
        self.dropped += excess;
    }

    /// Returns what was printed since the last time, if anything.
    pub(crate) fn take(&mut self) -> Option<String> {
        if self.text.is_empty() && self.dropped == 0 {
            return None;
        }
        self.shorten();
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.text)).trim_end().to_owned();
        Some(match std::mem::take(&mut self.dropped) {
            0 => text,
            dropped => format!("[{dropped} bytes before this were dropped] {text}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_is_the_published_sequence() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn output_is_bounded_and_says_what_it_dropped() {
        let mut output = CapturedOutput::new(4);
        output.write(b"abc");
        output.write(b"def");
        assert_eq!(output.take().as_deref(), Some("[2 bytes before this were dropped] cdef"));
        assert_eq!(output.take(), None);
        output.write(b"123456789");
        assert_eq!(output.take().as_deref(), Some("[5 bytes before this were dropped] 6789"));
    }
}
