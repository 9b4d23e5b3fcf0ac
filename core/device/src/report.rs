//! What a session came to: the phone's part of the summary.
//!
//! It is made from the store, so that a drive that was sent yesterday reads as it did yesterday; `upload`, `replayed` and `cpu_us`
//! count what this process did. Every key is always there; what is absent is null; 64-bit sums are decimal strings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wayhex_protocol::policy::{Parameters, Policy};
use wayhex_vision::ModelIdentity;

use crate::cpu::CpuUs;
use crate::estimate::observed;
use crate::queue::{Fate, FateKind, Item, Now, Queue, QueueError, State};

/// The schema that [`Report`] follows.
pub const SCHEMA: &str = "wayhex.session/1";

/// The whole report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Whether nothing is pending and nothing went wrong.
    pub ok: bool,
    /// The drive.
    pub drive: DriveReport,
    /// The policy that was in force.
    pub policy: PolicyReport,
    /// The detectors that ran.
    pub models: Vec<ModelReport>,
    /// Frames seen, and what became of them.
    pub frames: FramesReport,
    /// What the redaction covered in queued pictures.
    pub privacy: PrivacyReport,
    /// Where the drive's items stand.
    pub queue: QueueReport,
    /// What the whole store holds and has given up.
    pub store: StoreReport,
    /// What this process sent.
    pub upload: UploadReport,
    /// What the server said of the drive's items.
    pub verdicts: VerdictsReport,
    /// Its receipts.
    pub receipts: ReceiptsReport,
    /// What the open epoch will probably pay.
    pub estimate: EstimateReport,
    /// Each frame's fate.
    pub items: Vec<ItemReport>,
    /// CPU time of this process by stage.
    pub cpu_us: CpuUs,
    /// Milliseconds since the session was opened.
    pub wall_ms: u64,
    /// Where it was sent, and where it lies.
    pub server: ServerReport,
    /// The device's id, hexadecimal.
    pub device: String,
    /// The account it works for.
    pub account: Option<String>,
    /// The most memory that the process held, bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// What went wrong.
    pub errors: Vec<ErrorReport>,
}

/// The drive that was played.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriveReport {
    /// `rendered`, `frames_json`, `exif`, `csv` or `session`.
    pub source: Option<String>,
    /// The drive's hash, hexadecimal.
    pub sha256: Option<String>,
    /// Frames.
    pub frames: u64,
    /// Fixes.
    pub fixes: u64,
    /// Inertial samples.
    pub inertial: u64,
    /// Metres driven.
    pub metres: u64,
    /// Milliseconds that its times were shifted by.
    pub time_shift_ms: i64,
    /// Metres of a trimmed end: exact, or the least that lengths were drawn from.
    pub trim_m: u32,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyReport {
    /// Its version.
    pub version: u64,
    /// Its hash, hexadecimal.
    pub sha256: String,
    /// The parameters that differ from the genesis policy's.
    pub overrides: BTreeMap<String, u64>,
}

/// A detector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelReport {
    /// `face` or `plate`.
    pub role: String,
    /// The hash of its file, hexadecimal.
    pub sha256: String,
    /// What computes it.
    pub runtime: String,
}

/// Frames.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FramesReport {
    /// All of them.
    pub seen: u64,
    /// Those that were signed and queued.
    pub queued: u64,
    /// Those that were dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
}

/// Redaction of queued pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyReport {
    /// Faces covered.
    pub faces: u64,
    /// Plates covered.
    pub plates: u64,
    /// Pixels filled.
    pub filled_pixels: u64,
}

/// Items by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueReport {
    /// Accepted.
    pub accepted: u64,
    /// Refused for ever.
    pub refused: u64,
    /// Evicted.
    pub evicted: u64,
    /// Not answered for yet.
    pub pending: u64,
}

/// Items of the whole store, whichever drive they are of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreReport {
    /// Not answered for yet.
    pub pending: u64,
    /// Pending, and not sent: by the server's clock they were captured in the future, or too long ago.
    pub held: u64,
    /// Those that this process gave up, by reason.
    pub evicted: BTreeMap<String, u64>,
}

/// Traffic of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadReport {
    /// Batches that were answered whole.
    pub batches: u64,
    /// Times that a batch was sent.
    pub attempts: u64,
    /// Bytes sent, all requests with their headers.
    pub bytes_sent: u64,
    /// Bytes received, likewise.
    pub bytes_received: u64,
    /// Bytes of pictures sent.
    pub picture_bytes: u64,
}

/// Verdicts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictsReport {
    /// Items accepted.
    pub accepted: u64,
    /// Verdicts that the server had given before.
    pub replayed: u64,
    /// Items refused for ever, by reason.
    pub refused: BTreeMap<String, u64>,
}

/// Receipts with a final verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptsReport {
    /// Those that came.
    pub received: u64,
    /// Those that the pinned key signed for an item that was sent.
    pub verified: u64,
}

/// The live estimate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EstimateReport {
    /// The score, millionths, decimal.
    pub score_micros: String,
    /// The payout, millionths of a point, decimal.
    pub points: String,
}

/// One frame's fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemReport {
    /// What its source calls it; its index where that would tell a private place.
    pub source: String,
    /// Its time as recorded, Unix milliseconds.
    pub time_ms: Option<i64>,
    /// `accepted`, `dropped`, `refused`, `evicted` or `pending`.
    pub state: String,
    /// Why it was dropped, refused or evicted.
    pub reason: Option<String>,
    /// The observation's id, hexadecimal.
    pub observation: Option<String>,
    /// The cells of its segment, sorted.
    pub cells: Vec<String>,
}

/// Where things are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerReport {
    /// The server's origin.
    pub url: Option<String>,
    /// The thumbprint of its key, hexadecimal, once it is pinned.
    pub key: Option<String>,
    /// The phone's store.
    pub store: String,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// What kind, `snake_case`.
    pub code: String,
    /// What it happened to.
    pub subject: String,
    /// Why.
    pub cause: String,
}

/// What follows from the fates of a drive's frames.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Frames.
    pub frames: FramesReport,
    /// Redaction.
    pub privacy: PrivacyReport,
    /// Items by state.
    pub queue: QueueReport,
    /// Items refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Each frame.
    pub items: Vec<ItemReport>,
}

impl Tally {
    /// Counts the fates.
    ///
    /// # Errors
    /// An item of the queue cannot be read.
    pub fn of(fates: &[Fate]) -> Result<Self, QueueError> {
        let mut tally = Self::default();
        for fate in fates {
            tally.frames.seen += 1;
            let item = match &fate.kind {
                FateKind::Dropped(reason) => {
                    let reason = reason.name().to_owned();
                    *tally.frames.dropped.entry(reason.clone()).or_default() += 1;
                    ItemReport {
                        source: fate.source.clone(),
                        time_ms: fate.time_ms,
                        state: "dropped".to_owned(),
                        reason: Some(reason),
                        observation: None,
                        cells: Vec::new(),
                    }
                }
                FateKind::Queued(item) => tally.count(fate, item)?,
            };
            tally.items.push(item);
        }
        Ok(tally)
    }

    fn count(&mut self, fate: &Fate, item: &Item) -> Result<ItemReport, QueueError> {
        let (observation, facts) = observed(item)?;
        self.frames.queued += 1;
        self.privacy.faces += u64::from(observation.redaction.faces);
        self.privacy.plates += u64::from(observation.redaction.plates);
        self.privacy.filled_pixels += item.filled_pixels;
        let state = match item.state {
            State::Queued | State::Sending => {
                self.queue.pending += 1;
                "pending"
            }
            State::Accepted => {
                self.queue.accepted += 1;
                "accepted"
            }
            State::Refused(reason) => {
                self.queue.refused += 1;
                *self.refused.entry(reason.name().to_owned()).or_default() += 1;
                "refused"
            }
            State::Evicted(_) => {
                self.queue.evicted += 1;
                "evicted"
            }
        };
        Ok(ItemReport {
            source: fate.source.clone(),
            time_ms: fate.time_ms,
            state: state.to_owned(),
            reason: item.state.reason().map(|reason| reason.name().to_owned()),
            observation: Some(item.id.to_string()),
            cells: facts.cells.iter().map(|cell| cell.to_hex()).collect(),
        })
    }
}

impl StoreReport {
    /// Counts a store.
    ///
    /// # Errors
    /// The queue failed.
    pub fn of(queue: &Queue, now: Now) -> Result<Self, QueueError> {
        let evicted = queue.evicted().iter();
        Ok(Self {
            pending: queue.pending()?,
            held: queue.held(now)?,
            evicted: evicted
                .map(|(reason, count)| (reason.name().to_owned(), *count))
                .collect(),
        })
    }
}

impl PolicyReport {
    /// A policy, by what it changes.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let genesis = Parameters::default().entries();
        let overrides = policy.parameters.entries().into_iter().zip(genesis);
        Self {
            version: policy.version,
            sha256: policy.hash().to_string(),
            overrides: overrides
                .filter(|((_, value), (_, genesis))| value != genesis)
                .map(|((name, value), _)| (name.to_owned(), value))
                .collect(),
        }
    }
}

impl ModelReport {
    /// A detector, by what it says of itself.
    #[must_use]
    pub fn of(identity: &ModelIdentity) -> Self {
        Self {
            role: identity.role.to_string(),
            sha256: wayhex_protocol::id::ModelHash(identity.sha256).to_string(),
            runtime: identity.runtime.clone(),
        }
    }
}
