//! The cells that a path crosses, by exact intersection.
//!
//! Sampling a line into cells misses 2.6 to 4.3 % of them at this resolution, so none of it is done here. A leg is the
//! great circle between two vertices, a cell's edge the great circle between two of its corners; a cell counts when its
//! *open* interior is met. With `a + t (b - a)` for the leg, the side on which a point lies of an edge `v, w` is
//! `v · ((w - v) × (p - v))`, linear in `t`: clipping the leg by all edges is what a gnomonic projection would do, without one.

use std::collections::{BTreeSet, VecDeque};

use h3o::{CellIndex, LatLng};

use crate::position::{Position, Vector};
use crate::unit::{CELL_RESOLUTION, CellId};

/// The cell that a position lies in.
#[must_use]
pub fn cell_at(position: Position) -> CellId {
    CellId::from(index_at(position))
}

/// The cells whose open interior the path meets, sorted. A path of one place names the cell it lies in; an empty path none.
///
/// The work grows with the length of the path: bound it first (a segment is at most 60 m).
#[must_use]
pub fn cells_along(path: &[Position]) -> BTreeSet<CellId> {
    let mut found = BTreeSet::new();
    for leg in path.windows(2) {
        if leg[0] != leg[1] {
            cross(leg[0], leg[1], &mut found);
        }
    }
    if found.is_empty() {
        found.extend(path.first().map(|only| cell_at(*only)));
    }
    found
}

/// The corners of a cell in degrees (latitude, longitude), in order around it.
#[must_use]
pub fn cell_boundary(cell: CellId) -> Vec<(f64, f64)> {
    CellIndex::try_from(cell.index())
        .map(|index| {
            index
                .boundary()
                .iter()
                .map(|corner| (corner.lat(), corner.lng()))
                .collect()
        })
        .unwrap_or_default()
}

fn index_at(position: Position) -> CellIndex {
    let place = LatLng::new(position.lat_deg(), position.lon_deg());
    place
        .expect("a position is finite by construction")
        .to_cell(CELL_RESOLUTION)
}

/// Walks from cell to neighbouring cell along the leg: cells met by a connected line touch each other.
fn cross(from: Position, to: Position, found: &mut BTreeSet<CellId>) {
    let (a, b) = (from.on_sphere(), to.on_sphere());
    let mut seen = BTreeSet::new();
    let mut next: VecDeque<CellIndex> = index_at(from).grid_disk::<Vec<_>>(1).into();
    while let Some(cell) = next.pop_front() {
        if seen.insert(cell) && meets(cell, a, b) {
            found.insert(cell.into());
            next.extend(cell.grid_disk::<Vec<_>>(1));
        }
    }
}

fn meets(cell: CellIndex, a: Vector, b: Vector) -> bool {
    let corners: Vec<Vector> = cell
        .boundary()
        .iter()
        .map(|corner| Vector::of_degrees(corner.lat(), corner.lng()))
        .collect();
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for (i, &v) in corners.iter().enumerate() {
        let w = corners[(i + 1) % corners.len()];
        // Corners run counter-clockwise seen from outside, so that the inside is the positive side.
        let side = |p: Vector| v.dot(w.minus(v).cross(p.minus(v)));
        let (at_a, at_b) = (side(a), side(b));
        if at_a <= 0.0 && at_b <= 0.0 {
            return false;
        }
        let crossing = at_a / (at_a - at_b);
        if at_a <= 0.0 {
            enter = enter.max(crossing);
        } else if at_b <= 0.0 {
            leave = leave.min(crossing);
        }
    }
    enter < leave
}
