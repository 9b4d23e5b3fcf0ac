//! The stretch of road that one picture stands for.

use std::collections::BTreeSet;

use crate::cells::cells_along;
use crate::limits::{
    LEG_SPEED_MAX_M_S, SEGMENT_CELLS_MAX, SEGMENT_DURATION_MAX_MS, SEGMENT_LENGTH_MAX_M,
    SEGMENT_SPAN_MIN_M, SEGMENT_VERTICES_MAX,
};
use crate::position::{EARTH_RADIUS_M, Position};
use crate::unit::{CellId, Quadrant, Unit};

/// A position on the way and how long before the capture the phone was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vertex {
    /// Where.
    pub position: Position,
    /// Milliseconds before the capture time; 0 for the last vertex.
    pub before_ms: u32,
}

/// The way driven up to the place of capture: 1 to 8 vertices, oldest first, the last one the place of capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment(Vec<Vertex>);

/// What follows from a lawful segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFacts {
    /// The cells it crosses, sorted.
    pub cells: BTreeSet<CellId>,
    /// The direction from its first vertex to its last; `None` where the two are too near to have one ([`direction`]). Without
    /// a direction it earns no unit.
    pub quadrant: Option<Quadrant>,
}

impl SegmentFacts {
    /// The units it covers: none without a direction.
    pub fn units(&self) -> impl Iterator<Item = Unit> + '_ {
        self.quadrant
            .into_iter()
            .flat_map(|quadrant| self.cells.iter().map(move |&cell| Unit { cell, quadrant }))
    }
}

/// Why a segment is not lawful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentFault {
    /// No vertex, too many, times that do not fall to 0.
    #[error(
        "a segment has 1 to {SEGMENT_VERTICES_MAX} vertices whose times before capture fall to 0"
    )]
    Shape,
    /// Longer than [`SEGMENT_LENGTH_MAX_M`].
    #[error("a segment is at most {SEGMENT_LENGTH_MAX_M} m long")]
    TooLong,
    /// Longer than [`SEGMENT_DURATION_MAX_MS`].
    #[error("a segment lasts at most {SEGMENT_DURATION_MAX_MS} ms")]
    TooSlow,
    /// More than [`SEGMENT_CELLS_MAX`] cells; a way that long is [`Self::TooLong`] first.
    #[error("a segment crosses at most {SEGMENT_CELLS_MAX} cells")]
    TooManyCells,
    /// A leg faster than [`LEG_SPEED_MAX_M_S`].
    #[error("a leg of the segment is faster than {LEG_SPEED_MAX_M_S} m/s")]
    Teleport,
}

impl Segment {
    /// A segment of received vertices.
    ///
    /// # Errors
    /// [`SegmentFault::Shape`]; the other laws are checked by [`Self::facts`], so that a verdict can name them.
    pub fn from_vertices(vertices: Vec<Vertex>) -> Result<Self, SegmentFault> {
        let falling = vertices
            .windows(2)
            .all(|pair| pair[0].before_ms >= pair[1].before_ms);
        let ends_at_capture = vertices.last().is_some_and(|last| last.before_ms == 0);
        if vertices.len() > SEGMENT_VERTICES_MAX || !falling || !ends_at_capture {
            return Err(SegmentFault::Shape);
        }
        Ok(Self(vertices))
    }

    /// The segment of a path that ends at the capture: its longest suffix within 60 m, 10 s and 12 cells, thinned to
    /// 8 vertices by dropping the inner vertex of the smallest deviation, the earliest first. `None` for an empty path
    /// or one whose times do not fall to 0.
    #[must_use]
    pub fn fit(path: &[Vertex]) -> Option<Self> {
        let last = path.last()?;
        if last.before_ms != 0
            || path
                .windows(2)
                .any(|pair| pair[0].before_ms < pair[1].before_ms)
        {
            return None;
        }
        let mut start = suffix_start(path);
        loop {
            let segment = Self(thin(path[start..].to_vec()));
            if segment.0.len() == 1 || segment.facts().is_ok() {
                return Some(segment);
            }
            start += 1;
        }
    }

    /// The vertices, oldest first; at least one.
    #[must_use]
    pub fn vertices(&self) -> &[Vertex] {
        &self.0
    }

    /// The place of capture.
    #[must_use]
    pub fn place(&self) -> Position {
        self.0[self.0.len() - 1].position
    }

    /// How fast the phone was on the whole: metres per second from the first vertex straight to the last; 0 for a single place.
    #[must_use]
    pub fn mean_speed_m_s(&self) -> f64 {
        let first = self.0[0];
        let span_m = first.position.distance_m(self.place());
        if first.before_ms == 0 {
            return 0.0;
        }
        span_m * 1_000.0 / f64::from(first.before_ms)
    }

    /// The cells and the direction, after all laws were checked.
    ///
    /// # Errors
    /// The first law that it breaks.
    pub fn facts(&self) -> Result<SegmentFacts, SegmentFault> {
        if self.0[0].before_ms > SEGMENT_DURATION_MAX_MS {
            return Err(SegmentFault::TooSlow);
        }
        let mut length_m = 0.0;
        for leg in self.0.windows(2) {
            let leg_m = leg[0].position.distance_m(leg[1].position);
            length_m += leg_m;
            // The check is in products, so that two places at one time are a teleport and one place is not.
            if leg_m * 1_000.0 > LEG_SPEED_MAX_M_S * f64::from(leg[0].before_ms - leg[1].before_ms)
            {
                return Err(SegmentFault::Teleport);
            }
        }
        if length_m > SEGMENT_LENGTH_MAX_M {
            return Err(SegmentFault::TooLong);
        }
        let path: Vec<Position> = self.0.iter().map(|vertex| vertex.position).collect();
        let cells = cells_along(&path);
        // A way within the law of length above meets no more cells than these: this guards the bound should that law change.
        if cells.len() > SEGMENT_CELLS_MAX {
            return Err(SegmentFault::TooManyCells);
        }
        let quadrant = direction(path[0], self.place());
        Ok(SegmentFacts { cells, quadrant })
    }
}

/// The quadrant of the way from `first` to `last`; `None` below [`SEGMENT_SPAN_MIN_M`], where a phone that stands and turns
/// would have as many directions as its fixes have errors.
#[must_use]
pub fn direction(first: Position, last: Position) -> Option<Quadrant> {
    if first.distance_m(last) < SEGMENT_SPAN_MIN_M {
        return None;
    }
    first.bearing_deg(last).map(Quadrant::of_bearing)
}

/// Where the longest suffix within length, time and cells begins.
fn suffix_start(path: &[Vertex]) -> usize {
    let mut start = path.len() - 1;
    let mut length_m = 0.0;
    let mut cells = BTreeSet::new();
    while start > 0 {
        let (earlier, later) = (path[start - 1], path[start]);
        length_m += earlier.position.distance_m(later.position);
        if length_m > SEGMENT_LENGTH_MAX_M || earlier.before_ms > SEGMENT_DURATION_MAX_MS {
            break;
        }
        cells.append(&mut cells_along(&[earlier.position, later.position]));
        if cells.len() > SEGMENT_CELLS_MAX {
            break;
        }
        start -= 1;
    }
    start
}

fn thin(mut vertices: Vec<Vertex>) -> Vec<Vertex> {
    while vertices.len() > SEGMENT_VERTICES_MAX {
        let mut least = (1, f64::INFINITY);
        for i in 1..vertices.len() - 1 {
            let deviation = deviation_m(
                vertices[i - 1].position,
                vertices[i].position,
                vertices[i + 1].position,
            );
            if deviation < least.1 {
                least = (i, deviation);
            }
        }
        vertices.remove(least.0);
    }
    vertices
}

/// Distance of `middle` from the great circle through its neighbours, metres; from `before` where the two are one place.
fn deviation_m(before: Position, middle: Position, after: Position) -> f64 {
    let (a, m, b) = (before.on_sphere(), middle.on_sphere(), after.on_sphere());
    let across = a.cross(b.minus(a));
    let length = across.length();
    if length == 0.0 {
        return before.distance_m(middle);
    }
    libm::fabs(across.dot(m.minus(a)) / length) * EARTH_RADIUS_M
}
