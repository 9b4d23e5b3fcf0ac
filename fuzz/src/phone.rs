//! The phone's pipeline from a source to signed items, with a detector that finds nothing.

use std::sync::Arc;
use std::time::Duration;

use wayhex_device::capture::{Capture, CaptureSettings};
use wayhex_device::privacy::{
    Detectors, Privacy, PrivacyOutcome, PrivacySettings, Released, Trim, TripKind, Zones,
};
use wayhex_device::sign::{Signed, sign};
use wayhex_device::source::Event;
use wayhex_device::tag::{DeviceSecret, TagError, Tagger};
use wayhex_protocol::id::SessionId;
use wayhex_protocol::policy::Policy;
use wayhex_vision::{DetectError, Detection, Detector, ModelIdentity, RgbView, Role};

use crate::key::Key;
use crate::network;

/// The session of everything that is signed here.
pub const SESSION: SessionId = SessionId([5; 16]);

struct SeesNothing(ModelIdentity);

impl Detector for SeesNothing {
    fn identity(&self) -> &ModelIdentity {
        &self.0
    }

    fn detect(&self, _frame: RgbView<'_>) -> Result<Vec<Detection>, DetectError> {
        Ok(Vec::new())
    }
}

fn sees_nothing() -> Arc<dyn Detector> {
    Arc::new(SeesNothing(ModelIdentity {
        role: Role::Face,
        name: "nobody".to_owned(),
        version: "1".to_owned(),
        runtime: "none".to_owned(),
        sha256: [7; 32],
    }))
}

/// What privacy lets go of these events.
pub fn released(
    events: impl Iterator<Item = Event>,
    settings: CaptureSettings,
    zones: Zones,
) -> Vec<Released> {
    let mut capture = Capture::new(settings);
    let mut privacy = Privacy::new(PrivacySettings {
        zones,
        trim: Trim::exact(0, TripKind::Recording).expect("no trim is a trim"),
        trip_seed: [0; 32],
        detectors: Detectors::new(vec![sees_nothing()], Duration::from_mins(1)),
    });
    let mut take = |capture: &mut Capture| {
        while let Some(step) = capture.next_step() {
            privacy.take(step, capture);
        }
    };
    for event in events {
        capture.push(event);
        take(&mut capture);
    }
    capture.finish();
    take(&mut capture);
    privacy.finish();
    let mut all = Vec::new();
    while let Some(outcome) = privacy.next_outcome() {
        if let PrivacyOutcome::Released(released) = outcome {
            all.push(*released);
        }
    }
    all
}

/// Tags and signs what was let go, as the device of the golden vectors.
///
/// # Errors
/// A time that does not fit the wire, or a segment that is not lawful.
pub fn signed(released: Released, sequence: u64) -> Result<Signed, TagError> {
    let tagger = Tagger {
        session: SESSION,
        shift_ms: 0,
        server_offset_ms: None,
        policy: Policy::genesis(network()).hash(),
        secret: DeviceSecret::new([3; 32]),
    };
    let observed = tagger.tag(released, sequence)?;
    Ok(sign(observed, &network(), &Key::device()).expect("a key in memory signs"))
}
