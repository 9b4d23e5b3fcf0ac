//! Raw pixels in memory: checked once, then trusted.
//!
//! Layout: RGB, 8 bits a channel, interleaved, rows from the top without padding; `pixels.len() = 3 * width * height`.

use std::fmt;

/// Longest side of a frame, in pixels: above any phone's camera, and it keeps both sides in 16 bits.
pub const FRAME_SIDE_MAX: u32 = 16_384;

/// Most pixels of a frame: 48 Mi, 144 MiB as RGB, what a phone can hold twice.
pub const FRAME_PIXELS_MAX: u64 = 48 * 1024 * 1024;

/// Why pixels do not make a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A side is 0 or above [`FRAME_SIDE_MAX`], or the product is above [`FRAME_PIXELS_MAX`].
    #[error(
        "a frame of {width} x {height} is outside 1..={FRAME_SIDE_MAX} a side and {FRAME_PIXELS_MAX} pixels in all"
    )]
    Dimensions {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The buffer's length is not `3 * width * height`.
    #[error("a frame of {width} x {height} in RGB takes {expected} bytes, not {found}")]
    Length {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes that the dimensions ask for.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
}

/// A raw frame that owns its pixels. It can be looked at and redacted, never encoded.
pub struct RgbFrame {
    sides: Sides,
    pixels: Vec<u8>,
}

impl RgbFrame {
    /// Takes `3 * width * height` bytes of interleaved RGB.
    ///
    /// # Errors
    /// [`FrameError`] for sides outside the limits or another length.
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self, FrameError> {
        let sides = RgbView::new(width, height, &pixels)?.sides;
        Ok(Self { sides, pixels })
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        u32::from(self.sides.width)
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        u32::from(self.sides.height)
    }

    /// The frame, borrowed.
    #[must_use]
    pub fn view(&self) -> RgbView<'_> {
        RgbView {
            sides: self.sides,
            pixels: &self.pixels,
        }
    }

    pub(crate) fn trusted(sides: Sides, pixels: Vec<u8>) -> Self {
        Self { sides, pixels }
    }

    pub(crate) fn into_parts(self) -> (Sides, Vec<u8>) {
        (self.sides, self.pixels)
    }
}

/// Says the dimensions only: a raw pixel reaches no log.
impl fmt::Debug for RgbFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

/// A borrowed frame whose dimensions and length have been checked.
#[derive(Clone, Copy)]
pub struct RgbView<'a> {
    sides: Sides,
    pixels: &'a [u8],
}

impl<'a> RgbView<'a> {
    /// Borrows `3 * width * height` bytes of interleaved RGB.
    ///
    /// # Errors
    /// [`FrameError`] for sides outside the limits or another length.
    pub fn new(width: u32, height: u32, pixels: &'a [u8]) -> Result<Self, FrameError> {
        let sides = Sides::new(width, height)?;
        let expected = sides.area() * 3;
        if pixels.len() != expected {
            return Err(FrameError::Length {
                width,
                height,
                expected,
                found: pixels.len(),
            });
        }
        Ok(Self { sides, pixels })
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(self) -> u32 {
        u32::from(self.sides.width)
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(self) -> u32 {
        u32::from(self.sides.height)
    }

    /// `3 * width * height` bytes of interleaved RGB.
    #[must_use]
    pub fn pixels(self) -> &'a [u8] {
        self.pixels
    }

    pub(crate) fn sides(self) -> Sides {
        self.sides
    }
}

/// Says the dimensions only: a raw pixel reaches no log.
impl fmt::Debug for RgbView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RGB {} x {}", self.sides.width, self.sides.height)
    }
}

/// Dimensions within the limits: 16 bits a side, so that arithmetic on them needs no fallible conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) width: u16,
    pub(crate) height: u16,
}

impl Sides {
    pub(crate) fn new(width: u32, height: u32) -> Result<Self, FrameError> {
        let side = |value: u32| {
            u16::try_from(value)
                .ok()
                .filter(|_| (1..=FRAME_SIDE_MAX).contains(&value))
        };
        match (side(width), side(height)) {
            (Some(w), Some(h)) if u64::from(w) * u64::from(h) <= FRAME_PIXELS_MAX => Ok(Self {
                width: w,
                height: h,
            }),
            _ => Err(FrameError::Dimensions { width, height }),
        }
    }

    pub(crate) fn area(self) -> usize {
        usize::from(self.width) * usize::from(self.height)
    }
}
