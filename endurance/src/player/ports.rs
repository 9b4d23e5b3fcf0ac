//! Time and chance that are the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use wayhex_device::ports::{Clock, NoRandomness, Random};
use wayhex_protocol::id::sha256;

/// A clock that stands at what it was given, but for the waits; these are shorter than they should be.
pub struct GivenClock {
    now_ms: AtomicU64,
    hurry: u32,
    began: Instant,
}

impl GivenClock {
    pub fn at(now_ms: u64, hurry: u32) -> Self {
        Self {
            now_ms: AtomicU64::new(now_ms),
            hurry: hurry.max(1),
            began: Instant::now(),
        }
    }

    /// Waits for what a drive took, without the clock going on.
    pub fn pass_ns(&self, ns: u64) {
        sleep(Duration::from_nanos(ns / u64::from(self.hurry)));
    }
}

impl Clock for GivenClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
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
