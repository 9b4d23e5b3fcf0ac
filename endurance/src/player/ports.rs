//! Time and chance that are the same in every run.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use wayhex_device::ports::{Clock, NoRandomness, Random};
use wayhex_protocol::id::sha256;

/// A clock that stands at what it was given, but for the waits; these are shorter than they should be. Where it has to run, it
/// does so from [`GivenClock::run`] on, and faster by as much.
pub struct GivenClock {
    now_ms: AtomicU64,
    hurry: u32,
    began: Instant,
    /// When it began to run, monotonic nanoseconds, and what it was ahead since by having hurried.
    runs_since_ns: OnceLock<u64>,
    ahead_ns: AtomicU64,
}

impl GivenClock {
    pub fn at(now_ms: u64, hurry: u32) -> Self {
        Self {
            now_ms: AtomicU64::new(now_ms),
            hurry: hurry.max(1),
            began: Instant::now(),
            runs_since_ns: OnceLock::new(),
            ahead_ns: AtomicU64::new(0),
        }
    }

    /// Runs from now on, from what it was given.
    pub fn run(&self) {
        self.runs_since_ns.get_or_init(|| self.monotonic_ns());
    }

    /// Waits for what a drive took; a clock that stands does not go on.
    pub fn pass_ns(&self, ns: u64) {
        let waited_ns = ns / u64::from(self.hurry);
        sleep(Duration::from_nanos(waited_ns));
        if self.runs_since_ns.get().is_some() {
            self.ahead_ns.fetch_add(ns - waited_ns, Ordering::SeqCst);
        }
    }
}

impl Clock for GivenClock {
    fn now_ms(&self) -> u64 {
        let since_ns = self.runs_since_ns.get().copied();
        let run_ns = since_ns.map_or(0, |since_ns| self.monotonic_ns() - since_ns);
        self.now_ms.load(Ordering::SeqCst) + run_ns / 1_000_000
    }

    fn monotonic_ns(&self) -> u64 {
        let elapsed_ns = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        elapsed_ns.saturating_add(self.ahead_ns.load(Ordering::SeqCst))
    }

    fn wait_ms(&self, ms: u64) {
        sleep(Duration::from_millis(ms) / self.hurry);
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

/// Chance that gives the same bytes each time it is asked: a phone that is ended between two draws draws them again, however many
/// it drew before.
pub struct SameEachTime([u8; 32]);

impl SameEachTime {
    pub fn of(seed: u64) -> Self {
        Self(sha256(&seed.to_be_bytes()))
    }
}

impl Random for SameEachTime {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        let mut block = self.0;
        for part in out.chunks_mut(block.len()) {
            block = sha256(&block);
            part.copy_from_slice(&block[..part.len()]);
        }
        Ok(())
    }
}
