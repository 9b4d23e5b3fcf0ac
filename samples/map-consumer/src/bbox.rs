//! The box that is asked for.

use std::fmt;
use std::str::FromStr;

/// A box of longitudes and latitudes in degrees. `west > east` means the box that crosses the antimeridian.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundingBox {
    /// Western edge, -180..=180.
    pub west: f64,
    /// Southern edge, -90..=90, less than north.
    pub south: f64,
    /// Eastern edge, -180..=180.
    pub east: f64,
    /// Northern edge, -90..=90.
    pub north: f64,
}

/// Why a text is no box.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BoundingBoxError {
    /// Not four numbers between commas.
    #[error("a box is four numbers, W,S,E,N in degrees")]
    Form,
    /// A number beyond its range, or south not below north.
    #[error("longitudes lie in -180..=180, latitudes in -90..=90, and south lies below north")]
    Range,
}

impl FromStr for BoundingBox {
    type Err = BoundingBoxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers: Result<Vec<f64>, _> =
            text.split(',').map(|part| part.trim().parse()).collect();
        let Ok([west, south, east, north]) = <[f64; 4]>::try_from(numbers.unwrap_or_default())
        else {
            return Err(BoundingBoxError::Form);
        };
        let longitudes = [west, east]
            .iter()
            .all(|degrees| (-180.0..=180.0).contains(degrees));
        let latitudes = [south, north]
            .iter()
            .all(|degrees| (-90.0..=90.0).contains(degrees));
        if longitudes && latitudes && south < north && west.to_bits() != east.to_bits() {
            Ok(Self {
                west,
                south,
                east,
                north,
            })
        } else {
            Err(BoundingBoxError::Range)
        }
    }
}

impl fmt::Display for BoundingBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{},{},{},{}",
            self.west, self.south, self.east, self.north
        )
    }
}

impl BoundingBox {
    /// Longitude of the middle, which may lie beyond 180 for a box across the antimeridian.
    #[must_use]
    pub fn middle_lon(&self) -> f64 {
        let east = if self.west > self.east {
            self.east + 360.0
        } else {
            self.east
        };
        f64::midpoint(self.west, east)
    }
}
