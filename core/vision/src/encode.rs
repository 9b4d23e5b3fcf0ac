//! The picture that leaves the phone: baseline JPEG, 4:2:0, no metadata.
//!
//! Before its frame header the file holds a JFIF header of 16 bytes without a thumbnail and nothing else; the
//! density in it is the aspect ratio 1:1, so that it says nothing about the camera.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};
use ring::digest::{SHA256, digest};

pub use wayhex_protocol::limits::{PICTURE_BYTES_MAX, PICTURE_SIDE_MAX};

use crate::frame::{RgbView, Sides};
use crate::redact::Redacted;

/// The usual JPEG quality (1..=100): signs stay legible at about 200 KB for 2028 x 1024.
pub const JPEG_QUALITY: u8 = 85;

/// Lowest quality that a picture too large is lowered to.
pub const JPEG_QUALITY_MIN: u8 = 35;

/// Step by which the quality is lowered while a picture is above [`PICTURE_BYTES_MAX`].
pub const JPEG_QUALITY_STEP: u8 = 10;

/// Why a redacted frame did not become a picture.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The quality asked for is outside [`JPEG_QUALITY_MIN`]..=100.
    #[error("JPEG quality {0} is outside {JPEG_QUALITY_MIN}..=100")]
    Quality(u8),
    /// The frame could not be scaled down.
    #[error("a frame of {width} x {height} could not be scaled to {PICTURE_SIDE_MAX} pixels")]
    Scale {
        /// The frame's width in pixels.
        width: u32,
        /// The frame's height in pixels.
        height: u32,
        /// What the scaler said.
        source: fast_image_resize::ResizeError,
    },
    /// The encoder refused.
    #[error("a frame could not be encoded as JPEG")]
    Encoder(#[from] jpeg_encoder::EncodingError),
    /// Even at the lowest quality it is above [`PICTURE_BYTES_MAX`].
    #[error(
        "at quality {JPEG_QUALITY_MIN} the picture still takes {0} bytes, more than {PICTURE_BYTES_MAX}"
    )]
    TooLarge(usize),
}

/// An encoded picture: redacted by its type, without metadata, within the limits of size.
#[derive(Debug, Clone)]
pub struct Encoded {
    jpeg: Vec<u8>,
    sha256: [u8; 32],
    sides: Sides,
    jpeg_quality: u8,
}

impl Encoded {
    /// The file.
    #[must_use]
    pub fn jpeg(&self) -> &[u8] {
        &self.jpeg
    }

    /// The file, owned.
    #[must_use]
    pub fn into_jpeg(self) -> Vec<u8> {
        self.jpeg
    }

    /// SHA-256 of the file.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
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

    /// The JPEG quality it ended up with, 1..=100.
    #[must_use]
    pub fn jpeg_quality(&self) -> u8 {
        self.jpeg_quality
    }
}

impl Redacted {
    /// Encodes the frame, scaled down to [`PICTURE_SIDE_MAX`] if longer. While the file is above
    /// [`PICTURE_BYTES_MAX`], the quality is lowered by [`JPEG_QUALITY_STEP`], at last to [`JPEG_QUALITY_MIN`].
    ///
    /// # Errors
    /// [`EncodeError`] for a quality outside [`JPEG_QUALITY_MIN`]..=100, and for a frame that stays too large.
    pub fn encode(&self, quality: u8) -> Result<Encoded, EncodeError> {
        if !(JPEG_QUALITY_MIN..=100).contains(&quality) {
            return Err(EncodeError::Quality(quality));
        }
        let frame = self.view();
        let target = picture_sides(frame.sides());
        let scaled = (target != frame.sides())
            .then(|| scale(frame, target))
            .transpose()?;
        let pixels = scaled.as_deref().unwrap_or(frame.pixels());
        let mut jpeg_quality = quality;
        loop {
            let jpeg = encode(pixels, target, jpeg_quality)?;
            if jpeg.len() <= PICTURE_BYTES_MAX {
                return Ok(Encoded {
                    sha256: sha256(&jpeg),
                    jpeg,
                    sides: target,
                    jpeg_quality,
                });
            }
            if jpeg_quality == JPEG_QUALITY_MIN {
                return Err(EncodeError::TooLarge(jpeg.len()));
            }
            jpeg_quality = jpeg_quality
                .saturating_sub(JPEG_QUALITY_STEP)
                .max(JPEG_QUALITY_MIN);
        }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

/// Scales linear light as little as a phone's own scaler does: bilinear over the covered area, on the stored values.
pub(crate) fn resize(
    frame: RgbView<'_>,
    target: Sides,
) -> Result<Vec<u8>, fast_image_resize::ResizeError> {
    let sides = frame.sides();
    let source = ImageRef::new(
        sides.width.into(),
        sides.height.into(),
        frame.pixels(),
        PixelType::U8x3,
    );
    let Ok(source) = source else {
        return Err(fast_image_resize::ResizeError::PixelTypesAreDifferent);
    };
    let mut scaled = Image::new(target.width.into(), target.height.into(), PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize(&source, &mut scaled, &options)?;
    Ok(scaled.into_vec())
}

fn scale(frame: RgbView<'_>, target: Sides) -> Result<Vec<u8>, EncodeError> {
    resize(frame, target).map_err(|source| EncodeError::Scale {
        width: frame.width(),
        height: frame.height(),
        source,
    })
}

/// The sides within [`PICTURE_SIDE_MAX`], the shorter one rounded down, at least 1.
fn picture_sides(sides: Sides) -> Sides {
    let longest = sides.width.max(sides.height);
    if longest <= PICTURE_SIDE_MAX {
        return sides;
    }
    let shrink = |side: u16| {
        let side = u32::from(side) * u32::from(PICTURE_SIDE_MAX) / u32::from(longest);
        u16::try_from(side).unwrap_or(PICTURE_SIDE_MAX).max(1)
    };
    Sides {
        width: shrink(sides.width),
        height: shrink(sides.height),
    }
}

fn encode(pixels: &[u8], sides: Sides, quality: u8) -> Result<Vec<u8>, EncodeError> {
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, quality);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    encoder.encode(pixels, sides.width, sides.height, ColorType::Rgb)?;
    Ok(jpeg)
}
