//! The observation: what a phone signs about one capture. Integers only; an absent key means unknown.

mod wire;

use crate::cbor::written;
use crate::envelope::Signable;
use crate::id::{
    DeviceId, ModelHash, ObservationId, PictureHash, PolicyHash, Salt, SessionId, sha256,
};
use crate::limits::{REST_DURATION_MIN_MS, REST_SPEED_MAX_M_S, REST_SPREAD_MAX_MM_S2};
use crate::segment::Segment;

/// The version of the redaction that covers faces only; pictures of it are stored and not published.
pub const REDACTION_FACES_ONLY: u64 = 1;

/// One capture, after privacy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What kind of capture.
    pub kind: Kind,
    /// The session it belongs to.
    pub session: SessionId,
    /// Its number in the session, counted after privacy, from 0.
    pub sequence: u64,
    /// Time of capture, Unix milliseconds.
    pub captured_at_ms: u64,
    /// Whose clock said so.
    pub time_source: TimeSource,
    /// The way driven up to the capture.
    pub segment: Segment,
    /// How good the position is.
    pub fix: FixQuality,
    /// How the phone moved.
    pub motion: Motion,
    /// The pictures, in the order they are uploaded.
    pub media: Vec<Media>,
    /// What redacted them.
    pub redaction: Redaction,
    /// Quality of the redacted picture in 1/255.
    pub quality: u8,
    /// The policy in force at capture.
    pub policy: PolicyHash,
    /// Makes equal captures of two devices differ.
    pub salt: Salt,
}

/// The kind of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A picture of the road.
    Picture = 1,
    /// Motion without a picture: earns no coverage.
    Motion = 2,
}

/// Where a capture time comes from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeSource {
    /// The satellites.
    Gnss = 1,
    /// The phone's clock, corrected by the server's.
    Server = 2,
    /// The phone's clock as it is.
    Phone = 3,
}

/// How good a fix is; what is `None` is unknown and fails no gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FixQuality {
    /// Horizontal accuracy (68 %), millimetres.
    pub accuracy_mm: Option<u32>,
    /// Satellites used.
    pub satellites: Option<u32>,
    /// Horizontal dilution of precision in 1/1000.
    pub hdop_milli: Option<u32>,
}

/// Motion around the capture, from fixes and inertial samples; what is `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Motion {
    /// Speed over ground, mm/s.
    pub speed_mm_s: Option<u32>,
    /// Turn since the segment's start, in millidegrees, right positive.
    pub yaw_mdeg: Option<i32>,
    /// Standard deviation of the acceleration's magnitude over the segment, mm/s²; unknown below
    /// [`crate::limits::SPREAD_SAMPLES_MIN`] samples.
    pub acceleration_spread_mm_s2: Option<u32>,
}

/// One picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// Its hash.
    pub sha256: PictureHash,
    /// Its length in bytes.
    pub size_bytes: u32,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// What removed faces and plates, and how much it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// Version of the procedure: [`REDACTION_FACES_ONLY`], ...
    pub version: u64,
    /// The detectors that ran.
    pub models: Vec<Model>,
    /// Faces covered.
    pub faces: u32,
    /// Plates covered.
    pub plates: u32,
}

/// A detector: what it looks for and the file it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Model {
    /// What it looks for.
    pub role: Role,
    /// SHA-256 of its file.
    pub sha256: ModelHash,
}

/// What a detector looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Faces.
    Face = 1,
    /// Licence plates.
    Plate = 2,
}

impl Role {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Face => "face",
            Self::Plate => "plate",
        }
    }
}

impl Observation {
    /// The observation's id: SHA-256 of CBOR `["wayhex/id/1", device, payload]`.
    #[must_use]
    pub fn id(device: DeviceId, payload: &[u8]) -> ObservationId {
        ObservationId(sha256(&written(|e| {
            e.array(3)?
                .str("wayhex/id/1")?
                .bytes(&device.0)?
                .bytes(payload)
        })))
    }
}

impl Observation {
    /// Whether its own acceleration says that the phone lay still while its positions claim a drive: a spread of sensor noise
    /// alone, over a segment that is long enough to tell and faster than anything at rest. What is unknown denies nothing.
    #[must_use]
    pub fn denies_its_motion(&self) -> bool {
        let lies_still = self
            .motion
            .acceleration_spread_mm_s2
            .is_some_and(|spread| spread < REST_SPREAD_MAX_MM_S2);
        lies_still
            && self.segment.vertices()[0].before_ms >= REST_DURATION_MIN_MS
            && self.segment.mean_speed_m_s() > REST_SPEED_MAX_M_S
    }
}

impl Signable for Observation {
    const DOMAIN: &'static str = "wayhex/observation/1";
}
