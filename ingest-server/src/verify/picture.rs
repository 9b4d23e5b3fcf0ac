//! Is the picture the one that was signed, fit to be kept, and of the quality it claims? Costs tens of milliseconds of CPU.
//!
//! The bytes that come with an envelope are not signed, only their hash is. Other bytes say nothing about the observation, nor
//! about who signed it: whoever got hold of an envelope could send it with any picture. They end nothing; the picture that
//! fits may still come. What the device signed of a picture whose hash fits is final.

use wayhex_protocol::id::sha256;
use wayhex_protocol::observation::{Media, Observation};
use wayhex_protocol::reason::{Reason, Retry};
use wayhex_vision::{PictureFault, inspect_jpeg, quality_of_jpeg};

use super::{Finding, Judged, Lawful};
use crate::keys::WrappingKey;
use crate::store::{FrameError, SealedFrame};

/// Steps of 1/255 by which the server's measure of quality may differ from the phone's: JPEG decoders differ by as much.
const QUALITY_TOLERANCE: u8 = 2;

/// Checks a lawful observation's picture, and encrypts it for the store.
///
/// # Errors
/// The picture could not be encrypted; nothing is wrong with it.
pub fn check_picture(mut lawful: Lawful, wrapping: &WrappingKey) -> Result<Finding, FrameError> {
    let subject = lawful.authentic().subject;
    let picture = lawful.take_picture();
    match fits(&lawful.authentic().observation, picture) {
        Ok((media, bytes)) => {
            let frame = SealedFrame::seal(bytes, &subject.item, wrapping)?;
            let verified = lawful.with_picture(media, frame);
            Ok(Finding::Final(Judged::Accept(Box::new(verified))))
        }
        Err(reason) if reason.retry() == Retry::Never => {
            Ok(Finding::Final(Judged::Refuse(subject, reason)))
        }
        Err(reason) => Ok(Finding::Later(reason)),
    }
}

fn fits(observation: &Observation, picture: Option<Vec<u8>>) -> Result<(Media, Vec<u8>), Reason> {
    let &[media] = observation.media.as_slice() else {
        return Err(Reason::PictureMissing);
    };
    let bytes = picture
        .filter(|bytes| sha256(bytes) == media.sha256.0)
        .ok_or(Reason::PictureNotSigned)?;
    if !usize::try_from(media.size_bytes).is_ok_and(|size| size == bytes.len()) {
        return Err(Reason::PictureMismatch);
    }
    let info = inspect_jpeg(&bytes).map_err(|fault| match fault {
        PictureFault::Metadata { .. } => Reason::PictureMetadata,
        PictureFault::TooLarge(_) => Reason::TooLarge,
        _ => Reason::PictureInvalid,
    })?;
    if (info.width, info.height) != (media.width, media.height) {
        return Err(Reason::PictureMismatch);
    }
    let measured = quality_of_jpeg(&bytes).map_err(|_undecodable| Reason::PictureInvalid)?;
    if measured.value.abs_diff(observation.quality) > QUALITY_TOLERANCE {
        return Err(Reason::QualityMismatch);
    }
    Ok((media, bytes))
}
