//! Plays a drive that was recorded, or films one that is happening.
//!
//! The outcomes of the stages come in the order of the frames, and a drive makes the same ones each time. So a replay that
//! was killed is played from the start, and what is settled already is passed over; a drive that was played to its end is not
//! played again. What was drawn before the first frame stands, even where the settings have changed since.

use std::path::Path;

use wayhex_protocol::id::SessionId;

use super::line::Stages;
use super::plan::{Plan, zones_mark};
use super::{Session, SessionError};
use crate::capture::CaptureSettings;
use crate::privacy::{Zone, Zones};
use crate::queue::SessionRow;
use crate::report::DriveReport;
use crate::source::{Drive, FrameSource, Recorder};

impl Session<'_> {
    /// Plays the drive in a folder; what passes is queued.
    ///
    /// # Errors
    /// The drive cannot be read, or the store fails. What was queued before stays.
    pub fn replay(&mut self, folder: &Path) -> Result<(), SessionError> {
        let mut drive = Drive::open(folder, self.now_ms())?;
        let hash = drive.hash()?;
        let mut zones = self.settings.zones.clone();
        let asked = drive.private_zones().iter();
        zones.extend(asked.filter(|zone| !self.settings.zones.contains(zone)));
        let (zones, mark) = self.jitter(&zones)?;
        let mut recorder = None;
        let (session, plan, summary) = if let Some(row) = self.queue.session_of_drive(hash.0)? {
            let plan = self.plan_kept(folder, &row, &mark)?;
            // What lay in the future at first still does, so that the outcomes are the same.
            drive = Drive::open(folder, plan.played_at_ms)?;
            (row.session, plan, row.summary)
        } else {
            recorder = self.recorder()?;
            let (now_ms, trim) = (self.now_ms(), self.settings.trim);
            let plan = Plan::draw(now_ms, drive.ends_at_ms(), trim, mark, self.ports.random)?;
            let session = self.secret.session_of_replay(&hash, plan.shift_ms);
            self.queue
                .begin(session, Some(hash.0), &json(&plan, session)?)?;
            (session, plan, None)
        };
        self.current = Some(session);
        let unreadable = || SessionError::Plan(session);
        if let Some(summary) = summary {
            self.drive = serde_json::from_str(&summary).map_err(|_format| unreadable())?;
            return self.note_empty(folder, session);
        }
        self.drive = DriveReport {
            source: Some(drive.kind().name().to_owned()),
            sha256: Some(hash.to_string()),
            time_shift_ms: plan.shift_ms,
            trim_m: plan.trim().ok_or_else(unreadable)?.metres(),
            ..DriveReport::default()
        };
        let line = self.line(Stages {
            session,
            plan: &plan,
            trim: plan.trim().ok_or_else(unreadable)?,
            zones,
            recorder,
            clock: drive.capture_settings(),
            // The shift ends at the corrected time already.
            server_offset_ms: None,
            frames: Some(drive.frames()),
        })?;
        self.play(&mut drive.events(), line)?;
        self.note_empty(folder, session)
    }

    /// Films a trip that is happening, until the source ends or the session is stopped.
    ///
    /// # Errors
    /// The store fails.
    pub fn film(&mut self, source: &mut dyn FrameSource) -> Result<(), SessionError> {
        let now_ms = self.ports.clock.now_ms();
        let started_ms = now_ms.saturating_sub(self.ports.clock.monotonic_ns() / 1_000_000);
        let (zones, mark) = self.jitter(&self.settings.zones)?;
        let recorder = self.recorder()?;
        let plan = Plan::draw(now_ms, None, self.settings.trim, mark, self.ports.random)?;
        let mut session = [0; SessionId::LENGTH];
        self.ports.random.fill(&mut session)?;
        let session = SessionId(session);
        self.queue.begin(session, None, &json(&plan, session)?)?;
        self.current = Some(session);
        self.drive.trim_m = self.settings.trim.metres();
        let line = self.line(Stages {
            session,
            plan: &plan,
            trim: self.settings.trim,
            zones,
            recorder,
            clock: CaptureSettings {
                unix_ms_at_zero: i64::try_from(started_ms).ok(),
                time_max_ms: None,
            },
            server_offset_ms: self.clock_ahead_ms,
            frames: None,
        })?;
        self.play(source, line)
    }

    /// What was drawn for a drive that was begun before. It stands, whatever the settings say now: other lengths of the ends are
    /// told in the report; other zones, and a recording of the rest, are refused.
    fn plan_kept(
        &mut self,
        folder: &Path,
        row: &SessionRow,
        zones_mark: &str,
    ) -> Result<Plan, SessionError> {
        let unreadable = || SessionError::Plan(row.session);
        let plan: Plan = serde_json::from_str(&row.plan).map_err(|_format| unreadable())?;
        if plan.zones != zones_mark {
            return Err(SessionError::OtherZones {
                folder: folder.to_owned(),
            });
        }
        if let Some(record) = &self.settings.record {
            return Err(SessionError::RecordAgain {
                folder: folder.to_owned(),
                record: record.clone(),
            });
        }
        let trim = plan.trim().ok_or_else(unreadable)?;
        if trim != self.settings.trim {
            let how = if plan.trim_m.is_some() {
                "exactly"
            } else {
                "at least"
            };
            let cause = format!(
                "its ends were trimmed by {how} {} m when it was begun, and stay so",
                trim.metres()
            );
            self.note_error("plan_kept", &folder.display().to_string(), cause);
        }
        Ok(plan)
    }

    /// The zones as they hide places, and what tells them from others.
    fn jitter(&self, zones: &[Zone]) -> Result<(Zones, String), SessionError> {
        let seed = self.secret.zone_seed();
        Ok((Zones::new(zones, &seed)?, zones_mark(zones, &seed)))
    }

    /// Begins the recording, where one is wanted, before anything is stored: a folder that is none leaves no trace.
    fn recorder(&self) -> Result<Option<Recorder>, SessionError> {
        let recorder = self.settings.record.as_deref().map(Recorder::create);
        Ok(recorder.transpose()?)
    }

    /// A drive of which nothing was queued is told as an error: whoever plays it expects something.
    fn note_empty(&mut self, folder: &Path, session: SessionId) -> Result<(), SessionError> {
        if self.queue.next_sequence(session)? == 0 && !self.stop.is_set() {
            let cause = format!("none of its {} frames was kept", self.drive.frames);
            self.note_error("nothing_kept", &folder.display().to_string(), cause);
        }
        Ok(())
    }
}

pub(super) fn json<T: serde::Serialize>(
    value: &T,
    session: SessionId,
) -> Result<String, SessionError> {
    serde_json::to_string(value).map_err(|_format| SessionError::Plan(session))
}
