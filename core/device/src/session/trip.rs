//! Films a trip that is happening, and closes those that a kill left open.
//!
//! A live trip cannot be played again: what waited in memory when its process ended is gone, and the next session says so. The trip
//! itself goes on, under its session and without its start being trimmed again, where nobody can have parked in between: see
//! `docs/adr/0011`. The lengths of its ends are drawn anew by each process: one that ends in public shows its length, and must not
//! show that of the end at home.

use wayhex_protocol::id::SessionId;
use wayhex_protocol::observation::TimeSource;

use super::drive::json;
use super::line::{Played, Stages};
use super::plan::{Plan, draw_seed};
use super::{Session, SessionError};
use crate::capture::CaptureSettings;
use crate::privacy::{BrokenOff, HELD_BYTES_MAX, TRIP_GOES_ON_WITHIN_NS};
use crate::queue::SessionRow;
use crate::report::DriveReport;
use crate::source::FrameSource;

const NS_PER_MS: u64 = 1_000_000;

/// A trip that a kill left open, and when it was last known to be under way, Unix milliseconds by the phone's clock.
struct Interrupted {
    row: SessionRow,
    alive_ms: u64,
}

impl Session<'_> {
    /// Films a trip that is happening, until the source ends, the disk fails or the session is stopped.
    ///
    /// # Errors
    /// It cannot be filmed with these settings, or the store fails.
    pub fn film(&mut self, source: &mut dyn FrameSource) -> Result<(), SessionError> {
        self.check_models(self.policy().hash())?;
        let now_ms = self.ports.clock.now_ms();
        let running_ns = self.ports.clock.monotonic_ns();
        let (zones, mark) = self.jitter(&self.settings.zones)?;
        let (session, broken_off) = match self.trip_to_go_on(now_ms, running_ns, &mark)? {
            Some((session, broken_off)) => (session, Some(broken_off)),
            None => (self.new_trip(mark)?, None),
        };
        self.current = Some(session);
        self.drive.trim_m = self.settings.trim.metres();
        let started_ms = now_ms.saturating_sub(running_ns / NS_PER_MS);
        let recorder = self.recorder(session)?;
        let line = self.line(Stages {
            session,
            shift_ms: 0,
            policy: self.policy().hash(),
            trim: self.settings.trim,
            trip_seed: draw_seed(self.ports.random)?,
            zones,
            recorder,
            clock: CaptureSettings {
                unix_ms_at_zero: i64::try_from(started_ms).ok(),
                time_max_ms: None,
            },
            kind: Played::Trip(broken_off),
        })?;
        self.play(source, line)
    }

    /// Closes the trips that a kill left open and that cannot go on any more, and tells of each.
    pub(super) fn close_interrupted(&mut self) -> Result<(), SessionError> {
        let now_ms = self.ports.clock.now_ms();
        self.interrupted(now_ms).map(drop)
    }

    fn new_trip(&mut self, zones: String) -> Result<SessionId, SessionError> {
        let plan = self.plan_drawn(None, zones)?.of_a_trip();
        let mut session = [0; SessionId::LENGTH];
        self.ports.random.fill(&mut session)?;
        let session = SessionId(session);
        self.queue.begin(session, None, &json(&plan, session)?)?;
        Ok(session)
    }

    /// The trip that may go on now, and where it stood; all others that are open are closed.
    fn trip_to_go_on(
        &mut self,
        now_ms: u64,
        running_ns: u64,
        zones: &str,
    ) -> Result<Option<(SessionId, BrokenOff)>, SessionError> {
        let Some(trip) = self.interrupted(now_ms)? else {
            return Ok(None);
        };
        let session = trip.row.session;
        let record = self.settings.record.as_deref();
        let fits = serde_json::from_str(&trip.row.plan)
            .is_ok_and(|plan: Plan| plan.fits(zones, self.settings.trim, record));
        // A session does not go back in time: where the clock is put right differently now, another one begins.
        let latest_ms = self.now_ms();
        let last = self.queue.last_observed(session)?.filter(|last| {
            last.time_source == TimeSource::Gnss || last.captured_at_ms <= latest_ms
        });
        let Some(last) = last.filter(|_told| fits) else {
            self.close(session)?;
            return Ok(None);
        };
        let ago_ns = |ms: u64| now_ms.saturating_sub(ms).saturating_mul(NS_PER_MS);
        let settled = self.queue.frames_settled(session)?;
        self.note_interrupted(
            session,
            settled,
            "it goes on if the phone is still under way",
        );
        Ok(Some((
            session,
            BrokenOff {
                told: last.segment.place(),
                told_ago_ns: ago_ns(last.captured_at_ms),
                under_way_ago_ns: ago_ns(trip.alive_ms),
                now_ns: running_ns,
            },
        )))
    }

    /// The latest trip that a kill left open, where it was under way in the last 10 minutes; all others are closed. A time in the
    /// future tells that the clock was set, and nothing of how long ago it was.
    fn interrupted(&mut self, now_ms: u64) -> Result<Option<Interrupted>, SessionError> {
        let earliest_ms = now_ms.saturating_sub(TRIP_GOES_ON_WITHIN_NS / NS_PER_MS);
        let mut latest = None;
        for (place, (row, alive_ms)) in self.queue.open_trips()?.into_iter().enumerate() {
            match alive_ms.filter(|ms| (earliest_ms..=now_ms).contains(ms)) {
                Some(alive_ms) if place == 0 => latest = Some(Interrupted { row, alive_ms }),
                _ => self.close(row.session)?,
            }
        }
        Ok(latest)
    }

    /// Ends an interrupted trip with what is settled of it, so that it can be forgotten one day.
    fn close(&mut self, session: SessionId) -> Result<(), SessionError> {
        let frames = self.queue.frames_settled(session)?;
        let summary = DriveReport {
            frames,
            ..DriveReport::default()
        };
        let summary = json(&summary, session)?;
        self.queue.end(session, &summary)?;
        self.note_interrupted(session, frames, "it is closed");
        Ok(())
    }

    fn note_interrupted(&mut self, session: SessionId, frames: u64, then: &str) {
        let held_mb = HELD_BYTES_MAX / (1_024 * 1_024);
        let cause = format!(
            "the trip was cut off; {frames} of its frames are settled, and what waited in memory is gone: the pictures of its last \
             {} m or so, at most {held_mb} MiB; {then}",
            self.settings.trim.lengths_max_m()
        );
        self.note_error("trip_interrupted", &session.to_string(), cause);
    }
}
