//! Names the cells, and makes the observation: everything that is signed about one capture.
//!
//! A replayed drive is shifted in time, so that it ends now. Session and salt of a replay follow from a secret of the device, so that
//! playing it again makes the same bytes.

use ring::hmac;
use wayhex_protocol::id::{ModelHash, PictureHash, PolicyHash, Salt, SessionId};
use wayhex_protocol::observation::{
    Kind, Media, Model, Observation, REDACTION_FACES_ONLY, Redaction, Role, TimeSource,
};
use wayhex_protocol::segment::{SegmentFacts, SegmentFault};
use wayhex_vision as vision;

use crate::privacy::Released;
use crate::source::DriveHash;

/// A secret that never leaves the device: sessions, salts and the jitter of private zones follow from it.
#[derive(Clone)]
pub struct DeviceSecret([u8; 32]);

impl DeviceSecret {
    /// From 32 random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The session of a drive played with this shift: HMAC-SHA256 over the drive's hash and the shift (i64, big-endian),
    /// its first 16 bytes.
    #[must_use]
    pub fn session_of_replay(&self, drive: &DriveHash, shift_ms: i64) -> SessionId {
        SessionId(self.mac(&[&drive.0, &shift_ms.to_be_bytes()]))
    }

    /// The salt of an observation, likewise over session and sequence (u64, big-endian).
    #[must_use]
    pub fn salt(&self, session: &SessionId, sequence: u64) -> Salt {
        Salt(self.mac(&[b"salt", &session.0, &sequence.to_be_bytes()]))
    }

    /// What the private zones are jittered by.
    #[must_use]
    pub fn zone_seed(&self) -> [u8; 32] {
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(&self.mac(&[b"zones", &[0]]));
        seed[16..].copy_from_slice(&self.mac(&[b"zones", &[1]]));
        seed
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        for part in parts {
            context.update(part);
        }
        let mut out = [0; 16];
        out.copy_from_slice(&context.sign().as_ref()[..16]);
        out
    }
}

/// Says nothing.
impl std::fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceSecret")
    }
}

/// What all observations of a session have in common.
#[derive(Clone, Debug)]
pub struct Tagger {
    /// The session.
    pub session: SessionId,
    /// Milliseconds that a replay is shifted by; 0 for what happens now.
    pub shift_ms: i64,
    /// Milliseconds that the server's clock is ahead of the phone's, once an answer told.
    pub server_offset_ms: Option<i64>,
    /// The policy in force.
    pub policy: PolicyHash,
    /// The device's secret.
    pub secret: DeviceSecret,
}

/// Why a frame that was let go made no observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// Its time does not fit the wire.
    #[error("the shifted capture time is no Unix time")]
    Time,
    /// Its segment breaks the law.
    #[error("the segment is not lawful: {0}")]
    Segment(#[from] SegmentFault),
}

/// An observation and its picture, unsigned. [`Tagger::tag`] alone makes it.
#[derive(Debug)]
pub struct Tagged {
    pub(crate) source: String,
    pub(crate) time_ms: i64,
    pub(crate) observation: Observation,
    pub(crate) facts: SegmentFacts,
    pub(crate) picture: Vec<u8>,
    pub(crate) counts: RedactionCounts,
}

/// What was covered in a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedactionCounts {
    /// Faces found.
    pub faces: u32,
    /// Plates found.
    pub plates: u32,
    /// Pixels filled, each counted once.
    pub filled_pixels: u64,
}

impl Tagged {
    /// The observation.
    #[must_use]
    pub const fn observation(&self) -> &Observation {
        &self.observation
    }

    /// The cells and the direction of its segment.
    #[must_use]
    pub const fn facts(&self) -> &SegmentFacts {
        &self.facts
    }

    /// What the source calls the frame.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl Tagger {
    /// Takes what the server's clock is ahead, as soon as it is known. A session that has begun (`is_first` is false) is never set
    /// back by it: its captures would seem to have been made before those that they followed. What is in the future then
    /// is put right with all of its session before it is sent.
    pub fn hear_offset(&mut self, ahead_ms: Option<i64>, is_first: bool) {
        let used_ms = self.server_offset_ms.unwrap_or(0);
        if ahead_ms.is_some_and(|ahead_ms| is_first || ahead_ms >= used_ms) {
            self.server_offset_ms = ahead_ms;
        }
    }

    /// Makes the observation of that number in the session.
    ///
    /// # Errors
    /// [`TagError`]; the number is free again then.
    pub fn tag(&self, released: Released, sequence: u64) -> Result<Tagged, TagError> {
        let facts = released.segment.facts()?;
        let (captured_at_ms, time_source) = self.time(&released)?;
        let counts = counts(&released);
        let picture = &released.picture;
        let observation = Observation {
            kind: Kind::Picture,
            session: self.session,
            sequence,
            captured_at_ms,
            time_source,
            segment: released.segment,
            fix: released.fix,
            motion: released.motion,
            media: vec![Media {
                sha256: PictureHash(picture.sha256()),
                size_bytes: u32::try_from(picture.jpeg().len()).unwrap_or(u32::MAX),
                width: picture.width(),
                height: picture.height(),
            }],
            redaction: Redaction {
                version: REDACTION_FACES_ONLY,
                models: released
                    .covered
                    .iter()
                    .map(|covered| model(&covered.identity))
                    .collect(),
                faces: counts.faces,
                plates: counts.plates,
            },
            quality: released.quality,
            policy: self.policy,
            salt: self.secret.salt(&self.session, sequence),
        };
        Ok(Tagged {
            source: released.source,
            time_ms: released.time.unix_ms,
            observation,
            facts,
            picture: released.picture.into_jpeg(),
            counts,
        })
    }

    /// Satellites know the time best; the phone's clock is corrected by the server's where that is known.
    fn time(&self, released: &Released) -> Result<(u64, TimeSource), TagError> {
        let (correction_ms, source) = match (released.time.source, self.server_offset_ms) {
            (TimeSource::Phone, Some(offset_ms)) => (offset_ms, TimeSource::Server),
            (source, _) => (0, source),
        };
        let shifted_ms = released
            .time
            .unix_ms
            .checked_add(self.shift_ms)
            .and_then(|ms| ms.checked_add(correction_ms));
        let at_ms = shifted_ms
            .and_then(|ms| u64::try_from(ms).ok())
            .ok_or(TagError::Time)?;
        Ok((at_ms, source))
    }
}

fn counts(released: &Released) -> RedactionCounts {
    let of = |role| {
        released
            .covered
            .iter()
            .filter(|it| it.identity.role == role)
            .map(|it| it.boxes)
            .sum()
    };
    RedactionCounts {
        faces: of(vision::Role::Face),
        plates: of(vision::Role::Plate),
        filled_pixels: released.filled_pixels,
    }
}

fn model(identity: &vision::ModelIdentity) -> Model {
    Model {
        role: match identity.role {
            vision::Role::Face => Role::Face,
            vision::Role::Plate => Role::Plate,
        },
        sha256: ModelHash(identity.sha256),
    }
}
