//! A single fix, and the place between two of them.

use wayhex_protocol::observation::FixQuality;
use wayhex_protocol::position::Position;
use wayhex_protocol::reason::Reason;

use super::track::{GNSS_GAP_NS, SPEED_MAX_M_S};
use super::{Place, gates};
use crate::source::Fix;

const NS_PER_MS: u64 = 1_000_000;
const NS_PER_S: f64 = 1e9;

/// Where the phone was at a frame's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose {
    pub position: Position,
    pub fix: FixQuality,
    /// Speed over the last two fixes; `None` across more than 3 s.
    pub speed_m_s: Option<f64>,
    /// Speed as the receiver measured it.
    pub doppler_m_s: Option<f64>,
    /// Whether the spacing is doubled.
    pub is_fast: bool,
}

/// What a fix says of itself: out of range, cut to a whole degree, too poor.
pub(super) fn first_look(fix: &Fix, quality: &FixQuality) -> Result<Position, Reason> {
    let position = Position::from_degrees(fix.lat_deg, fix.lon_deg)
        .map_err(|_range| Reason::PositionOutOfRange)?;
    if fix.lat_deg.fract() == 0.0 || fix.lon_deg.fract() == 0.0 {
        return Err(Reason::ImplausiblePosition);
    }
    gates::fix(quality)?;
    Ok(position)
}

pub(super) fn quality(fix: &Fix) -> FixQuality {
    FixQuality {
        accuracy_mm: fix.accuracy_m.and_then(thousandths),
        satellites: fix.satellites,
        hdop_milli: fix.hdop.and_then(thousandths),
    }
}

/// In 1/1000, rounded; what is no number or negative is unknown.
fn thousandths(value: f64) -> Option<u32> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and `as` saturates above"
    )]
    let milli = (value * 1_000.0).round() as u32;
    (value >= 0.0).then_some(milli)
}

/// The worse of two usable fixes in each respect; unknown where it is unknown of one.
pub(super) fn worse(a: FixQuality, b: FixQuality) -> FixQuality {
    let both = |a: Option<u32>, b: Option<u32>, pick: fn(u32, u32) -> u32| Some(pick(a?, b?));
    FixQuality {
        accuracy_mm: both(a.accuracy_mm, b.accuracy_mm, u32::max),
        satellites: both(a.satellites, b.satellites, u32::min),
        hdop_milli: both(a.hdop_milli, b.hdop_milli, u32::max),
    }
}

pub(super) fn follows(from: Place, to: Place) -> bool {
    from.position.distance_m(to.position) <= SPEED_MAX_M_S * seconds(to.at_ns - from.at_ns)
}

/// Metres per second; `None` across a gap.
pub(super) fn speed(from: Place, to: Place) -> Option<f64> {
    let apart_ns = to.at_ns - from.at_ns;
    (apart_ns <= GNSS_GAP_NS).then(|| from.position.distance_m(to.position) / seconds(apart_ns))
}

/// The place at a share of the way between two fixes, across the antimeridian where that is shorter.
pub(super) fn between(from: Position, to: Position, share: f64) -> Option<Position> {
    let east = (to.lon_deg() - from.lon_deg() + 540.0).rem_euclid(360.0) - 180.0;
    let lon = from.lon_deg() + east * share;
    let lon = if lon > 180.0 {
        lon - 360.0
    } else if lon < -180.0 {
        lon + 360.0
    } else {
        lon
    };
    let lat = from.lat_deg() + (to.lat_deg() - from.lat_deg()) * share;
    Position::from_degrees(lat, lon).ok()
}

pub(super) fn seconds(ns: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "differences of some seconds; an exact sum is not needed of more"
    )]
    let ns = ns as f64;
    ns / NS_PER_S
}

pub(super) fn whole_ms(ns: u64) -> i64 {
    i64::try_from((ns + NS_PER_MS / 2) / NS_PER_MS).unwrap_or(i64::MAX)
}
