//! The outline of a cell on the map, longitude by latitude.
//!
//! Longitudes are continuous: a hexagon across the antimeridian goes beyond 180 rather than once around the Earth. The two
//! cells that hold a pole become the strip between their outline and the pole, a whole turn wide.

use geo::{Coord, Intersects, LineString, Polygon};
use h3o::{CellIndex, LatLng};
use wayhex_protocol::cells::cell_boundary;
use wayhex_protocol::unit::CellId;

use super::bbox::BoundingBox;

/// The closed outline of a cell, counter-clockwise.
pub(super) fn outline(cell: CellId) -> Polygon<f64> {
    let mut near = CellIndex::try_from(cell.index())
        .map(|index| LatLng::from(index).lng())
        .unwrap_or_default();
    let mut ring: Vec<Coord<f64>> = Vec::new();
    for (lat, lon) in cell_boundary(cell) {
        near = closest_turn(lon, near);
        ring.push(Coord { x: near, y: lat });
    }
    let Some(first) = ring.first().copied() else {
        return Polygon::empty();
    };
    let end = closest_turn(first.x, near);
    if (end - first.x).abs() > 180.0 {
        let pole = 90.0_f64.copysign(first.y);
        ring.push(Coord { x: end, y: first.y });
        ring.push(Coord { x: end, y: pole });
        ring.push(Coord {
            x: first.x,
            y: pole,
        });
    }
    Polygon::new(LineString::new(ring), Vec::new())
}

/// Whether an outline and a box have a point in common, their borders included.
pub(super) fn meets(outline: &Polygon<f64>, asked: &BoundingBox) -> bool {
    let mut images = asked.images().into_iter();
    images.any(|image| outline.intersects(&image.to_polygon()))
}

/// Of the longitudes that differ from `lon` by whole turns the one closest to `near`.
fn closest_turn(lon: f64, near: f64) -> f64 {
    lon + 360.0 * ((near - lon) / 360.0).round()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(lat: f64, lon: f64) -> CellId {
        let place = LatLng::new(lat, lon).expect("a position");
        CellId::from(place.to_cell(wayhex_protocol::unit::CELL_RESOLUTION))
    }

    fn span(outline: &Polygon<f64>) -> f64 {
        let longitudes = outline.exterior().coords().map(|corner| corner.x);
        let (least, most) = longitudes.fold((f64::MAX, f64::MIN), |(least, most), x| {
            (least.min(x), most.max(x))
        });
        most - least
    }

    #[test]
    fn a_hexagon_across_the_antimeridian_stays_in_one_piece() {
        for lat in [-40.0, 0.0, 51.0, 70.0] {
            assert!(span(&outline(cell(lat, 180.0))) < 0.01);
        }
    }

    #[test]
    fn the_cell_of_a_pole_reaches_it_all_around() {
        for lat in [90.0, -90.0] {
            let outline = outline(cell(lat, 0.0));
            assert!((span(&outline) - 360.0).abs() < 1e-9);
            let polar = if lat > 0.0 {
                "12,89.99999,13,90"
            } else {
                "12,-90,13,-89.99999"
            };
            assert!(meets(&outline, &BoundingBox::parse(polar).expect("a box")));
        }
    }
}
