//! How fast the trip goes: by the straight line over the last seconds.
//!
//! Neighbouring fixes of a receiver that settles lie metres apart while the phone stands; over five seconds that is no 5 m/s.

use std::collections::VecDeque;
use std::time::Duration;

use crate::capture::{GNSS_GAP_NS, Place};

/// Metres per second from which on a trip is under way: faster than anybody who looks for a parking space on foot, slower
/// than any traffic that flows.
pub const UNDER_WAY_M_S: f64 = 5.0;
/// Nanoseconds over which the pace is taken.
const PACE_OVER_NS: u64 = 5_000_000_000;

/// The places of the last five seconds; those before a GNSS gap do not count.
#[derive(Debug, Default)]
pub(super) struct Pace {
    recent: VecDeque<Place>,
}

impl Pace {
    /// Goes on to the next place.
    pub fn pass(&mut self, place: Place) {
        let gap = |last: &Place| place.at_ns.saturating_sub(last.at_ns) > GNSS_GAP_NS;
        if self.recent.back().is_some_and(gap) {
            self.recent.clear();
        }
        self.recent.push_back(place);
        let is_old = |second: &Place| place.at_ns.saturating_sub(second.at_ns) >= PACE_OVER_NS;
        while self.recent.get(1).is_some_and(is_old) {
            self.recent.pop_front();
        }
    }

    /// Whether it is 5 m/s or more; `None` as long as the fixes since the last gap do not tell.
    pub fn is_under_way(&self) -> Option<bool> {
        let (first, last) = (self.recent.front()?, self.recent.back()?);
        let lasting_ns = last.at_ns.saturating_sub(first.at_ns);
        (lasting_ns >= PACE_OVER_NS)
            .then(|| is_driven(first.position.distance_m(last.position), lasting_ns))
    }
}

/// Whether somebody who is so far after this time (nanoseconds) was under way all along.
pub(super) fn is_driven(metres: f64, lasting_ns: u64) -> bool {
    metres >= UNDER_WAY_M_S * Duration::from_nanos(lasting_ns).as_secs_f64()
}
