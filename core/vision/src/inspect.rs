//! What the server asks of an uploaded picture before it keeps it: the form that [`crate::Redacted::encode`] gives.
//!
//! No pixel is decoded and nothing is allocated, so a hostile file costs one pass over its bytes. Accepted are
//! baseline JPEGs of 8 bits with one or three components, within the limits, whose only application segment is a
//! JFIF header without a thumbnail, and that end where their end marker stands.

use crate::encode::{PICTURE_BYTES_MAX, PICTURE_SIDE_MAX};
use crate::markers::{Segment, Segments, WalkFault, marker};

/// Dimensions of a picture, from its frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureInfo {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Why a picture is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureFault {
    /// It is no JPEG at all.
    #[error("the picture is no JPEG")]
    NotJpeg,
    /// It ends before its end marker.
    #[error("the picture is cut short")]
    Truncated,
    /// Its segments are not those of a picture.
    #[error("the picture's segments are malformed at byte {offset}")]
    Malformed {
        /// Offset from the file's first byte.
        offset: usize,
    },
    /// It is progressive, lossless or arithmetic-coded, or not of 8 bits and one or three components.
    #[error("the picture is no baseline JPEG of 8 bits (frame header 0x{marker:02X})")]
    NotBaseline {
        /// The second byte of the frame header's marker.
        marker: u8,
    },
    /// A side is 0 or above [`PICTURE_SIDE_MAX`].
    #[error("the picture's {width} x {height} pixels are outside 1..={PICTURE_SIDE_MAX} a side")]
    Dimensions {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// It is above [`PICTURE_BYTES_MAX`].
    #[error("the picture takes {0} bytes, more than {PICTURE_BYTES_MAX}")]
    TooLarge(usize),
    /// It carries metadata: an application segment, a comment, a thumbnail, or padding that could hide one.
    #[error("the picture carries metadata (marker 0x{marker:02X} at byte {offset})")]
    Metadata {
        /// The second byte of the marker.
        marker: u8,
        /// Offset of the byte after the segment.
        offset: usize,
    },
    /// Bytes follow its end marker.
    #[error("{0} bytes follow the picture's end")]
    Trailing(usize),
}

impl From<WalkFault> for PictureFault {
    fn from(fault: WalkFault) -> Self {
        match fault {
            WalkFault::NotJpeg => Self::NotJpeg,
            WalkFault::Truncated => Self::Truncated,
            WalkFault::Malformed { offset } => Self::Malformed { offset },
        }
    }
}

/// Checks an uploaded picture and returns its dimensions.
///
/// # Errors
/// [`PictureFault`], the first that is met from the file's beginning.
pub fn inspect_jpeg(bytes: &[u8]) -> Result<PictureInfo, PictureFault> {
    if bytes.len() > PICTURE_BYTES_MAX {
        return Err(PictureFault::TooLarge(bytes.len()));
    }
    let mut info = None;
    let mut scans = 0;
    let mut end = 0;
    for (position, segment) in Segments::of(bytes)?.enumerate() {
        let segment = segment?;
        let malformed = PictureFault::Malformed {
            offset: segment.end,
        };
        refuse_metadata(position, segment)?;
        match segment.marker {
            marker::SOF0..=0xCF if segment.marker != marker::DHT => {
                if info.is_some() {
                    return Err(malformed);
                }
                info = Some(frame_header(segment)?);
            }
            marker::SOS => {
                scans += 1;
                // Baseline: one scan of all components, or one for each.
                if info.is_none_or(|(_, components)| scans > components) {
                    return Err(malformed);
                }
            }
            marker::DHT | marker::DQT | marker::DRI | marker::APP0 | marker::EOI => {}
            _ => return Err(malformed),
        }
        end = segment.end;
    }
    match info {
        Some(_) if end < bytes.len() => Err(PictureFault::Trailing(bytes.len() - end)),
        Some((info, _)) if scans > 0 => Ok(info),
        _ => Err(PictureFault::Malformed { offset: end }),
    }
}

fn refuse_metadata(position: usize, segment: Segment<'_>) -> Result<(), PictureFault> {
    let is_metadata = match segment.marker {
        marker::APP0 => position > 0 || !is_plain_jfif(segment.payload),
        marker::COM | marker::APP0..=marker::APP15 => true,
        _ => false,
    };
    if is_metadata || segment.fill > 0 {
        return Err(PictureFault::Metadata {
            marker: segment.marker,
            offset: segment.end,
        });
    }
    Ok(())
}

/// `"JFIF\0", version (2), density unit (1), densities (4), thumbnail width 0, thumbnail height 0`.
fn is_plain_jfif(payload: &[u8]) -> bool {
    payload.len() == 14 && payload.starts_with(b"JFIF\0") && payload.ends_with(&[0, 0])
}

/// `precision (1), height (2), width (2), components (1), 3 bytes a component`.
fn frame_header(segment: Segment<'_>) -> Result<(PictureInfo, u8), PictureFault> {
    let not_baseline = PictureFault::NotBaseline {
        marker: segment.marker,
    };
    if segment.marker != marker::SOF0 {
        return Err(not_baseline);
    }
    let [precision, h1, h0, w1, w0, components, specs @ ..] = segment.payload else {
        return Err(PictureFault::Malformed {
            offset: segment.end,
        });
    };
    if *precision != 8 || !matches!(components, 1 | 3) {
        return Err(not_baseline);
    }
    if specs.len() != usize::from(*components) * 3 {
        return Err(PictureFault::Malformed {
            offset: segment.end,
        });
    }
    let (width, height) = (
        u16::from_be_bytes([*w1, *w0]),
        u16::from_be_bytes([*h1, *h0]),
    );
    let info = PictureInfo {
        width: width.into(),
        height: height.into(),
    };
    let within = |side: u16| (1..=PICTURE_SIDE_MAX).contains(&side);
    if !within(width) || !within(height) {
        return Err(PictureFault::Dimensions {
            width: info.width,
            height: info.height,
        });
    }
    Ok((info, *components))
}
