//! Positions on the wire and the few pieces of spherical geometry that the law needs.
//!
//! All trigonometry goes through `libm`, so that every platform computes the same bits.

/// Radius of the sphere that distances are measured on, metres: the mean radius R1 of WGS 84 (IUGG).
pub const EARTH_RADIUS_M: f64 = 6_371_008.8;

const E7: f64 = 1e7;
const LAT_E7_MAX: i32 = 900_000_000;
const LON_E7_MAX: i32 = 1_800_000_000;

/// A position in units of 1e-7 degree (about 11 mm of latitude), WGS 84.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    lat_e7: i32,
    lon_e7: i32,
}

/// A coordinate that is no number or outside ±90, ±180 degrees.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "position ({lat_deg}, {lon_deg}) is out of range: latitude is within 90 and longitude within 180 degrees"
)]
pub struct PositionError {
    lat_deg: f64,
    lon_deg: f64,
}

impl Position {
    /// From degrees, rounded to the nearest 1e-7.
    ///
    /// # Errors
    /// Returns the pair when one is NaN, infinite or out of range.
    pub fn from_degrees(lat_deg: f64, lon_deg: f64) -> Result<Self, PositionError> {
        let legal = (-90.0..=90.0).contains(&lat_deg) && (-180.0..=180.0).contains(&lon_deg);
        if !legal {
            return Err(PositionError { lat_deg, lon_deg });
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "within 1.8e9 by the check above"
        )]
        let e7 = |degrees: f64| libm::round(degrees * E7) as i32;
        Ok(Self {
            lat_e7: e7(lat_deg),
            lon_e7: e7(lon_deg),
        })
    }

    /// From units of 1e-7 degree; `None` when out of range.
    #[must_use]
    pub fn from_e7(lat_e7: i32, lon_e7: i32) -> Option<Self> {
        let legal = (-LAT_E7_MAX..=LAT_E7_MAX).contains(&lat_e7)
            && (-LON_E7_MAX..=LON_E7_MAX).contains(&lon_e7);
        legal.then_some(Self { lat_e7, lon_e7 })
    }

    /// Latitude in units of 1e-7 degree.
    #[must_use]
    pub const fn lat_e7(self) -> i32 {
        self.lat_e7
    }

    /// Longitude in units of 1e-7 degree.
    #[must_use]
    pub const fn lon_e7(self) -> i32 {
        self.lon_e7
    }

    /// Latitude in degrees.
    #[must_use]
    pub fn lat_deg(self) -> f64 {
        f64::from(self.lat_e7) / E7
    }

    /// Longitude in degrees.
    #[must_use]
    pub fn lon_deg(self) -> f64 {
        f64::from(self.lon_e7) / E7
    }

    /// Great-circle distance in metres, by the haversine formula on [`EARTH_RADIUS_M`].
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        let (lat_a, lat_b) = (self.lat_deg().to_radians(), other.lat_deg().to_radians());
        let half_lat = libm::sin((lat_b - lat_a) / 2.0);
        let half_lon = libm::sin((other.lon_deg() - self.lon_deg()).to_radians() / 2.0);
        let h = half_lat * half_lat + libm::cos(lat_a) * libm::cos(lat_b) * half_lon * half_lon;
        2.0 * EARTH_RADIUS_M * libm::asin(libm::sqrt(h.min(1.0)))
    }

    /// Initial great-circle bearing to `other`, degrees clockwise from north in [0, 360); `None` when the two are one.
    #[must_use]
    pub fn bearing_deg(self, other: Self) -> Option<f64> {
        if self == other {
            return None;
        }
        let (lat_a, lat_b) = (self.lat_deg().to_radians(), other.lat_deg().to_radians());
        let lon = (other.lon_deg() - self.lon_deg()).to_radians();
        let east = libm::sin(lon) * libm::cos(lat_b);
        let north = libm::cos(lat_a) * libm::sin(lat_b)
            - libm::sin(lat_a) * libm::cos(lat_b) * libm::cos(lon);
        let bearing = libm::atan2(east, north).to_degrees();
        Some(if bearing < 0.0 {
            bearing + 360.0
        } else {
            bearing
        })
    }

    /// The point of the unit sphere.
    #[must_use]
    pub(crate) fn on_sphere(self) -> Vector {
        Vector::of_degrees(self.lat_deg(), self.lon_deg())
    }
}

/// A vector in the Earth's frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vector(pub [f64; 3]);

impl Vector {
    pub(crate) fn of_degrees(lat_deg: f64, lon_deg: f64) -> Self {
        let (lat, lon) = (lat_deg.to_radians(), lon_deg.to_radians());
        let across = libm::cos(lat);
        Self([
            across * libm::cos(lon),
            across * libm::sin(lon),
            libm::sin(lat),
        ])
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self(core::array::from_fn(|i| self.0[i] - other.0[i]))
    }

    pub(crate) fn dot(self, other: Self) -> f64 {
        self.0[0] * other.0[0] + self.0[1] * other.0[1] + self.0[2] * other.0[2]
    }

    pub(crate) fn cross(self, other: Self) -> Self {
        let (v, w) = (self.0, other.0);
        Self([
            v[1] * w[2] - v[2] * w[1],
            v[2] * w[0] - v[0] * w[2],
            v[0] * w[1] - v[1] * w[0],
        ])
    }

    pub(crate) fn length(self) -> f64 {
        libm::sqrt(self.dot(self))
    }
}
