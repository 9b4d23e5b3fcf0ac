//! When a trip whose process was ended is the same trip.
//!
//! Its start is not trimmed again then, so nobody may have parked in between: what is driven through next would be the
//! neighbourhood of his door. What tells it must be nothing private: no place is kept for this but the one that was told last.
//!
//! ```text
//! told last |---- held, gone ----| under way last |---- silent ----| first five seconds of fixes
//!           |<------------- driven at 5 m/s or more, as the crow flies ------------->|
//!                                 |<-------------- 10 minutes at most -------------->|
//! ```

use wayhex_protocol::position::Position;

use super::pace::is_driven;
use crate::capture::Place;

/// Nanoseconds within which a trip that broke off can go on: 10 minutes, as long as a phone takes to start anew by itself.
pub const TRIP_GOES_ON_WITHIN_NS: u64 = 600_000_000_000;

/// Where a trip stood when its process ended, as far as that was told already.
///
/// It goes on when the first five seconds of fixes show 5 m/s or more, within 10 minutes of the last time it was known to be under
/// way, and as many metres from the place told last as 5 m/s make since then. Otherwise the phone may have been parked, and
/// another trip has begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrokenOff {
    /// The place of the frame that was released last.
    pub told: Position,
    /// How long ago that frame was taken, nanoseconds.
    pub told_ago_ns: u64,
    /// How long ago the trip was last known to be under way, nanoseconds.
    pub under_way_ago_ns: u64,
    /// The monotonic time that both are counted back from, nanoseconds.
    pub now_ns: u64,
}

impl BrokenOff {
    /// Whether a fix is of this process: one from before, which a receiver may hand out late, says nothing of where the phone
    /// is now.
    pub(super) fn is_followed_by(&self, place: Place) -> bool {
        place.at_ns >= self.now_ns
    }

    /// Whether a trip that is under way at a place is this one.
    pub(super) fn goes_on_at(&self, place: Place) -> bool {
        let since_ns = place.at_ns.saturating_sub(self.now_ns);
        let silent_ns = self.under_way_ago_ns.saturating_add(since_ns);
        // Its frame was taken before, whatever another clock says.
        let told_ns = self
            .told_ago_ns
            .max(self.under_way_ago_ns)
            .saturating_add(since_ns);
        let metres = self.told.distance_m(place.position);
        silent_ns <= TRIP_GOES_ON_WITHIN_NS && is_driven(metres, told_ns)
    }
}
