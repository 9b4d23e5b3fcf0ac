//! What nobody may find: the places, times, cells and names of the frames in the zone and in the trimmed ends, and the zone itself.
//!
//! Judged by the way alone, not by what the phone thinks of it: whatever the jitter, half the radius around the centre is in the
//! zone, and the trimmed ends are circles, since the way never comes back.

use std::collections::BTreeSet;

use anyhow::Result;
use wayhex_protocol::cells::{cell_at, cell_boundary};
use wayhex_protocol::position::Position;
use wayhex_protocol::unit::CellId;

use super::ground::{FRAMES, Ground};
use super::needles::Needles;
use super::raw;
use super::times::{Axis, Times};

/// What a cell on the edge may reach over it, metres; a released cell's outline is published, so that a place in a text counts from
/// this depth on.
const EDGE_M: f64 = 25.0;
/// How near a place in a text is to a private one to be it, metres: half a step of the seventh decimal and what rounding adds.
const SAME_M: f64 = 0.03;

/// What is private.
#[derive(Clone, Debug)]
pub struct Private {
    ground: Ground,
    /// Fixes in private areas.
    places: Vec<Position>,
    cells: BTreeSet<CellId>,
    /// Frames in private areas.
    frames: Vec<usize>,
    times: Times,
    needles: Needles,
}

impl Private {
    /// What is private of a way that was told on these axes.
    ///
    /// # Errors
    /// Its pictures cannot be made.
    pub fn of(ground: &Ground, axes: &[Axis]) -> Result<Self> {
        let is_private = |place: &Position| ground.depth_m(*place).is_some();
        let places: Vec<Position> = ground.fixes().iter().copied().filter(is_private).collect();
        let frames: Vec<usize> = (0..FRAMES)
            .filter(|frame| is_private(&ground.fixes()[2 * frame]))
            .collect();
        let mut private = Self {
            ground: ground.clone(),
            cells: BTreeSet::new(),
            places,
            times: Times::of(&frames, axes),
            frames,
            needles: Needles::new(),
        };
        private.cells = private
            .places
            .iter()
            .map(|place| cell_at(*place))
            .filter(|cell| private.holds_cell(*cell))
            .collect();
        private.add_needles();
        raw::add(ground, &mut private.needles)?;
        Ok(private)
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
        for date in self.times.dates() {
            needles.add(date.as_bytes(), "the second of a private frame as a date");
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

    /// When the private frames were taken.
    #[must_use]
    pub const fn times(&self) -> &Times {
        &self.times
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

    /// What is wrong with an integer, if it is a cell or a time.
    #[must_use]
    pub fn fault_of_integer(&self, value: u64) -> Option<String> {
        if let Some(cell) = CellId::new(value).filter(|cell| self.cells.contains(cell)) {
            return self.fault_of_cell(cell);
        }
        self.times.fault(value)
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
