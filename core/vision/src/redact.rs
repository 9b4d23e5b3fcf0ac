//! Covering what was found, beyond recovery.
//!
//! Each box is grown about its centre, clipped to the frame, rounded outward to the grid of [`GRID_PX`], and filled
//! with one constant colour. Law, tested: two frames that differ only inside the grown boxes, given the same boxes,
//! yield byte-identical JPEGs. It holds because nothing inside is read after the boxes are known.
//!
//! ```text
//! half  = (right - left) / 2 * 1.3            the same for top and bottom, in binary64
//! left' = floor(max(0, centre - half))        to a multiple of 16, downward
//! right'= ceil(min(width, centre + half))     to a multiple of 16, upward, at most the width
//! ```

use crate::detect::{Detection, Findings, ModelIdentity, Role};
use crate::frame::{RgbFrame, RgbView, Sides};

/// The colour of what is covered: a grey that says so, and that hides nothing of its own in any channel.
pub const FILL_RGB: [u8; 3] = [128, 128, 128];

/// How much larger than the detector's box the filled one is: hair, ears, a plate's frame.
const GROWTH: f64 = 1.3;

/// Grid that the filled boxes are rounded to, in pixels: one minimum coded unit of 4:2:0, a multiple of the chroma
/// grid. A frame that was a JPEG before has in each of its blocks traces of all pixels of that block.
const GRID_PX: u16 = 16;

/// Why a frame was not redacted. It has to be dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedactError {
    /// No detector has looked at the frame.
    #[error("no detector has looked at the frame")]
    NoFindings,
    /// The findings are of a frame of other dimensions.
    #[error("the findings of {model} are of another frame")]
    AnotherFrame {
        /// The model's name.
        model: String,
    },
}

/// What one model contributed to a redacted frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// The model.
    pub identity: ModelIdentity,
    /// How many boxes it found.
    pub boxes: u32,
}

/// A frame with all findings covered. [`redact`] alone makes it, and it alone can be encoded.
#[derive(Debug)]
pub struct Redacted {
    frame: RgbFrame,
    filled_pixels: u64,
    covered: Vec<Covered>,
}

/// Covers everything that was found, and lets go of the raw frame. `findings` holds one entry for each detector.
///
/// # Errors
/// [`RedactError`] when no detector has looked, or when one has looked at a frame of other dimensions.
pub fn redact(frame: RgbFrame, findings: &[Findings]) -> Result<Redacted, RedactError> {
    if findings.is_empty() {
        return Err(RedactError::NoFindings);
    }
    let (sides, mut pixels) = frame.into_parts();
    let mut mask = Mask::new(sides);
    let mut covered = Vec::with_capacity(findings.len());
    for of_one in findings {
        if of_one.sides() != sides {
            return Err(RedactError::AnotherFrame {
                model: of_one.identity().name.clone(),
            });
        }
        for detection in of_one.detections() {
            mask.cover(detection);
        }
        covered.push(Covered {
            identity: of_one.identity().clone(),
            boxes: u32::try_from(of_one.detections().len()).unwrap_or(u32::MAX),
        });
    }
    let filled_pixels = mask.fill(&mut pixels);
    Ok(Redacted {
        frame: RgbFrame::trusted(sides, pixels),
        filled_pixels,
        covered,
    })
}

impl Redacted {
    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.frame.width()
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.frame.height()
    }

    /// The covered pixels, borrowed.
    #[must_use]
    pub fn view(&self) -> RgbView<'_> {
        self.frame.view()
    }

    /// How many pixels were filled; one under two boxes counts once.
    #[must_use]
    pub fn filled_pixels(&self) -> u64 {
        self.filled_pixels
    }

    /// The models that looked, in the order in which they did, and what each found.
    #[must_use]
    pub fn covered(&self) -> &[Covered] {
        &self.covered
    }

    /// How many boxes the models of a role found.
    #[must_use]
    pub fn boxes(&self, role: Role) -> u32 {
        let of_role = self.covered.iter().filter(|it| it.identity.role == role);
        of_role.map(|it| it.boxes).sum()
    }
}

/// Which squares of the grid are covered. Boxes end on the grid, so squares say all of them.
struct Mask {
    sides: Sides,
    columns: usize,
    squares: Vec<bool>,
}

impl Mask {
    fn new(sides: Sides) -> Self {
        let columns = usize::from(sides.width.div_ceil(GRID_PX));
        let rows = usize::from(sides.height.div_ceil(GRID_PX));
        Self {
            sides,
            columns,
            squares: vec![false; columns * rows],
        }
    }

    fn cover(&mut self, it: &Detection) {
        let (left, right) = grown(it.left, it.right, self.sides.width);
        let (top, bottom) = grown(it.top, it.bottom, self.sides.height);
        for row in self
            .squares
            .chunks_exact_mut(self.columns)
            .take(bottom)
            .skip(top)
        {
            for square in row.iter_mut().take(right).skip(left) {
                *square = true;
            }
        }
    }

    /// Fills every covered square and returns the number of pixels filled.
    fn fill(&self, pixels: &mut [u8]) -> u64 {
        let mut filled = 0;
        let rows = pixels
            .chunks_exact_mut(usize::from(self.sides.width) * 3)
            .enumerate();
        for (y, row) in rows {
            let first = y / usize::from(GRID_PX) * self.columns;
            let squares = row
                .chunks_mut(usize::from(GRID_PX) * 3)
                .zip(&self.squares[first..]);
            for (run, _) in squares.filter(|(_, covered)| **covered) {
                for pixel in run.as_chunks_mut::<3>().0 {
                    *pixel = FILL_RGB;
                    filled += 1;
                }
            }
        }
        filled
    }
}

/// One axis of a grown box as squares of the grid, from (inclusive) and to (exclusive).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both are clamped to 0..=side first, and findings hold finite edges only"
)]
fn grown(from: f32, to: f32, side: u16) -> (usize, usize) {
    let (from, to, grid) = (f64::from(from), f64::from(to), f64::from(GRID_PX));
    let centre = f64::midpoint(from, to);
    let half = (to - from) / 2.0 * GROWTH;
    let edge = |value: f64| value.clamp(0.0, f64::from(side)) / grid;
    (
        edge(centre - half).floor() as usize,
        edge(centre + half).ceil() as usize,
    )
}
