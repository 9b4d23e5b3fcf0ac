//! The pattern that stands in every raw picture and in no redacted one, and how it is found again.
//!
//! Six columns and four rows of squares in two colours by turns, aligned to a JPEG's units. What is looked at is how far red and
//! blue exceed green: a picture of greys has none of it, a JPEG's subsampled colours keep it, and a smaller copy too.
//!
//! ```text
//! excess = (red + blue) / 2 - green          +210 and -210 in the two colours, 0 in any grey
//! likeness = mean over the squares of sign x (mean excess of the square) / 210
//! ```

use crate::drive::{BLOCK_PX, MARK_RGB};

/// Squares across.
pub const COLUMNS: u32 = 6;
/// Squares down.
pub const ROWS: u32 = 4;
/// The other colour.
const OTHER_RGB: [u8; 3] = [20, 230, 20];
/// The excess of the colours.
const EXCESS: f64 = 210.0;
/// Likeness from which on it is the pattern: a search at a quarter of a square's distance finds 0.56 of it at least.
const LIKENESS_MIN: f64 = 0.4;
/// Sides of a square at which it is looked for, pixels: from a quarter of its size to twice that.
const SIDES_PX: [usize; 7] = [4, 6, 8, 12, 16, 24, 32];
/// Excess from which on a pixel has a colour that no grey street has after any coding.
const COLOUR_MIN: i32 = 60;
/// Pixels of such a colour that are a trace.
const TRACE_PIXELS: usize = 8;

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Greys.
    Nothing,
    /// Colours that only the pattern has.
    Trace,
    /// The pattern.
    Canary,
}

/// The colour of a pixel of the pattern, counted from its corner.
#[must_use]
pub const fn colour(x: u32, y: u32) -> [u8; 3] {
    if is_even(x / BLOCK_PX, y / BLOCK_PX) {
        MARK_RGB
    } else {
        OTHER_RGB
    }
}

const fn is_even(column: u32, row: u32) -> bool {
    (column + row).is_multiple_of(2)
}

/// Looks for it in RGB pixels, rows from the top.
#[must_use]
pub fn look(rgb: &[u8], width: usize) -> Shown {
    let pixels = rgb.as_chunks().0.iter();
    let excess: Vec<i32> = pixels.map(|pixel| excess_of(*pixel)).collect();
    let coloured = excess.iter().filter(|it| it.abs() > COLOUR_MIN).count();
    if coloured < TRACE_PIXELS || width == 0 {
        return Shown::Nothing;
    }
    let sums = Sums::of(&excess, width);
    let is_there = SIDES_PX.iter().any(|side| sums.has_pattern(*side));
    if is_there {
        Shown::Canary
    } else {
        Shown::Trace
    }
}

/// Whether a pixel has a colour that only the pattern has.
#[must_use]
pub fn is_coloured(rgb: [u8; 3]) -> bool {
    excess_of(rgb).abs() > COLOUR_MIN
}

fn excess_of(rgb: [u8; 3]) -> i32 {
    let [red, green, blue] = rgb.map(i32::from);
    i32::midpoint(red, blue) - green
}

/// Sums over all pixels left of and above a corner.
struct Sums {
    to: Vec<i64>,
    width: usize,
    height: usize,
}

impl Sums {
    fn of(excess: &[i32], width: usize) -> Self {
        let height = excess.len() / width;
        let stride = width + 1;
        let mut sums = vec![0; stride * (height + 1)];
        for y in 0..height {
            let mut row = 0;
            for x in 0..width {
                row += i64::from(excess[y * width + x]);
                sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + row;
            }
        }
        Self {
            to: sums,
            width,
            height,
        }
    }

    fn square(&self, left: usize, top: usize, side: usize) -> i64 {
        let at = |x: usize, y: usize| self.to[y * (self.width + 1) + x];
        at(left + side, top + side) - at(left, top + side) - at(left + side, top) + at(left, top)
    }

    fn has_pattern(&self, side: usize) -> bool {
        let (columns, rows) = (to_usize(COLUMNS), to_usize(ROWS));
        let step = (side / 4).max(1);
        let lefts = || (0..(self.width + 1).saturating_sub(columns * side)).step_by(step);
        let tops = (0..(self.height + 1).saturating_sub(rows * side)).step_by(step);
        tops.into_iter()
            .any(|top| lefts().any(|left| self.likeness(left, top, side) >= LIKENESS_MIN))
    }

    #[expect(clippy::cast_precision_loss, reason = "sums of a small picture")]
    fn likeness(&self, left: usize, top: usize, side: usize) -> f64 {
        let mut sum = 0;
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                let corner = (left + to_usize(column) * side, top + to_usize(row) * side);
                let square = self.square(corner.0, corner.1, side);
                sum += if is_even(column, row) {
                    square
                } else {
                    -square
                };
            }
        }
        let pixels = to_usize(COLUMNS * ROWS) * side * side;
        sum as f64 / pixels as f64 / EXCESS
    }
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
