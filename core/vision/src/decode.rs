//! A JPEG into a frame: the way in for replayed drives, and the server's way to look at a picture.
//!
//! The frame is upright: the Exif orientation, if there is one, is applied. Progressive, greyscale and CMYK files are
//! read; a file without its end marker is not, since the part that is missing could hide a face from the detector.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, Limits};

use crate::frame::{FRAME_PIXELS_MAX, FRAME_SIDE_MAX, FrameError, RgbFrame, Sides};
use crate::markers::{Segments, WalkFault};

/// Most bytes of a JPEG that is decoded: 32 MiB, above what cameras write for [`FRAME_PIXELS_MAX`].
pub const SOURCE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Why bytes did not become a frame.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They are no JPEG.
    #[error("the bytes are no JPEG")]
    NotJpeg,
    /// They end before the end marker.
    #[error("the JPEG is cut short")]
    Truncated,
    /// Its segments are malformed.
    #[error("the JPEG's segments are malformed at byte {offset}")]
    Malformed {
        /// Offset from the file's first byte.
        offset: usize,
    },
    /// More than [`SOURCE_BYTES_MAX`].
    #[error("the JPEG takes {0} bytes, more than {SOURCE_BYTES_MAX}")]
    TooLarge(usize),
    /// Its dimensions are outside a frame's limits.
    #[error("the JPEG's dimensions are refused")]
    Frame(#[from] FrameError),
    /// The decoder refused.
    #[error("the JPEG could not be decoded")]
    Decoder(#[from] ImageError),
}

impl From<WalkFault> for DecodeError {
    fn from(fault: WalkFault) -> Self {
        match fault {
            WalkFault::NotJpeg => Self::NotJpeg,
            WalkFault::Truncated => Self::Truncated,
            WalkFault::Malformed { offset } => Self::Malformed { offset },
        }
    }
}

/// Decodes a JPEG into an upright frame.
///
/// # Errors
/// [`DecodeError`] for anything that is not one whole JPEG within the limits; dimensions are checked before a pixel
/// is allocated.
pub fn decode_jpeg(bytes: &[u8]) -> Result<RgbFrame, DecodeError> {
    if bytes.len() > SOURCE_BYTES_MAX {
        return Err(DecodeError::TooLarge(bytes.len()));
    }
    for segment in Segments::of(bytes)? {
        segment?;
    }
    let mut decoder = JpegDecoder::new(Cursor::new(bytes))?;
    let (width, height) = decoder.dimensions();
    Sides::new(width, height)?;
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(FRAME_SIDE_MAX);
    limits.max_image_height = Some(FRAME_SIDE_MAX);
    limits.max_alloc = Some(FRAME_PIXELS_MAX * 4);
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    let rgb = picture.into_rgb8();
    Ok(RgbFrame::new(rgb.width(), rgb.height(), rgb.into_raw())?)
}
