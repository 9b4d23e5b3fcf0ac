//! What the tests share: pictures drawn here, and a detector that says what it is told.

use wayhex_vision::{
    DetectError, Detection, Detector, Findings, ModelIdentity, Redacted, RgbFrame, RgbView, Role,
    redact,
};

/// A detector that reports the same boxes for every frame.
pub struct Told {
    identity: ModelIdentity,
    boxes: Vec<Detection>,
}

impl Told {
    pub fn new(role: Role, boxes: &[Detection]) -> Self {
        let identity = ModelIdentity {
            role,
            name: "Told".to_owned(),
            version: "1".to_owned(),
            runtime: "none".to_owned(),
            sha256: [7; 32],
        };
        Self {
            identity,
            boxes: boxes.to_vec(),
        }
    }
}

impl Detector for Told {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn detect(&self, _: RgbView<'_>) -> Result<Vec<Detection>, DetectError> {
        Ok(self.boxes.clone())
    }
}

pub fn frame(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> RgbFrame {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let pixels = places.flat_map(|(x, y)| colour(x, y)).collect();
    RgbFrame::new(width, height, pixels).expect("the sides are within the limits")
}

/// Noise that repeats from run to run: a hash of the place and a seed.
pub fn noise(seed: u64, x: u32, y: u32) -> [u8; 3] {
    let mut state = seed ^ (u64::from(x) << 32) ^ u64::from(y) ^ 0x9E37_79B9_7F4A_7C15;
    for _ in 0..3 {
        state = (state ^ (state >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    }
    let [red, green, blue, ..] = state.to_be_bytes();
    [red, green, blue]
}

pub fn redacted(frame: RgbFrame, boxes: &[Detection]) -> Redacted {
    let findings =
        Findings::of(&Told::new(Role::Face, boxes), frame.view()).expect("boxes of the frame");
    redact(frame, &[findings]).expect("findings of the frame")
}
