//! CPU time of each stage: the calling thread's, and that of the threads which work for it.

use std::time::Duration;

use cpu_time::{ProcessTime, ThreadTime};
use serde::{Deserialize, Serialize};

/// CPU time that each stage took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// Reading, decoding and gating frames.
    pub capture: Duration,
    /// Zones, trips, detectors and redaction.
    pub privacy: Duration,
    /// Making the observation.
    pub tag: Duration,
    /// Encoding and signing it.
    pub sign: Duration,
    /// Putting it into the queue.
    pub queue: Duration,
    /// All that concerns the network.
    pub upload: Duration,
}

/// [`StageTimes`] in microseconds, as in the summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuUs {
    /// Reading, decoding and gating frames.
    pub capture: u64,
    /// Zones, trips, detectors and redaction.
    pub privacy: u64,
    /// Making the observation.
    pub tag: u64,
    /// Encoding and signing it.
    pub sign: u64,
    /// Putting it into the queue.
    pub queue: u64,
    /// All that concerns the network.
    pub upload: u64,
}

impl StageTimes {
    /// In whole microseconds.
    #[must_use]
    pub fn as_us(&self) -> CpuUs {
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        CpuUs {
            capture: us(self.capture),
            privacy: us(self.privacy),
            tag: us(self.tag),
            sign: us(self.sign),
            queue: us(self.queue),
            upload: us(self.upload),
        }
    }
}

/// Does `work`, and adds what it took on this thread.
pub fn on_this_thread<T>(spent: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = ThreadTime::now();
    let result = work();
    *spent += start.elapsed();
    result
}

/// Does `work`, and adds what the whole process took meanwhile: the transport works on threads of its own.
pub fn in_this_process<T>(spent: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = ProcessTime::now();
    let result = work();
    *spent += start.elapsed();
    result
}
