//! Runs the detectors within a time limit, and redacts.
//!
//! They run on a thread of their own, one frame at a time, so that one that hangs cannot stop the capture. Whatever goes wrong
//! there ends the frame: there is no path on which an unredacted one comes back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use cpu_time::ThreadTime;
use wayhex_protocol::reason::Reason;
use wayhex_vision::{Detector, Findings, Redacted, RgbFrame, Role, redact};

/// Longest time that the detectors may take for a frame: twenty times what a slow phone needs.
pub const DETECT_TIME_MAX: Duration = Duration::from_secs(10);

/// The detectors that have to look at every frame.
pub struct Detectors {
    all: Arc<[Arc<dyn Detector>]>,
    time_max: Duration,
    worker: Option<Worker>,
    cpu: Duration,
}

struct Worker {
    frames: SyncSender<RgbFrame>,
    answers: Receiver<Answer>,
    is_overdue: bool,
}

struct Answer {
    outcome: Result<Redacted, Reason>,
    cpu: Duration,
}

impl Detectors {
    /// All of them look at each frame, together for at most `time_max` (usually [`DETECT_TIME_MAX`]). Without one for faces every
    /// frame is dropped as `detector_missing`.
    #[must_use]
    pub fn new(all: Vec<Arc<dyn Detector>>, time_max: Duration) -> Self {
        Self {
            all: all.into(),
            time_max,
            worker: None,
            cpu: Duration::ZERO,
        }
    }

    /// CPU time that the detectors took so far.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.cpu
    }

    /// Takes a raw frame and gives it back redacted, or not at all.
    ///
    /// A worker that did not answer in time gets no other frame until it does: a detector that hangs costs one thread.
    pub(super) fn redact(&mut self, frame: RgbFrame) -> Result<Redacted, Reason> {
        if !self
            .all
            .iter()
            .any(|detector| detector.identity().role == Role::Face)
        {
            return Err(Reason::DetectorMissing);
        }
        let worker = match self.worker.as_mut() {
            Some(worker) => worker,
            None => self.worker.insert(Worker::start(Arc::clone(&self.all))?),
        };
        match worker.run(frame, self.time_max) {
            Ok(answer) => {
                self.cpu += answer.cpu;
                answer.outcome
            }
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!(
                    limit_s = self.time_max.as_secs(),
                    "a detector did not answer in time"
                );
                Err(Reason::DetectorTimeout)
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.worker = None;
                Err(Reason::DetectorFailed)
            }
        }
    }
}

impl std::fmt::Debug for Detectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.all.iter().map(|detector| detector.identity()))
            .finish()
    }
}

impl Worker {
    fn start(all: Arc<[Arc<dyn Detector>]>) -> Result<Self, Reason> {
        let (frames, inbox) = sync_channel::<RgbFrame>(1);
        let (outbox, answers) = sync_channel::<Answer>(1);
        let work = move || {
            for frame in inbox {
                let start = ThreadTime::now();
                let outcome =
                    catch_unwind(AssertUnwindSafe(|| look(&all, frame))).unwrap_or_else(|_panic| {
                        tracing::warn!("a detector panicked");
                        Err(Reason::DetectorFailed)
                    });
                if outbox
                    .send(Answer {
                        outcome,
                        cpu: start.elapsed(),
                    })
                    .is_err()
                {
                    break;
                }
            }
        };
        match std::thread::Builder::new()
            .name("wayhex-detect".to_owned())
            .spawn(work)
        {
            Ok(_detached) => Ok(Self {
                frames,
                answers,
                is_overdue: false,
            }),
            Err(error) => {
                tracing::warn!(%error, "no thread for the detectors");
                Err(Reason::DetectorFailed)
            }
        }
    }

    fn run(&mut self, frame: RgbFrame, time_max: Duration) -> Result<Answer, RecvTimeoutError> {
        if self.is_overdue {
            // The late answer belongs to a frame that was dropped long ago.
            drop(self.answers.recv_timeout(Duration::ZERO)?);
            self.is_overdue = false;
        }
        self.frames
            .send(frame)
            .map_err(|_gone| RecvTimeoutError::Disconnected)?;
        let answer = self.answers.recv_timeout(time_max);
        self.is_overdue = matches!(answer, Err(RecvTimeoutError::Timeout));
        answer
    }
}

fn look(all: &[Arc<dyn Detector>], frame: RgbFrame) -> Result<Redacted, Reason> {
    let mut findings = Vec::with_capacity(all.len());
    for detector in all {
        let found = Findings::of(detector.as_ref(), frame.view()).map_err(|error| {
            tracing::warn!(%error, "a detector failed");
            Reason::DetectorFailed
        })?;
        findings.push(found);
    }
    redact(frame, &findings).map_err(|error| {
        tracing::warn!(%error, "a frame was not redacted");
        Reason::DetectorFailed
    })
}
