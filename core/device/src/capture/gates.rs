//! The gates that a frame passes, each a number with its reason.

use wayhex_protocol::limits::TIME_MIN_MS;
use wayhex_protocol::observation::FixQuality;
use wayhex_protocol::position::Position;
use wayhex_protocol::reason::Reason;
use wayhex_vision::{DecodeError, RgbFrame, decode_jpeg, sharpness_and_exposure};

/// Least metres from the last kept frame: 8 m nominal, less what a fix wanders.
pub const SPACING_M: f64 = 7.5;
/// Metres per second above which the spacing doubles: on a motorway 15 m show as much.
pub const SPEED_FAST_M_S: f64 = 24.0;
/// Metres per second below which the spacing is single again; lower than the other, so that it does not flutter.
pub const SPEED_NO_LONGER_FAST_M_S: f64 = 22.0;
/// Metres per second below which the phone stands still: less than a pedestrian, more than a fix wanders.
pub const STANDING_M_S: f64 = 0.5;
/// Largest horizontal accuracy, millimetres: beyond 25 m a picture belongs to another street.
pub const ACCURACY_MAX_MM: u32 = 25_000;
/// Fewest satellites: four give a 3-D fix.
pub const SATELLITES_MIN: u32 = 4;
/// Largest horizontal dilution of precision, in 1/1000.
pub const HDOP_MAX_MILLI: u32 = 4_000;
/// Least sharpness of the raw picture, in 1/255 of what counts as sharp: below it no letter can be read.
pub const SHARPNESS_MIN: u8 = 6;
/// Least share of the raw picture, in 1/255, that is neither crushed nor burnt out: a fifth.
pub const EXPOSURE_MIN: u8 = 51;

/// Unix milliseconds within what a capture can have.
pub(super) fn time(unix_ms: i64, time_max_ms: Option<u64>) -> Result<(), Reason> {
    match u64::try_from(unix_ms) {
        Ok(time) if time < TIME_MIN_MS => Err(Reason::TimeBefore2010),
        Ok(time) if time_max_ms.is_some_and(|max| time > max) => Err(Reason::TimeInFuture),
        Ok(_) => Ok(()),
        Err(_negative) => Err(Reason::TimeBefore2010),
    }
}

/// A fix that is good enough, as far as its quality is known.
pub(super) fn fix(fix: &FixQuality) -> Result<(), Reason> {
    if fix.accuracy_mm.is_some_and(|mm| mm > ACCURACY_MAX_MM) {
        return Err(Reason::AccuracyTooLow);
    }
    if fix.satellites.is_some_and(|count| count < SATELLITES_MIN) {
        return Err(Reason::TooFewSatellites);
    }
    if fix.hdop_milli.is_some_and(|hdop| hdop > HDOP_MAX_MILLI) {
        return Err(Reason::HdopTooHigh);
    }
    Ok(())
}

/// Not standing still; an unknown speed is no standstill.
pub(super) fn movement(speed_m_s: Option<f64>) -> Result<(), Reason> {
    match speed_m_s {
        Some(speed) if speed < STANDING_M_S => Err(Reason::StandingStill),
        _ => Ok(()),
    }
}

/// Far enough from the last kept frame.
pub(super) fn spacing(from: Option<Position>, to: Position, is_fast: bool) -> Result<(), Reason> {
    let least_m = if is_fast { 2.0 * SPACING_M } else { SPACING_M };
    match from {
        Some(from) if from.distance_m(to) < least_m => Err(Reason::TooClose),
        _ => Ok(()),
    }
}

/// Whether the spacing is doubled at this speed, and was before.
pub(super) fn is_fast(before: bool, speed_m_s: f64) -> bool {
    if before {
        speed_m_s >= SPEED_NO_LONGER_FAST_M_S
    } else {
        speed_m_s > SPEED_FAST_M_S
    }
}

/// A JPEG that can be decoded.
pub(super) fn decode(bytes: &[u8]) -> Result<RgbFrame, Reason> {
    decode_jpeg(bytes).map_err(|error| match error {
        DecodeError::TooLarge(_) | DecodeError::Frame(_) => Reason::PictureTooLarge,
        _ => Reason::PictureUnreadable,
    })
}

/// A picture that shows something.
pub(super) fn picture(pixels: &RgbFrame) -> Result<(), Reason> {
    let quality = sharpness_and_exposure(pixels);
    if quality.exposure < EXPOSURE_MIN {
        return Err(Reason::BadExposure);
    }
    if quality.sharpness < SHARPNESS_MIN {
        return Err(Reason::Blurred);
    }
    Ok(())
}
