//! The server's clock, and whether it can be believed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds by which the clock may differ from what was expected, before it is doubted: what a capture may lie ahead.
const STEP_MAX_MS: u64 = 300_000;
/// Milliseconds since the last commit (a day) after which a server that starts doubts its clock: it was away, or is wrong.
const AWAY_MAX_MS: u64 = 86_400_000;
/// How long a clock is doubted that was set or found far ahead: a machine that starts has the right time within minutes.
const SETTLING: Duration = Duration::from_hours(1);

/// Now, in Unix milliseconds; 0 for a clock that stands before 1970, which makes every capture one of the future.
#[must_use]
pub fn now_ms() -> u64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

/// Watches the wall clock, by which an item may be refused for ever.
///
/// It is doubted as long as it stands before the latest commit; for an hour after it was set by more than 5 minutes against
/// the monotonic clock; and for an hour after a start more than a day after the latest commit. Only the server's own clocks
/// and its own commits decide: nobody can bring that about from outside. A clock that is wrong from a store's first start on
/// is not noticed.
#[derive(Debug)]
pub struct ClockWatch(Mutex<Anchor>);

#[derive(Debug)]
struct Anchor {
    wall_ms: u64,
    at: Instant,
    doubted_until: Option<Instant>,
}

impl ClockWatch {
    /// Begins to watch at a start; `latest_ms` is the time of the latest commit, 0 of a new store.
    #[must_use]
    pub fn new(wall_ms: u64, at: Instant, latest_ms: u64) -> Self {
        let was_away = latest_ms > 0 && wall_ms > latest_ms.saturating_add(AWAY_MAX_MS);
        Self(Mutex::new(Anchor {
            wall_ms,
            at,
            doubted_until: was_away.then(|| at + SETTLING),
        }))
    }

    /// Whether the wall clock is doubted.
    #[must_use]
    pub fn is_doubted(&self, wall_ms: u64, at: Instant, latest_ms: u64) -> bool {
        let mut anchor = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed_ms = at.saturating_duration_since(anchor.at).as_millis();
        let expected_ms = anchor
            .wall_ms
            .saturating_add(u64::try_from(passed_ms).unwrap_or(u64::MAX));
        if wall_ms.abs_diff(expected_ms) > STEP_MAX_MS {
            tracing::warn!(
                wall_ms,
                expected_ms,
                "the clock was set; it is doubted for a while"
            );
            *anchor = Anchor {
                wall_ms,
                at,
                doubted_until: Some(at + SETTLING),
            };
        }
        let settles = anchor.doubted_until.is_some_and(|until| at < until);
        settles || wall_ms.saturating_add(STEP_MAX_MS) < latest_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;
    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_clock_that_goes_on_is_believed() {
        let begun = Instant::now();
        let watch = ClockWatch::new(NOW_MS, begun, NOW_MS - 1_000);
        assert!(!watch.is_doubted(NOW_MS, begun, NOW_MS - 1_000));
        let later = begun + 600 * MINUTE;
        assert!(!watch.is_doubted(NOW_MS + 600 * 60_000, later, NOW_MS));
        assert!(!ClockWatch::new(NOW_MS, begun, 0).is_doubted(NOW_MS, begun, 0));
    }

    #[test]
    fn a_clock_before_the_latest_commit_is_doubted_until_it_has_caught_up() {
        let begun = Instant::now();
        let latest_ms = NOW_MS + 2 * 3_600_000;
        let watch = ClockWatch::new(NOW_MS, begun, latest_ms);
        assert!(watch.is_doubted(NOW_MS, begun, latest_ms));
        let later = begun + 119 * MINUTE;
        assert!(!watch.is_doubted(NOW_MS + 119 * 60_000, later, latest_ms));
    }

    #[test]
    fn a_clock_that_is_set_is_doubted_for_an_hour() {
        for step in [-6 * 60_000, 6 * 60_000, 10 * 86_400_000_i64] {
            let begun = Instant::now();
            let watch = ClockWatch::new(NOW_MS, begun, 0);
            let set_ms = NOW_MS.checked_add_signed(step).unwrap();
            assert!(watch.is_doubted(set_ms, begun, 0), "{step}");
            let after = |minutes: u32| {
                let wall_ms = set_ms + u64::from(minutes) * 60_000;
                watch.is_doubted(wall_ms, begun + minutes * MINUTE, 0)
            };
            assert!(after(59) && !after(60), "{step}");
        }
    }

    #[test]
    fn a_server_that_was_away_for_days_doubts_its_clock_for_an_hour() {
        let begun = Instant::now();
        let latest_ms = NOW_MS - 2 * AWAY_MAX_MS;
        let watch = ClockWatch::new(NOW_MS, begun, latest_ms);
        assert!(watch.is_doubted(NOW_MS, begun, latest_ms));
        let later = begun + 60 * MINUTE;
        assert!(!watch.is_doubted(NOW_MS + 60 * 60_000, later, latest_ms));
    }
}
