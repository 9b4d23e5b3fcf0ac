//! Trips and their trimmed ends.
//!
//! ```text
//! start |-- trimmed --|---------- let go ----------|-- trimmed --| end
//!        until the trip has been                     until the trip has been
//!        the first length from its start             the second length from the frame
//! ```
//! Distances are straight lines, so that circling a block does not count as leaving. Both lengths are drawn anew for each trip from
//! [T, 1.5 T], so that repeated trips do not tell the home.
//!
//! A trip whose process was ended goes on without its start being trimmed again where nobody can have parked in between: see
//! [`BrokenOff`] and docs/adr/0011.

use wayhex_protocol::position::Position;

use super::broken_off::BrokenOff;
use super::draw::draws;
use super::pace::Pace;
use crate::capture::Place;

/// Length T of a trimmed end when none is given, metres.
pub const TRIM_M: u32 = 500;
/// Least length of a trimmed end, metres.
pub const TRIM_MIN_M: u32 = 100;
/// Nanoseconds of standstill, or without any fix, after which a trip has ended: 5 minutes.
pub const TRIP_ENDS_AFTER_NS: u64 = 300_000_000_000;
/// Metres within which a phone that stands still is: what a fix may wander and still pass.
const STANDSTILL_M: f64 = 25.0;

/// What is driven: a trip that is happening, or the recording of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TripKind {
    /// It is happening: its ends are always trimmed.
    Live,
    /// It was recorded; whoever plays it knows what he shows.
    Recording,
}

/// How much of a trip's ends is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    metres: u32,
    is_exact: bool,
}

/// A length that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrimError {
    /// Too short to hide anything.
    #[error("a trip is trimmed by at least {TRIM_MIN_M} m, not by {0} m")]
    TooShort(u32),
    /// Nothing would be trimmed.
    #[error("only a recording may be played untrimmed")]
    NotARecording,
}

/// 500 m, drawn.
impl Default for Trim {
    fn default() -> Self {
        Self {
            metres: TRIM_M,
            is_exact: false,
        }
    }
}

impl Trim {
    /// Exactly this length at both ends.
    ///
    /// # Errors
    /// [`TrimError`] for 1 to 99 m, and for 0 where it is no recording.
    pub fn exact(metres: u32, kind: TripKind) -> Result<Self, TrimError> {
        match metres {
            0 if kind == TripKind::Live => Err(TrimError::NotARecording),
            0 | TRIM_MIN_M.. => Ok(Self {
                metres,
                is_exact: true,
            }),
            _ => Err(TrimError::TooShort(metres)),
        }
    }

    /// The length T in metres.
    #[must_use]
    pub const fn metres(self) -> u32 {
        self.metres
    }

    /// The longest that an end of this length is, in whole metres: one and a half times as long where it is drawn.
    #[must_use]
    pub const fn lengths_max_m(self) -> u32 {
        if self.is_exact {
            self.metres
        } else {
            self.metres + self.metres / 2
        }
    }

    /// The lengths at start and end of the trip of that number, metres: drawn evenly from [T, 1.5 T], or exactly T.
    #[must_use]
    pub fn lengths_m(self, seed: &[u8; 32], trip: u32) -> [f64; 2] {
        let least_m = f64::from(self.metres);
        if self.is_exact {
            return [least_m; 2];
        }
        draws(seed, &[b"trim", &trip.to_be_bytes()]).map(|draw| least_m * (1.0 + draw / 2.0))
    }
}

/// What can be said of a trip at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// Whether a trip that broke off goes on is not known yet.
    Undecided,
    /// It is out of its trimmed start and goes at 5 m/s or more, at this monotonic time (nanoseconds).
    UnderWay(u64),
    /// Neither.
    Otherwise,
}

/// The trips of a session, followed from fix to fix.
pub(super) struct Trips {
    trim: Trim,
    seed: [u8; 32],
    number: u32,
    trip: Option<Trip>,
    pace: Pace,
    broken_off: Option<BrokenOff>,
}

struct Trip {
    start: Position,
    start_m: f64,
    end_m: f64,
    has_left: bool,
    last: Place,
    rests_since: Place,
}

impl Trips {
    pub fn new(trim: Trim, seed: [u8; 32]) -> Self {
        Self {
            trim,
            seed,
            number: 0,
            trip: None,
            pace: Pace::default(),
            broken_off: None,
        }
    }

    /// The first trip may be one that broke off.
    pub fn after(self, broken_off: BrokenOff) -> Self {
        Self {
            broken_off: Some(broken_off),
            ..self
        }
    }

    /// Goes on to a place; `true` when the trip had ended before it and another begins.
    pub fn pass(&mut self, place: Place) -> bool {
        if self.broken_off.is_none_or(|it| it.is_followed_by(place)) {
            self.pace.pass(place);
        }
        let goes_on = self.goes_on_at(place);
        let Some(trip) = self.trip.as_mut().filter(|trip| !trip.ends_before(place)) else {
            let had_one = self.trip.is_some();
            if had_one {
                self.broken_off = None;
            }
            let [start_m, end_m] = self.trim.lengths_m(&self.seed, self.number);
            self.number += 1;
            self.trip = Some(Trip {
                start: place.position,
                start_m,
                end_m,
                has_left: start_m <= 0.0,
                last: place,
                rests_since: place,
            });
            return had_one;
        };
        trip.last = place;
        if trip.rests_since.position.distance_m(place.position) > STANDSTILL_M {
            trip.rests_since = place;
        }
        trip.has_left |= goes_on || trip.start.distance_m(place.position) >= trip.start_m;
        false
    }

    /// Whether a trip that broke off goes on at this place: decided once, as soon as the fixes tell the pace.
    fn goes_on_at(&mut self, place: Place) -> bool {
        let Some(is_under_way) = self.pace.is_under_way() else {
            return false;
        };
        let broken_off = self.broken_off.take();
        is_under_way && broken_off.is_some_and(|broken_off| broken_off.goes_on_at(place))
    }

    /// What can be said of the trip by now.
    pub fn going(&self) -> Going {
        if self.broken_off.is_some() {
            return Going::Undecided;
        }
        match &self.trip {
            Some(trip) if trip.has_left && self.pace.is_under_way() == Some(true) => {
                Going::UnderWay(trip.last.at_ns)
            }
            _ => Going::Otherwise,
        }
    }

    /// Whether the trip has been far enough from its start.
    pub fn has_left(&self) -> bool {
        self.trip
            .as_ref()
            .map_or(self.are_whole(), |trip| trip.has_left)
    }

    /// Whether no end of any trip is cut.
    pub fn are_whole(&self) -> bool {
        self.trim.metres == 0
    }

    /// Whether the trip has been far enough from a place that lies behind it.
    pub fn is_far_from(&self, place: Position) -> bool {
        self.trip.as_ref().map_or(self.are_whole(), |trip| {
            place.distance_m(trip.last.position) >= trip.end_m
        })
    }

    /// The last place that the trip passed.
    pub fn last(&self) -> Option<Place> {
        self.trip.as_ref().map(|trip| trip.last)
    }
}

impl Trip {
    fn ends_before(&self, place: Place) -> bool {
        let rests = self.rests_since.position.distance_m(place.position) <= STANDSTILL_M;
        let rested_ns = place.at_ns.saturating_sub(self.rests_since.at_ns);
        let unseen_ns = place.at_ns.saturating_sub(self.last.at_ns);
        unseen_ns >= TRIP_ENDS_AFTER_NS || (rests && rested_ns >= TRIP_ENDS_AFTER_NS)
    }
}
