//! How much a picture shows: one number that the phone signs and the server measures again.
//!
//! All in integers, so that both get the same from the same pixels:
//! ```text
//! luma      Y = (77 R + 150 G + 29 B + 128) >> 8                       each pixel, full range
//! scaled    512 wide, round(512 * height / width) high; a pixel is the mean of the area it covers,
//!           rounded; a picture narrower than 512 is interpolated linearly between pixel centres
//! Laplacian L = 4 c - n - s - w - e                                    inside the scaled picture's border
//! variance  V = (N sum(L^2) - sum(L)^2) / N^2,  clamped to V_MAX
//! exposure  E = pixels with Y in 16..=239 / all pixels of the scaled picture
//! value     round(255 * V / V_MAX * E)
//! ```
//! A picture of fewer than 3 scaled rows, or higher than 8 times its width, is worth 0: no camera makes one.

use crate::decode::{DecodeError, decode_jpeg};
use crate::frame::{RgbFrame, RgbView};

/// Width that pictures are compared at, in pixels: what a phone scales to in a millisecond, and finer than any blur
/// that a map consumer would notice.
const WIDTH_PX: u32 = 512;

/// Highest picture that is measured, in its own widths: it bounds the scaled picture.
const HEIGHT_PER_WIDTH_MAX: u32 = 8;

/// Luma that counts as exposed: the range of studio video, outside of which detail is crushed or burnt out.
const EXPOSED: std::ops::RangeInclusive<u8> = 16..=239;

/// Variance of the Laplacian from which on a picture counts as sharp, in squared luma: streets in focus have 350 to
/// 1,600, most of them 600 to 1,200; the same ones out of focus have less than 20.
const VARIANCE_MAX: u64 = 1_200;

/// How good a picture is, each in steps of 1/255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality {
    /// Clamped variance of the Laplacian: near 0 when out of focus, shaken or empty.
    pub sharpness: u8,
    /// Share of the picture that is neither crushed nor burnt out.
    pub exposure: u8,
    /// The product of both before rounding: what is signed and scored.
    pub value: u8,
}

/// Measures a picture as the server does: decoded from its JPEG.
///
/// # Errors
/// [`DecodeError`] when it cannot be decoded. A hostile picture is passed to [`crate::inspect_jpeg`] first.
pub fn quality_of_jpeg(bytes: &[u8]) -> Result<Quality, DecodeError> {
    decode_jpeg(bytes).map(|frame| sharpness_and_exposure(&frame))
}

/// Measures a frame: the capture gate's look at the raw one.
#[must_use]
pub fn sharpness_and_exposure(frame: &RgbFrame) -> Quality {
    let rows = scaled_luma(frame.view());
    let all: u64 = rows.iter().map(|row| row.len() as u64).sum();
    if rows.len() < 3 {
        return Quality {
            sharpness: 0,
            exposure: 0,
            value: 0,
        };
    }
    let exposed = rows
        .iter()
        .flatten()
        .filter(|luma| EXPOSED.contains(luma))
        .count() as u64;
    let (variance, scale) = laplacian_variance(&rows);
    let steps =
        |part: u128, whole: u128| u8::try_from((255 * part + whole / 2) / whole).unwrap_or(u8::MAX);
    let (part, whole) = (u128::from(variance), u128::from(scale));
    let (exposed, all) = (u128::from(exposed), u128::from(all));
    Quality {
        sharpness: steps(part, whole),
        exposure: steps(exposed, all),
        value: steps(part * exposed, whole * all),
    }
}

/// The clamped variance and what it is clamped to, both times `N^2`.
fn laplacian_variance(rows: &[Vec<u8>]) -> (u64, u64) {
    let (mut count, mut sum, mut squares) = (0_u64, 0_i64, 0_u64);
    for window in rows.windows(3) {
        let (above, row, below) = (&window[0], &window[1], &window[2]);
        let vertical = above[1..].iter().zip(&below[1..]);
        for (west_to_east, (north, south)) in row.windows(3).zip(vertical) {
            let [west, centre, east] = [0, 1, 2].map(|at| i64::from(west_to_east[at]));
            let value = 4 * centre - i64::from(*north) - i64::from(*south) - west - east;
            count += 1;
            sum += value;
            squares += value.unsigned_abs().pow(2);
        }
    }
    // At most 512 x 4,096 values of at most 1,020: N * squares stays below 2^63.
    let variance = count * squares - sum.unsigned_abs().pow(2);
    let clamp = VARIANCE_MAX * count * count;
    (variance.min(clamp), clamp.max(1))
}

/// The rows of the picture's luma at 512 pixels of width; none for a picture outside the measure.
fn scaled_luma(frame: RgbView<'_>) -> Vec<Vec<u8>> {
    let (width, height) = (frame.width(), frame.height());
    let scaled_height = (height * WIDTH_PX + width / 2) / width;
    if height > width * HEIGHT_PER_WIDTH_MAX || scaled_height == 0 {
        return Vec::new();
    }
    let across = Axis::new(width, WIDTH_PX, width < WIDTH_PX);
    let down = Axis::new(height, scaled_height, width < WIDTH_PX);
    let total = u64::from(across.total) * u64::from(down.total);
    let mut source = SourceRows {
        frame,
        across,
        row: None,
        sums: Vec::new(),
        luma: Vec::new(),
    };
    let scale_row = |taps: &Taps| {
        let mut sums = vec![total / 2; WIDTH_PX as usize];
        for (index, weight) in (taps.first..).zip(&taps.weights) {
            for (sum, value) in sums.iter_mut().zip(source.sums_of(index)) {
                *sum += u64::from(*value) * u64::from(*weight);
            }
        }
        sums.into_iter()
            .map(|sum| u8::try_from(sum / total).unwrap_or(u8::MAX))
            .collect()
    };
    down.taps.iter().map(scale_row).collect()
}

/// Rows of the source, scaled across and not yet divided; the last one is kept, as two scaled rows share it.
struct SourceRows<'a> {
    frame: RgbView<'a>,
    across: Axis,
    row: Option<usize>,
    sums: Vec<u32>,
    luma: Vec<u8>,
}

impl SourceRows<'_> {
    fn sums_of(&mut self, index: usize) -> &[u32] {
        if self.row != Some(index) {
            let stride = self.frame.width() as usize * 3;
            let pixels = &self.frame.pixels()[index * stride..][..stride];
            self.luma.clear();
            self.luma
                .extend(pixels.as_chunks::<3>().0.iter().copied().map(luma));
            self.sums.clear();
            self.sums.extend(self.across.taps.iter().map(|taps| {
                let values = self.luma[taps.first..].iter().zip(&taps.weights);
                values
                    .map(|(value, weight)| u32::from(*value) * weight)
                    .sum::<u32>()
            }));
            self.row = Some(index);
        }
        &self.sums
    }
}

fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 77 * u32::from(red) + 150 * u32::from(green) + 29 * u32::from(blue) + 128;
    u8::try_from(sum >> 8).unwrap_or(u8::MAX)
}

/// How one axis is scaled: for each scaled pixel the source pixels it is made of, with weights that sum to `total`.
struct Axis {
    taps: Vec<Taps>,
    total: u32,
}

struct Taps {
    first: usize,
    weights: Vec<u32>,
}

impl Axis {
    fn new(from: u32, to: u32, interpolate: bool) -> Self {
        let (taps, total): (fn(u32, u32, u32) -> Taps, u32) = if interpolate {
            (between_centres, 2 * to)
        } else {
            (covered_area, from)
        };
        Self {
            taps: (0..to).map(|at| taps(at, from, to)).collect(),
            total,
        }
    }
}

/// Scaled pixel `at` covers `[at * from, (at + 1) * from)`, source pixel `i` covers `[i * to, (i + 1) * to)`.
fn covered_area(at: u32, from: u32, to: u32) -> Taps {
    let (start, end) = (at * from, (at + 1) * from);
    let (first, last) = (start / to, (end - 1) / to);
    let overlap = |i: u32| ((i + 1) * to).min(end) - (i * to).max(start);
    Taps {
        first: first as usize,
        weights: (first..=last).map(overlap).collect(),
    }
}

/// The centre of scaled pixel `at` lies `((2 at + 1) from - to) / 2 to` source pixels from the first one's centre.
fn between_centres(at: u32, from: u32, to: u32) -> Taps {
    let offset = ((2 * at + 1) * from)
        .saturating_sub(to)
        .min((from - 1) * 2 * to);
    let (first, beyond) = (offset / (2 * to), offset % (2 * to));
    let weights = if beyond == 0 {
        vec![2 * to]
    } else {
        vec![2 * to - beyond, beyond]
    };
    Taps {
        first: first as usize,
        weights,
    }
}
