//! From a box to ranges of cell numbers, so that a query reads the rows near the box and no others.
//!
//! The cells below one H3 cell are neighbours in the order of their numbers. Starting from the 122 base cells, those near the
//! box are replaced by their children near the box, as long as they stay few. "Near" is decided generously, by circles: a
//! descendant reaches beyond its ancestor, but never beyond [`DESCENDANTS_REACH`] times its radius.

use std::ops::RangeInclusive;

use h3o::{CellIndex, LatLng, Resolution};
use wayhex_protocol::unit::CELL_RESOLUTION;

use super::bbox::BoundingBox;

/// Ranges of a query at most: each is one descent in the index.
const RANGES_MAX: usize = 256;
/// How far the descendants of a cell reach from its centre, in radii of the cell: their union has a fractal border that the
/// H3 library bounds by 1.4.
const DESCENDANTS_REACH: f64 = 1.5;

/// Ranges of cells that together hold every cell that meets the box, ascending and apart from each other.
pub(super) fn ranges(asked: &BoundingBox) -> Vec<RangeInclusive<u64>> {
    let mut cells: Vec<CellIndex> = CellIndex::base_cells()
        .filter(|cell| is_near(*cell, asked))
        .collect();
    for resolution in Resolution::range(Resolution::One, CELL_RESOLUTION) {
        let finer: Vec<CellIndex> = cells
            .iter()
            .flat_map(|cell| cell.children(resolution))
            .filter(|cell| is_near(*cell, asked))
            .take(RANGES_MAX + 1)
            .collect();
        if finer.len() > RANGES_MAX {
            break;
        }
        cells = finer;
    }
    let mut ranges: Vec<_> = cells.into_iter().filter_map(descendants).collect();
    ranges.sort_unstable_by_key(|range| *range.start());
    ranges
}

fn descendants(cell: CellIndex) -> Option<RangeInclusive<u64>> {
    let last = cell.children_count(CELL_RESOLUTION).checked_sub(1)?;
    let at = |place| cell.child_at(place, CELL_RESOLUTION).map(u64::from);
    Some(at(0)?..=at(last)?)
}

/// Whether a descendant of the cell may meet the box.
fn is_near(cell: CellIndex, asked: &BoundingBox) -> bool {
    let centre = LatLng::from(cell);
    let corners = cell.boundary();
    let radius = corners
        .iter()
        .map(|corner| centre.distance_rads(*corner))
        .fold(0.0, f64::max);
    let reach_deg = (radius * DESCENDANTS_REACH).to_degrees();
    let (south, north) = (asked.south - reach_deg, asked.north + reach_deg);
    if !(south..=north).contains(&centre.lat()) {
        return false;
    }
    // On a circle of latitude, an angle of `reach` spans asin(sin(reach) / cos(latitude)) of longitude; a circle that holds
    // a pole, all of it.
    let farthest = south.abs().max(north.abs());
    if farthest >= 90.0 {
        return true;
    }
    let span_deg = (reach_deg.to_radians().sin() / farthest.to_radians().cos())
        .min(1.0)
        .asin()
        .to_degrees();
    [-360.0, 0.0, 360.0].iter().any(|turn| {
        (asked.west - span_deg..=asked.east + span_deg).contains(&(centre.lng() + turn))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wayhex_protocol::unit::CellId;

    use super::super::outline::{meets, outline};
    use super::*;

    fn asked(lat: f64, lon: f64, height: f64, width: f64) -> Option<BoundingBox> {
        let turned = |lon: f64| if lon > 180.0 { lon - 360.0 } else { lon };
        let (south, north) = ((lat - height).max(-90.0), (lat + height).min(90.0));
        let (west, east) = (lon, turned(lon + width));
        BoundingBox::parse(&format!("{west},{south},{east},{north}")).ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_cell_that_meets_the_box_is_in_a_range(
            lat in prop_oneof![-90.0..90.0_f64, Just(89.9999), Just(-89.9999)],
            lon in prop_oneof![-180.0..180.0_f64, Just(179.9999), Just(-180.0)],
            height in prop_oneof![0.0..0.0002_f64, 0.0..0.4_f64],
            width in prop_oneof![0.0..0.0002_f64, 0.0..0.4_f64],
        ) {
            let Some(asked) = asked(lat, lon, height, width) else { return Ok(()) };
            let ranges = ranges(&asked);
            prop_assert!(ranges.len() <= RANGES_MAX);
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end() < pair[1].start()));
            for (lat, lon) in [(asked.south, asked.west), (asked.north, asked.east), (asked.north, asked.west)] {
                let centre = LatLng::new(lat, lon).expect("a position").to_cell(CELL_RESOLUTION);
                for cell in centre.grid_disk::<Vec<_>>(4) {
                    let index = u64::from(cell);
                    if meets(&outline(CellId::from(cell)), &asked) {
                        prop_assert!(ranges.iter().any(|range| range.contains(&index)), "{cell}");
                    }
                }
            }
        }
    }
}
