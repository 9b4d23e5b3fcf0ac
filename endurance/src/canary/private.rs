//! What nobody may find: the places, times, cells and names of the frames in the zone and in the trimmed ends, and the zone itself.
//!
//! Judged by the way alone, not by what the phone thinks of it: whatever the jitter, half the radius around the centre is in the
//! zone, and the trimmed ends are circles, since the way never comes back.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use wayhex_protocol::cells::{cell_at, cell_boundary};
use wayhex_protocol::position::Position;
use wayhex_protocol::unit::CellId;

use super::ground::{FRAMES, Ground, STEP_MS};
use super::needles::Needles;

/// What a cell on the edge may reach over it, metres; a released cell's outline is published, so that a place in a text counts from
/// this depth on.
const EDGE_M: f64 = 25.0;
/// How near a place in a text is to a private one to be it, metres: half a step of the seventh decimal and what rounding adds.
const SAME_M: f64 = 0.03;

/// When a trip was last under way is noted to ten seconds, milliseconds: no frame's time, and nothing of a place.
const COARSE_MS: u64 = 10_000;

/// A time axis on which the way was told: what its first frame's time is there, Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Whose time it is.
    pub name: &'static str,
    /// The time of the way's first frame.
    pub began_ms: u64,
    /// What the start of a process may move it by, milliseconds.
    pub inexact_ms: u64,
}

/// What is private.
#[derive(Clone, Debug)]
pub struct Private {
    ground: Ground,
    /// Fixes in private areas.
    places: Vec<Position>,
    cells: BTreeSet<CellId>,
    /// Frames in private areas.
    frames: Vec<usize>,
    /// Times that say it exactly, and stretches of time.
    moments: Vec<(RangeInclusive<u64>, &'static str)>,
    stretches: Vec<(RangeInclusive<u64>, &'static str)>,
    needles: Needles,
    /// The first two bytes of all moments, in six.
    heads: BTreeSet<Vec<u8>>,
}

impl Private {
    /// What is private of a way that was told on these axes.
    #[must_use]
    pub fn of(ground: &Ground, axes: &[Axis]) -> Self {
        let is_private = |place: &Position| ground.depth_m(*place).is_some();
        let places: Vec<Position> = ground.fixes().iter().copied().filter(is_private).collect();
        let frames: Vec<usize> = (0..FRAMES)
            .filter(|frame| is_private(&ground.fixes()[2 * frame]))
            .collect();
        let mut private = Self {
            ground: ground.clone(),
            cells: BTreeSet::new(),
            places,
            frames,
            moments: Vec::new(),
            stretches: Vec::new(),
            needles: Needles::new(),
            heads: BTreeSet::new(),
        };
        private.cells = private
            .places
            .iter()
            .map(|place| cell_at(*place))
            .filter(|cell| private.holds_cell(*cell))
            .collect();
        for axis in axes {
            private.add_times(*axis);
        }
        private.add_needles();
        private
    }

    fn add_times(&mut self, axis: Axis) {
        let at = |frame: usize| axis.began_ms + STEP_MS * u64::try_from(frame).unwrap_or(0);
        let around = |from: u64, to: u64| from - axis.inexact_ms..=to + axis.inexact_ms / 16;
        for frame in &self.frames {
            let moment = around(at(*frame), at(*frame));
            for ms in [*moment.start(), *moment.end()] {
                let [_, _, first, second, ..] = ms.to_be_bytes();
                self.heads.insert(vec![first, second]);
            }
            self.moments.push((moment, axis.name));
        }
        // Neighbours in one area make a stretch.
        for pair in self.frames.windows(2).filter(|pair| pair[0] + 1 == pair[1]) {
            self.stretches
                .push((around(at(pair[0]), at(pair[1])), axis.name));
        }
    }

    fn add_needles(&mut self) {
        let needles = &mut self.needles;
        for place in &self.places {
            needles.add_place(
                place.lat_e7(),
                place.lon_e7(),
                "a private place in 1e-7 degree",
            );
            for degrees in [place.lat_deg(), place.lon_deg()] {
                needles.add_both_ways(degrees.to_be_bytes(), "a private coordinate as a double");
            }
        }
        let centre = self.ground.centre();
        needles.add_place(
            centre.lat_e7(),
            centre.lon_e7(),
            "the zone's centre in 1e-7 degree",
        );
        for degrees in [centre.lat_deg(), centre.lon_deg()] {
            needles.add_both_ways(degrees.to_be_bytes(), "the zone's centre as a double");
        }
        for cell in &self.cells {
            needles.add_both_ways(cell.index().to_be_bytes(), "a private cell");
            let text = cell.to_hex();
            needles.add(text.as_bytes(), "a private cell as text");
            needles.add(text.to_uppercase().as_bytes(), "a private cell as text");
        }
        for frame in &self.frames {
            needles.add(
                self.ground.name(*frame).as_bytes(),
                "the name of a private frame",
            );
        }
    }

    /// Bytes that must not be anywhere.
    #[must_use]
    pub const fn needles(&self) -> &Needles {
        &self.needles
    }

    /// How many frames are private.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// What is wrong with a place that was told exactly.
    #[must_use]
    pub fn fault_of_place(&self, place: Position) -> Option<String> {
        let (area, depth_m) = self.ground.depth_m(place)?;
        Some(format!("a place {depth_m:.1} m inside the {area:?}"))
    }

    /// What is wrong with a place that was told in a text: it may be a corner of a cell.
    #[must_use]
    pub fn fault_of_text(&self, lat_deg: f64, lon_deg: f64) -> Option<String> {
        let place = Position::from_degrees(lat_deg, lon_deg).ok()?;
        let (area, depth_m) = self.ground.depth_m(place)?;
        let is_same = |known: &Position| known.distance_m(place) < SAME_M;
        (depth_m > EDGE_M || self.places.iter().any(is_same))
            .then(|| format!("as text: a place {depth_m:.1} m inside the {area:?}"))
    }

    /// What is wrong with a cell that was told.
    #[must_use]
    pub fn fault_of_cell(&self, cell: CellId) -> Option<String> {
        self.holds_cell(cell)
            .then(|| format!("the private cell {}", cell.to_hex()))
    }

    /// What is wrong with an integer, if it is a cell.
    #[must_use]
    pub fn fault_of_integer(&self, value: u64) -> Option<String> {
        if let Some(cell) = CellId::new(value).filter(|cell| self.cells.contains(cell)) {
            return self.fault_of_cell(cell);
        }
        if value.is_multiple_of(COARSE_MS) {
            return None;
        }
        let (_, axis) = self
            .stretches
            .iter()
            .find(|(times, _)| times.contains(&value))?;
        Some(format!("a time in a private place, by {axis}"))
    }

    /// Times of private frames in six bytes, in both orders, as SQLite, CBOR and memory have them.
    #[must_use]
    pub fn moments(&self, bytes: &[u8]) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (offset, window) in bytes.windows(6).enumerate() {
            let mut turned = [0; 6];
            turned.copy_from_slice(window);
            turned.reverse();
            for number in [window, &turned] {
                if !self.heads.contains(&number[..2]) {
                    continue;
                }
                let ms = number.iter().fold(0, |ms, byte| ms << 8 | u64::from(*byte));
                let mut moments = self.moments.iter();
                let moment = moments.find(|(times, _)| times.contains(&ms));
                if let Some((_, axis)) = moment.filter(|_| !ms.is_multiple_of(COARSE_MS)) {
                    found.push((offset, format!("the time of a private frame, by {axis}")));
                }
            }
        }
        found
    }

    /// A cell is private when all of it is, or any of it lies in the zone.
    fn holds_cell(&self, cell: CellId) -> bool {
        let depths: Vec<_> = cell_boundary(cell)
            .into_iter()
            .filter_map(|(lat, lon)| Position::from_degrees(lat, lon).ok())
            .map(|corner| self.ground.depth_m(corner))
            .collect();
        let in_zone = |depth: &Option<(super::ground::Area, f64)>| {
            depth.is_some_and(|(area, _)| area == super::ground::Area::Zone)
        };
        depths.iter().any(in_zone) || depths.iter().all(Option::is_some)
    }
}
