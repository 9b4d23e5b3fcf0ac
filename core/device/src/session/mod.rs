//! Wires the stages: a drive goes in, receipts come out, and a report says what became of each frame.
//!
//! ```text
//! meet the server: policy, pinned key, registration          (connect)
//! play the drive: capture -> privacy -> tag -> sign -> queue (replay)
//! upload what the queue holds, as the driver's rules allow   (deliver)
//! report                                                     (summary)
//! ```
//! Each step can be left out or fail without the others: without a server the drive is played by the policy known last, and
//! its items stay pending. Everything that must survive is in the queue's file before the next step begins.

mod connect;
mod deliver;
mod drive;
mod line;
mod plan;
mod resign;
mod storage;
mod summary;
mod trip;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wayhex_protocol::account::Account;
use wayhex_protocol::id::{DeviceId, ModelHash, NetworkId, SessionId};
use wayhex_protocol::policy::Policy;

use crate::cpu::StageTimes;
use crate::ports::{Clock, Detector, NetworkState, Random, Signer, StoragePath, Transport};
use crate::privacy::{Trim, Zone, ZoneError};
use crate::queue::{Queue, QueueError, SecretError};
use crate::report::{DriveReport, ErrorReport};
use crate::source::{DriveError, RecordError};
use crate::tag::DeviceSecret;
use crate::upload::batches::Batches;
use crate::upload::gate::Gate;
use crate::upload::plan::Rules;
use crate::upload::server::{Freshness, Known, Server};

pub use storage::{STORAGE_CODES, storage_code};

/// What the phone brings, for as long as a session lives.
#[derive(Clone)]
pub struct Ports<'p> {
    /// Time.
    pub clock: &'p dyn Clock,
    /// Chance.
    pub random: &'p dyn Random,
    /// Moves requests.
    pub transport: &'p dyn Transport,
    /// What the phone is connected by.
    pub network: &'p dyn NetworkState,
    /// The device's key.
    pub signer: &'p dyn Signer,
    /// The detectors, each of which looks at every frame.
    pub detectors: Vec<Arc<dyn Detector>>,
}

/// What the driver wants.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The network that he drives for.
    pub network: NetworkId,
    /// Where it is sent; `None` for nowhere.
    pub server: Option<Server>,
    /// Whom the rewards are for; without one nothing can be registered, and nothing is sent.
    pub account: Option<Account>,
    /// His private zones.
    pub zones: Vec<Zone>,
    /// How much of a trip's ends is cut.
    pub trim: Trim,
    /// What may be sent.
    pub rules: Rules,
    /// Where what passed privacy is recorded, too.
    pub record: Option<PathBuf>,
}

/// What a session tells while it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Frames of a drive that are settled.
    Frames {
        /// Settled so far.
        done: u64,
        /// All of them.
        total: u64,
    },
    /// Items that are sent.
    Items {
        /// Ended by a receipt so far.
        done: u64,
    },
    /// The key of a server was pinned at its first use.
    Pinned(DeviceId),
}

/// Asks a session to stop as soon as it can; what is done stays done.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Asks to stop.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a session cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The drive cannot be read.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The device's secret cannot be made.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] crate::ports::NoRandomness),
    /// The private zones are none.
    #[error(transparent)]
    Zones(#[from] ZoneError),
    /// The recording cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The drive was begun with other private zones: what is queued of it may lie in one of these.
    #[error(
        "the drive {folder} was begun with other private zones, and cannot go on with these; give the same ones, or play it on another store"
    )]
    OtherZones {
        /// The drive's folder.
        folder: PathBuf,
    },
    /// The drive was begun before without this recording: one of the rest would not be a recording of it.
    #[error(
        "cannot record into {record}: the drive {folder} was begun on this store before, and not recorded there from its beginning"
    )]
    RecordAgain {
        /// The drive's folder.
        folder: PathBuf,
        /// The folder to record into.
        record: PathBuf,
    },
    /// A detector is not on the policy's list: what it looked at would be refused for ever (`model_not_accepted`).
    #[error(
        "the {role} detector {model} is not on the list of policy {policy}, and its pictures would be refused for ever; update the app"
    )]
    ModelNotAccepted {
        /// What it looks for.
        role: wayhex_vision::Role,
        /// The hash of its file.
        model: ModelHash,
        /// The policy's version.
        policy: u64,
    },
    /// What was drawn for a drive cannot be read again.
    #[error("what was drawn for session {0} cannot be read")]
    Plan(SessionId),
}

/// One run of the pipeline on a store.
pub struct Session<'p> {
    ports: Ports<'p>,
    settings: Settings,
    store: StoragePath,
    queue: Queue,
    secret: DeviceSecret,
    gate: Gate<'p>,
    known: Option<Known>,
    /// What the server's clock was ahead when unsent times were put right by it.
    times_kept_at: Option<i64>,
    batches: Option<Batches>,
    freshness: Freshness,
    current: Option<SessionId>,
    drive: DriveReport,
    times: StageTimes,
    errors: Vec<ErrorReport>,
    stop: StopFlag,
    notify: Box<dyn FnMut(Notice) + 'p>,
    opened_ns: u64,
}

impl<'p> Session<'p> {
    /// Opens the queue of a store.
    ///
    /// # Errors
    /// The store is in use, damaged or another network's, or the device's secret cannot be made.
    pub fn open(
        store: StoragePath,
        settings: Settings,
        ports: Ports<'p>,
    ) -> Result<Self, SessionError> {
        let mut queue = Queue::open(&store)?;
        queue.bind(&settings.network)?;
        let secret = queue.device_secret(ports.random)?;
        let gate = Gate::new(ports.transport, ports.network, ports.clock, settings.rules);
        let opened_ns = ports.clock.monotonic_ns();
        let mut session = Self {
            ports,
            settings,
            store,
            queue,
            secret,
            gate,
            known: None,
            times_kept_at: None,
            batches: None,
            freshness: Freshness::default(),
            current: None,
            drive: DriveReport::default(),
            times: StageTimes::default(),
            errors: Vec::new(),
            stop: StopFlag::default(),
            notify: Box::new(drop),
            opened_ns,
        };
        session.remember();
        session.take_over()?;
        Ok(session)
    }

    /// Tells `listener` what goes on, from now on.
    pub fn on_notice(&mut self, listener: impl FnMut(Notice) + 'p) {
        self.notify = Box::new(listener);
    }

    /// What stops this session from another thread.
    #[must_use]
    pub fn stop_flag(&self) -> StopFlag {
        self.stop.clone()
    }

    /// The queue, to look at.
    #[must_use]
    pub const fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The policy in force: the server's, as far as one was ever seen, else the network's first.
    #[must_use]
    pub fn policy(&self) -> Policy {
        match &self.known {
            Some(known) => known.policy.clone(),
            None => Policy::genesis(self.settings.network.clone()),
        }
    }

    /// The phone's clock, corrected by the server's where that is known, Unix milliseconds.
    fn now_ms(&self) -> u64 {
        self.gate.now_ms()
    }

    /// Notes something that went wrong outside, so that the report tells it.
    pub fn note_error(&mut self, code: &str, subject: &str, cause: String) {
        tracing::warn!(code, subject, %cause, "the session goes on without it");
        let error = ErrorReport {
            code: code.to_owned(),
            subject: subject.to_owned(),
            cause,
        };
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}
