//! A detector that finds the marks of [`crate::drive`], in a thousandth of the time that a face detector takes.

use std::sync::Arc;

use wayhex_device::ports::Detector;
use wayhex_protocol::id::NetworkId;
use wayhex_protocol::policy::Policy;
use wayhex_vision::{BOXES_MAX, DetectError, Detection, ModelIdentity, RgbView, Role};

use super::NETWORK;
use crate::drive::BLOCK_PX;

/// The detectors of the phone.
#[must_use]
pub fn detectors() -> Vec<Arc<dyn Detector>> {
    unless(false)
}

/// The same, unless they are to see nothing.
pub(super) fn unless(is_blind: bool) -> Vec<Arc<dyn Detector>> {
    let identity = ModelIdentity {
        role: Role::Face,
        name: "marks".to_owned(),
        version: "1".to_owned(),
        runtime: "endurance".to_owned(),
        sha256: accepted_model(),
    };
    vec![Arc::new(FindsMarks { identity, is_blind })]
}

/// The first model of the genesis policy, whose name this detector borrows: a server takes no others.
fn accepted_model() -> [u8; 32] {
    let network = NetworkId::parse(NETWORK).ok();
    let models = network.map(|network| Policy::genesis(network).models);
    models
        .and_then(|models| models.first().map(|model| model.sha256.0))
        .unwrap_or_default()
}

struct FindsMarks {
    identity: ModelIdentity,
    is_blind: bool,
}

impl Detector for FindsMarks {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    /// A box for each block whose middle has a mark's colour or a canary's.
    fn detect(&self, frame: RgbView<'_>) -> Result<Vec<Detection>, DetectError> {
        let mut found = Vec::new();
        for top in (0..frame.height()).step_by(to_usize(BLOCK_PX)) {
            for left in (0..frame.width()).step_by(to_usize(BLOCK_PX)) {
                if !self.is_blind && found.len() < BOXES_MAX && is_marked(frame, left, top) {
                    found.push(block_at(left, top));
                }
            }
        }
        Ok(found)
    }
}

fn is_marked(frame: RgbView<'_>, left: u32, top: u32) -> bool {
    let (x, y) = (left + BLOCK_PX / 2, top + BLOCK_PX / 2);
    let place = 3 * (to_usize(y) * to_usize(frame.width()) + to_usize(x));
    match frame.pixels().get(place..place + 3) {
        Some(&[red, green, blue]) if x < frame.width() => {
            (red > 150 && green < 90 && blue > 150) || (red < 90 && green > 150 && blue < 90)
        }
        _ => false,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sides of a picture are far below 2^24"
)]
fn block_at(left: u32, top: u32) -> Detection {
    Detection {
        left: left as f32,
        top: top as f32,
        right: (left + BLOCK_PX) as f32,
        bottom: (top + BLOCK_PX) as f32,
        score: 1.0,
    }
}

fn to_usize(pixels: u32) -> usize {
    usize::try_from(pixels).unwrap_or(usize::MAX)
}
