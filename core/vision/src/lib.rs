//! Find faces and plates, and cover them beyond recovery: pixels in, pixels out.
//!
//! The modules stand in the order in which a frame meets them. The types carry the law: only what a [`Detector`]
//! has looked at ([`Findings`]) makes a frame [`Redacted`], and only a [`Redacted`] can be encoded as a picture.
//! The phone runs all of it; the server runs [`inspect_jpeg`], [`quality_of_jpeg`] and, on a sample, the detectors.
//!
//! Deliberately absent: files, clocks, threads and networks. A detector's time limit is its caller's to keep.

mod frame;

mod decode;

mod quality;

mod detect;

#[cfg(feature = "centerface")]
mod centerface;

mod redact;

mod encode;

mod inspect;
mod markers;

#[cfg(feature = "centerface")]
pub use centerface::{CENTERFACE_FILE, CenterFace, ModelError};
pub use decode::{DecodeError, SOURCE_BYTES_MAX, decode_jpeg};
pub use detect::{BOXES_MAX, DetectError, Detection, Detector, Findings, ModelIdentity, Role};
pub use encode::{
    EncodeError, Encoded, JPEG_QUALITY, JPEG_QUALITY_MIN, JPEG_QUALITY_STEP, PICTURE_BYTES_MAX,
    PICTURE_SIDE_MAX,
};
pub use frame::{FRAME_PIXELS_MAX, FRAME_SIDE_MAX, FrameError, RgbFrame, RgbView};
pub use inspect::{PictureFault, PictureInfo, inspect_jpeg};
pub use quality::{Quality, quality_of_jpeg, sharpness_and_exposure};
pub use redact::{Covered, FILL_RGB, RedactError, Redacted, redact};
