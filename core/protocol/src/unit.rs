//! What is paid for: a cell of resolution 12 seen in one of four directions.

use core::fmt;

/// H3 resolution of a coverage cell: mean edge 10.8 m, mean area 307 m² (h3geo.org).
pub const CELL_RESOLUTION: h3o::Resolution = h3o::Resolution::Twelve;

/// A cell of [`CELL_RESOLUTION`], by its H3 index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId(u64);

impl CellId {
    /// The cell of an H3 index; `None` when the index is no cell of resolution 12.
    #[must_use]
    pub fn new(index: u64) -> Option<Self> {
        let cell = h3o::CellIndex::try_from(index).ok()?;
        (cell.resolution() == CELL_RESOLUTION).then_some(Self(index))
    }

    /// The H3 index.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.0
    }

    /// The cell as 15 lower-case hexadecimal digits, the H3 library's own notation.
    #[must_use]
    pub fn to_hex(self) -> String {
        format!("{:x}", self.0)
    }

    /// The inverse of [`Self::to_hex`]; `None` when the text is no cell of resolution 12.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        Self::new(u64::from_str_radix(text, 16).ok()?)
    }
}

impl From<h3o::CellIndex> for CellId {
    fn from(cell: h3o::CellIndex) -> Self {
        Self(u64::from(cell))
    }
}

impl fmt::Debug for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// The direction of driving: N = [315°, 45°), E = [45°, 135°), S = [135°, 225°), W = [225°, 315°).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quadrant {
    /// [315°, 45°)
    N = 0,
    /// [45°, 135°)
    E = 1,
    /// [135°, 225°)
    S = 2,
    /// [225°, 315°)
    W = 3,
}

impl Quadrant {
    /// All four, in the order that decides ties.
    pub const ALL: [Self; 4] = [Self::N, Self::E, Self::S, Self::W];

    /// The quadrant of an initial bearing in degrees clockwise from north, 0 ≤ bearing < 360.
    #[must_use]
    pub fn of_bearing(bearing_deg: f64) -> Self {
        if !(45.0..315.0).contains(&bearing_deg) {
            Self::N
        } else if bearing_deg < 135.0 {
            Self::E
        } else if bearing_deg < 225.0 {
            Self::S
        } else {
            Self::W
        }
    }

    /// The number on the wire, 0 to 3.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The inverse of [`Self::number`].
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// The unit of coverage: a cell and the quadrant it was driven in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// Where.
    pub cell: CellId,
    /// In which direction.
    pub quadrant: Quadrant,
}
