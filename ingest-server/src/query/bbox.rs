//! The box that a map asks for: west, south, east, north in degrees. West may be greater than east: then the box lies across
//! the antimeridian.

use geo::{Coord, Rect};
use wayhex_protocol::position::EARTH_RADIUS_M;

use crate::problem::Problem;

/// Square kilometres of a box at most: a city with its surroundings, 100 km by 100 km. Who wants more asks box by box.
const BOX_AREA_MAX_KM2: f64 = 10_000.0;
const SIDES: [&str; 4] = ["west", "south", "east", "north"];

/// A box, its longitudes continuous: `west <= east`, east beyond 180 where the box lies across the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BoundingBox {
    pub(super) west: f64,
    pub(super) south: f64,
    pub(super) east: f64,
    pub(super) north: f64,
}

impl BoundingBox {
    /// Reads `west,south,east,north`.
    ///
    /// # Errors
    /// 400 `bbox_malformed`, naming the part, or `bbox_too_large`.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let parts: Vec<&str> = text.split(',').collect();
        if parts.len() != SIDES.len() {
            let found = parts.len();
            return Err(malformed(&format!(
                "{found} parts where west,south,east,north are four"
            )));
        }
        let mut degrees = [0.0; 4];
        for ((number, part), side) in degrees.iter_mut().zip(parts).zip(SIDES) {
            let most = if matches!(side, "west" | "east") {
                180.0
            } else {
                90.0
            };
            *number = part
                .parse()
                .ok()
                .filter(|degrees: &f64| degrees.abs() <= most)
                .ok_or_else(|| {
                    malformed(&format!(
                        "{side} {part:?} is not a number within -{most} and {most}"
                    ))
                })?;
        }
        let [west, south, east, north] = degrees;
        if south > north {
            return Err(malformed(&format!("south {south} is above north {north}")));
        }
        let east = if west > east { east + 360.0 } else { east };
        let this = Self {
            west,
            south,
            east,
            north,
        };
        let area_km2 = this.area_km2();
        if area_km2 > BOX_AREA_MAX_KM2 {
            return Err(Problem::bad_request(
                "bbox_too_large",
                format!("bbox: {area_km2:.0} km2 are more than {BOX_AREA_MAX_KM2}"),
            ));
        }
        Ok(this)
    }

    /// Its area on the sphere: R² times the difference of the sines of the latitudes times that of the longitudes.
    fn area_km2(&self) -> f64 {
        let sines = self.north.to_radians().sin() - self.south.to_radians().sin();
        let radius_km = EARTH_RADIUS_M / 1_000.0;
        radius_km * radius_km * sines * (self.east - self.west).to_radians()
    }

    /// The box and its images one turn to the west and to the east: what a shape with continuous longitudes may meet.
    pub(super) fn images(&self) -> [Rect<f64>; 3] {
        [-360.0, 0.0, 360.0].map(|turn| {
            let corner = |x, y| Coord { x: x + turn, y };
            Rect::new(corner(self.west, self.south), corner(self.east, self.north))
        })
    }
}

fn malformed(detail: &str) -> Problem {
    Problem::bad_request("bbox_malformed", format!("bbox: {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_across_the_antimeridian_has_continuous_longitudes() {
        let across = BoundingBox::parse("179.5,-17,-179.5,-16.5").expect("a box");
        assert_eq!((across.west, across.east), (179.5, 180.5));
    }
}
