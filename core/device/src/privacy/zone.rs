//! Private zones: circles around the places a driver names, in whole cells.
//!
//! The centre is jittered once, by up to half the radius, so that the hole in the coverage does not point at the door. The
//! jitter is a vector in metres that follows from a secret of the device, the square of a hundredth of a degree that the centre
//! lies in, and the radius rounded down to its class (100, 200, 400, ... m):
//!
//! ```text
//! jitter = HMAC(secret, square, class), drawn evenly from the disc of half the class's radius
//! ```
//! So it is the same on every trip, and a zone whose centre or radius is edited a little keeps it: many edits do not give as
//! many draws, whose mean would be the door. It does not grow with the radius within a class, since two holes whose jitters were
//! one vector times two known radii would give the door as well.

use std::collections::BTreeSet;
use std::f64::consts::TAU;
use std::str::FromStr;
use std::time::Duration;

use wayhex_protocol::cells::{cell_at, cell_boundary};
use wayhex_protocol::position::{EARTH_RADIUS_M, Position};
use wayhex_protocol::unit::CellId;

use super::draw::draws;
use crate::capture::{Place, SPEED_MAX_M_S};

/// Radius of a zone when none is given, metres.
pub const ZONE_RADIUS_M: f64 = 200.0;
/// Smallest radius, metres: a smaller circle names the house.
pub const ZONE_RADIUS_MIN_M: f64 = 100.0;
/// Largest radius, metres: a zone is a place, not a region.
pub const ZONE_RADIUS_MAX_M: f64 = 10_000.0;
/// Most zones of a driver.
pub const ZONES_MAX: usize = 64;
/// Half of a cell's longest edge, metres, rounded up: a cell that meets a circle has a corner that near to it.
const CELL_EDGE_HALF_M: f64 = 8.0;
/// Side of the squares in which zones share their jitter, in 1e-7 degree: about a kilometre, what an edit stays within.
const SQUARE_E7: i32 = 100_000;

/// A place that a driver keeps to himself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zone {
    centre: Position,
    radius_m: f64,
}

/// A zone that is none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ZoneError {
    /// Not of the form `LAT,LON[,RADIUS_M]`.
    #[error("private zone {0:?} is not LAT,LON[,RADIUS_M]")]
    Form(String),
    /// The centre is out of range.
    #[error("private zone: {0}")]
    Centre(#[from] wayhex_protocol::position::PositionError),
    /// The radius is out of range.
    #[error(
        "private zone: a radius of {0} m is outside {ZONE_RADIUS_MIN_M} to {ZONE_RADIUS_MAX_M} m"
    )]
    Radius(f64),
    /// Too many.
    #[error("{0} private zones are more than {ZONES_MAX}")]
    TooMany(usize),
}

impl Zone {
    /// A zone around a centre in degrees.
    ///
    /// # Errors
    /// [`ZoneError`] for a centre or radius out of range.
    pub fn new(lat_deg: f64, lon_deg: f64, radius_m: f64) -> Result<Self, ZoneError> {
        if !(ZONE_RADIUS_MIN_M..=ZONE_RADIUS_MAX_M).contains(&radius_m) {
            return Err(ZoneError::Radius(radius_m));
        }
        Ok(Self {
            centre: Position::from_degrees(lat_deg, lon_deg)?,
            radius_m,
        })
    }

    /// Its centre, as the driver named it.
    #[must_use]
    pub const fn centre(&self) -> Position {
        self.centre
    }

    /// Its radius, metres.
    #[must_use]
    pub const fn radius_m(&self) -> f64 {
        self.radius_m
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        let numbers: Option<Vec<f64>> = text
            .split(',')
            .map(|number| number.trim().parse().ok())
            .collect();
        match numbers.as_deref() {
            Some([lat, lon]) => Self::new(*lat, *lon, ZONE_RADIUS_M),
            Some([lat, lon, radius_m]) => Self::new(*lat, *lon, *radius_m),
            _ => Err(ZoneError::Form(text.chars().take(80).collect())),
        }
    }
}

/// A driver's zones, jittered.
#[derive(Clone, Default)]
pub struct Zones(Vec<Zone>);

impl Zones {
    /// Jitters each zone by a draw from `secret` and the zone itself.
    ///
    /// # Errors
    /// [`ZoneError::TooMany`].
    pub fn new(zones: &[Zone], secret: &[u8; 32]) -> Result<Self, ZoneError> {
        if zones.len() > ZONES_MAX {
            return Err(ZoneError::TooMany(zones.len()));
        }
        Ok(Self(
            zones.iter().map(|zone| jittered(zone, secret)).collect(),
        ))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any of the cells lies in a zone, wholly or in part.
    #[must_use]
    pub fn touch(&self, cells: &BTreeSet<CellId>) -> bool {
        !self.is_empty() && cells.iter().any(|cell| self.touch_cell(*cell))
    }

    /// Whether the cell of a position does.
    #[must_use]
    pub fn hold(&self, position: Position) -> bool {
        !self.is_empty() && self.touch_cell(cell_at(position))
    }

    /// Whether a phone that passed these two places one after the other may have been in a zone at either or between them: the
    /// way by the zone's edge is no longer than a car drives in that time.
    #[must_use]
    pub fn may_lie_between(&self, from: Place, to: Place) -> bool {
        let lasting = Duration::from_nanos(to.at_ns.saturating_sub(from.at_ns));
        let drivable_m = SPEED_MAX_M_S * lasting.as_secs_f64();
        self.0.iter().any(|zone| {
            let [before_m, after_m] = [from, to].map(|place| {
                let to_centre_m = zone.centre.distance_m(place.position);
                // A cell on the edge is private too: half an edge away at most, and an edge wide from its centre.
                (to_centre_m - zone.radius_m - 3.0 * CELL_EDGE_HALF_M).max(0.0)
            });
            before_m <= 0.0 || after_m <= 0.0 || before_m + after_m <= drivable_m
        })
    }

    fn touch_cell(&self, cell: CellId) -> bool {
        let corners: Vec<Position> = cell_boundary(cell)
            .into_iter()
            .filter_map(|(lat, lon)| Position::from_degrees(lat, lon).ok())
            .collect();
        let meets = |zone: &Zone| {
            corners
                .iter()
                .any(|corner| zone.centre.distance_m(*corner) <= zone.radius_m + CELL_EDGE_HALF_M)
        };
        self.0.iter().any(meets)
    }
}

/// Says how many, not where.
impl std::fmt::Debug for Zones {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} private zones", self.0.len())
    }
}

/// Moved by the vector of its square and class.
fn jittered(zone: &Zone, secret: &[u8; 32]) -> Zone {
    let square = |e7: i32| e7.div_euclid(SQUARE_E7).to_be_bytes();
    let (lat, lon) = (square(zone.centre.lat_e7()), square(zone.centre.lon_e7()));
    let class_m = class_m(zone.radius_m);
    let [far, around] = draws(secret, &[b"zone", &lat, &lon, &class_m.to_be_bytes()]);
    let (by_m, angle) = (class_m / 2.0 * far.sqrt(), TAU * around);
    let lat_deg = zone.centre.lat_deg() + (by_m * angle.cos() / EARTH_RADIUS_M).to_degrees();
    let across = zone.centre.lat_deg().to_radians().cos();
    let lon_deg =
        zone.centre.lon_deg() + (by_m * angle.sin() / (EARTH_RADIUS_M * across)).to_degrees();
    let lon_deg = (lon_deg + 540.0).rem_euclid(360.0) - 180.0;
    // Within a radius of a pole the circle stays where it is: nobody drives there.
    let centre = Position::from_degrees(lat_deg, lon_deg)
        .ok()
        .filter(|centre| centre.distance_m(zone.centre) <= zone.radius_m / 2.0 + 1.0)
        .unwrap_or(zone.centre);
    Zone {
        centre,
        radius_m: zone.radius_m,
    }
}

/// The radius rounded down to the smallest radius times a power of two.
fn class_m(radius_m: f64) -> f64 {
    let mut class_m = ZONE_RADIUS_MIN_M;
    while class_m * 2.0 <= radius_m {
        class_m *= 2.0;
    }
    class_m
}
