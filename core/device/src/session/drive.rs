//! Plays a drive that was recorded.
//!
//! The outcomes of the stages come in the order of the frames, and a drive makes the same ones each time. So a replay that
//! was killed is played from the start, and what is settled already is passed over; a drive that was played to its end is not
//! played again. What was drawn before the first frame stands, even where the settings have changed since.

use std::path::Path;

use wayhex_protocol::id::{ModelHash, PolicyHash, SessionId};
use wayhex_protocol::observation::{Model, Role};
use wayhex_vision as vision;

use super::line::{Played, Stages};
use super::plan::{Drawn, Plan, zones_mark};
use super::{Session, SessionError};
use crate::privacy::{Zone, Zones};
use crate::queue::SessionRow;
use crate::report::DriveReport;
use crate::source::{Drive, Recorder};

impl Session<'_> {
    /// Plays the drive in a folder; what passes is queued. Where the disk fails or the key cannot be used, the report says so, and
    /// the rest is played another time.
    ///
    /// # Errors
    /// The drive cannot be read or not be played with these settings, or the store fails. What was queued before stays.
    pub fn replay(&mut self, folder: &Path) -> Result<(), SessionError> {
        self.close_interrupted()?;
        let mut drive = Drive::open(folder, self.now_ms())?;
        let hash = drive.hash()?;
        let mut zones = self.settings.zones.clone();
        let asked = drive.private_zones().iter();
        zones.extend(asked.filter(|zone| !self.settings.zones.contains(zone)));
        let (zones, mark) = self.jitter(&zones)?;
        let (session, plan, summary) = if let Some(row) = self.queue.session_of_drive(hash.0)? {
            let plan = self.plan_kept(folder, &row, &mark)?;
            // What lay in the future at first still does, so that the outcomes are the same.
            drive = Drive::open(folder, plan.played_at_ms)?;
            (row.session, plan, row.summary)
        } else {
            let plan = self.plan_drawn(drive.ends_at_ms(), mark)?;
            let session = self.secret.session_of_replay(&hash, plan.shift_ms);
            let text = json(&plan, session)?;
            self.queue.begin(session, Some(hash.0), &text)?;
            (session, plan, None)
        };
        self.current = Some(session);
        let recorder = self.recorder(session)?;
        let unreadable = || SessionError::Plan(session);
        if let Some(summary) = summary {
            self.drive = serde_json::from_str(&summary).map_err(|_format| unreadable())?;
            return self.note_empty(folder, session);
        }
        let trim = plan.trim().ok_or_else(unreadable)?;
        self.drive = DriveReport {
            source: Some(drive.kind().name().to_owned()),
            sha256: Some(hash.to_string()),
            time_shift_ms: plan.shift_ms,
            trim_m: trim.metres(),
            ..DriveReport::default()
        };
        let line = self.line(Stages {
            session,
            shift_ms: plan.shift_ms,
            policy: plan.policy().unwrap_or_else(|| self.policy().hash()),
            trim,
            trip_seed: plan.trip_seed().ok_or_else(unreadable)?,
            zones,
            recorder,
            clock: drive.capture_settings(),
            kind: Played::Drive(drive.frames()),
        })?;
        self.play(&mut drive.events(), line)?;
        self.note_empty(folder, session)
    }

    /// Draws the plan of what is played for the first time, once nothing stands against it: what is refused leaves no trace.
    pub(super) fn plan_drawn(
        &self,
        ends_at_ms: Option<u64>,
        zones: String,
    ) -> Result<Plan, SessionError> {
        let policy = self.policy().hash();
        self.check_models(policy)?;
        let record = self.settings.record.as_deref();
        record.map(Recorder::check_empty).transpose()?;
        let drawn = Drawn {
            now_ms: self.now_ms(),
            ends_at_ms,
            trim: self.settings.trim,
            zones,
            policy,
            record,
        };
        Ok(Plan::draw(drawn, self.ports.random)?)
    }

    /// What was drawn for a drive that was begun before. It stands, whatever the settings say now: other lengths of the ends are
    /// told in the report; other zones, and a recording that did not begin with it, are refused.
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
        if let Some(record) = &self.settings.record
            && !plan.is_recorded_into(record)
        {
            return Err(SessionError::RecordAgain {
                folder: folder.to_owned(),
                record: record.clone(),
            });
        }
        if let (None, Some(policy)) = (&row.summary, plan.policy()) {
            self.check_models(policy)?;
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

    /// Refuses detectors whose pictures a server would refuse for ever, as far as the policy that is named to it is known.
    pub(super) fn check_models(&self, named: PolicyHash) -> Result<(), SessionError> {
        let policy = self.policy();
        if policy.hash() != named {
            return Ok(());
        }
        for detector in &self.ports.detectors {
            let identity = detector.identity();
            let model = Model {
                role: match identity.role {
                    vision::Role::Face => Role::Face,
                    vision::Role::Plate => Role::Plate,
                },
                sha256: ModelHash(identity.sha256),
            };
            if !policy.models.contains(&model) {
                return Err(SessionError::ModelNotAccepted {
                    role: identity.role,
                    model: model.sha256,
                    policy: policy.version,
                });
            }
        }
        Ok(())
    }

    /// The zones as they hide places, and what tells them from others.
    pub(super) fn jitter(&self, zones: &[Zone]) -> Result<(Zones, String), SessionError> {
        let seed = self.secret.zone_seed();
        Ok((Zones::new(zones, &seed)?, zones_mark(zones, &seed)))
    }

    /// The recording, where one is wanted: of the items that the session has, and of those that follow.
    pub(super) fn recorder(&self, session: SessionId) -> Result<Option<Recorder>, SessionError> {
        let Some(folder) = &self.settings.record else {
            return Ok(None);
        };
        let frames = self.queue.next_sequence(session)?;
        Ok(Some(Recorder::open(folder, frames)?))
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
