//! The detector's door: what finds faces or plates, and what it has to say about itself.
//!
//! A detector may be ours or the phone's own, behind a binding. Its answer is checked here, once: what is not a box
//! of the frame is an error, on which the caller drops the frame, and is never ignored.

use std::fmt;

use crate::frame::{RgbView, Sides};

/// Most boxes that one detector may report for a frame: far above any street, and it bounds the work of covering them.
pub const BOXES_MAX: usize = 512;

/// What a detector looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Human faces.
    Face,
    /// Licence plates of vehicles.
    Plate,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Face => "face",
            Self::Plate => "plate",
        })
    }
}

/// What made the boxes; stamped on each frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelIdentity {
    /// What it looks for.
    pub role: Role,
    /// Its name, as published.
    pub name: String,
    /// Its version, as published.
    pub version: String,
    /// What computes it: a library and its version.
    pub runtime: String,
    /// SHA-256 of the model's file.
    pub sha256: [u8; 32],
}

/// One box in pixels of the frame, origin at the top left, right and bottom exclusive. It may reach over the frame's
/// edge, where it is clipped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Left edge, pixels.
    pub left: f32,
    /// Top edge, pixels.
    pub top: f32,
    /// Right edge, pixels; above `left`.
    pub right: f32,
    /// Bottom edge, pixels; above `top`.
    pub bottom: f32,
    /// Confidence, 0..=1.
    pub score: f32,
}

/// Finds what has to be covered in a frame. Object safe; called from several threads.
pub trait Detector: Send + Sync {
    /// Which model this is. It does not change during the detector's life.
    fn identity(&self) -> &ModelIdentity;

    /// The boxes found in the frame; none is a valid answer.
    ///
    /// # Errors
    /// [`DetectError`] when the frame could not be looked at as a whole.
    fn detect(&self, frame: RgbView<'_>) -> Result<Vec<Detection>, DetectError>;
}

/// Why a frame's faces or plates are not known. The frame has to be dropped.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// The model could not be computed.
    #[error("{model} could not be computed: {cause}")]
    Failed {
        /// The model's name.
        model: String,
        /// What its runtime said.
        cause: String,
    },
    /// The model computed something that is not its kind of output: another shape, or a value that is no number.
    #[error("{model} gave an output that cannot be read: {what}")]
    Output {
        /// The model's name.
        model: String,
        /// What was wrong with it.
        what: String,
    },
    /// A box is no box of the frame: not finite, inverted, empty, or wholly outside; or its score is not in 0..=1.
    #[error("{model} reported {detection:?}, which is no box of a frame of {width} x {height}")]
    Box {
        /// The model's name.
        model: String,
        /// What it reported.
        detection: Detection,
        /// The frame's width in pixels.
        width: u32,
        /// The frame's height in pixels.
        height: u32,
    },
    /// More than [`BOXES_MAX`] boxes.
    #[error("{model} reported {found} boxes, more than {BOXES_MAX}")]
    TooMany {
        /// The model's name.
        model: String,
        /// How many it reported.
        found: usize,
    },
}

/// What one detector found in one frame, checked: the proof that it has looked. Only [`Findings::of`] makes it.
#[derive(Debug, Clone)]
pub struct Findings {
    identity: ModelIdentity,
    sides: Sides,
    detections: Vec<Detection>,
}

impl Findings {
    /// Runs the detector on the frame and checks its answer.
    ///
    /// # Errors
    /// The detector's own [`DetectError`], or one for an answer that is not boxes of this frame.
    pub fn of(detector: &dyn Detector, frame: RgbView<'_>) -> Result<Self, DetectError> {
        let detections = detector.detect(frame)?;
        let identity = detector.identity().clone();
        if detections.len() > BOXES_MAX {
            return Err(DetectError::TooMany {
                model: identity.name,
                found: detections.len(),
            });
        }
        let sides = frame.sides();
        if let Some(detection) = detections.iter().find(|it| !is_box_of(it, sides)) {
            return Err(DetectError::Box {
                model: identity.name,
                detection: *detection,
                width: frame.width(),
                height: frame.height(),
            });
        }
        Ok(Self {
            identity,
            sides,
            detections,
        })
    }

    /// Which model looked.
    #[must_use]
    pub fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    /// What it found.
    #[must_use]
    pub fn detections(&self) -> &[Detection] {
        &self.detections
    }

    pub(crate) fn sides(&self) -> Sides {
        self.sides
    }
}

/// Comparisons with a NaN are false, so each NaN is refused here.
fn is_box_of(it: &Detection, sides: Sides) -> bool {
    let finite = [it.left, it.top, it.right, it.bottom]
        .iter()
        .all(|edge| edge.is_finite());
    finite
        && it.left < it.right
        && it.top < it.bottom
        && it.right > 0.0
        && it.bottom > 0.0
        && it.left < f32::from(sides.width)
        && it.top < f32::from(sides.height)
        && (0.0..=1.0).contains(&it.score)
}
