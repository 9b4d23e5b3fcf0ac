//! Takes a drive through the stages: one that was recorded, or one that is happening.
//!
//! The outcomes of the stages come in the order of the frames, and a drive makes the same ones each time. So a replay that
//! was killed is played from the start, and what is settled already is passed over; a drive that was played to its end is not
//! played again.

use std::path::Path;

use wayhex_protocol::id::SessionId;
use wayhex_protocol::reason::Reason;

use super::plan::Plan;
use super::{Notice, Session, SessionError};
use crate::capture::{Capture, CaptureCounts, CaptureSettings};
use crate::cpu::on_this_thread;
use crate::privacy::{
    DETECT_TIME_MAX, Detectors, DroppedItem, Privacy, PrivacyOutcome, PrivacySettings, Released,
    Trim, Zone, Zones,
};
use crate::queue::FrameNote;
use crate::report::DriveReport;
use crate::sign::{Signed, sign};
use crate::source::{Drive, Event, FrameSource, Recorder};
use crate::tag::{TagError, Tagger};

/// The stages of one replay, and where it stands.
struct Line {
    session: SessionId,
    capture: Capture,
    privacy: Privacy,
    tagger: Tagger,
    recorder: Option<Recorder>,
    /// Frames that an earlier run settled.
    settled: u64,
    /// Frames that came out so far.
    frame: u64,
    total: u64,
    is_trip: bool,
}

/// What the stages are made from.
struct Stages<'a> {
    session: SessionId,
    plan: &'a Plan,
    trim: Trim,
    zones: Vec<Zone>,
    clock: CaptureSettings,
    server_offset_ms: Option<i64>,
    /// Frames of a recorded drive; `None` for a trip that is happening.
    frames: Option<u64>,
}

impl Session<'_> {
    /// Plays the drive in a folder; what passes is queued.
    ///
    /// # Errors
    /// The drive cannot be read, or the store fails. What was queued before stays.
    pub fn replay(&mut self, folder: &Path) -> Result<(), SessionError> {
        let mut drive = Drive::open(folder, self.now_ms())?;
        let hash = drive.hash()?;
        let row = self.queue.session_of_drive(hash.0)?;
        let (session, plan, summary) = match row {
            Some(row) => {
                let plan: Plan = serde_json::from_str(&row.plan)
                    .map_err(|_format| SessionError::Plan(row.session))?;
                // What lay in the future at first still does, so that the outcomes are the same.
                drive = Drive::open(folder, plan.played_at_ms)?;
                (row.session, plan, row.summary)
            }
            None => {
                let plan = Plan::draw(
                    self.now_ms(),
                    drive.ends_at_ms(),
                    self.settings.trim,
                    self.ports.random,
                )?;
                let session = self.secret.session_of_replay(&hash, plan.shift_ms);
                self.queue
                    .begin(session, Some(hash.0), &json(&plan, session)?)?;
                (session, plan, None)
            }
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
        let mut zones = self.settings.zones.clone();
        let asked = drive.private_zones().iter();
        zones.extend(asked.filter(|zone| !self.settings.zones.contains(zone)));
        let line = self.line(Stages {
            session,
            plan: &plan,
            trim: plan.trim().ok_or_else(unreadable)?,
            zones,
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
        let plan = Plan::draw(now_ms, None, self.settings.trim, self.ports.random)?;
        let mut session = [0; SessionId::LENGTH];
        self.ports.random.fill(&mut session)?;
        let session = SessionId(session);
        self.queue.begin(session, None, &json(&plan, session)?)?;
        self.current = Some(session);
        self.drive.trim_m = self.settings.trim.metres();
        let stages = Stages {
            session,
            plan: &plan,
            trim: self.settings.trim,
            zones: self.settings.zones.clone(),
            clock: CaptureSettings {
                unix_ms_at_zero: i64::try_from(started_ms).ok(),
                time_max_ms: None,
            },
            server_offset_ms: self.clock_ahead_ms,
            frames: None,
        };
        let line = self.line(stages)?;
        self.play(source, line)
    }

    /// A drive of which nothing was queued is told as an error: whoever plays it expects something.
    fn note_empty(&mut self, folder: &Path, session: SessionId) -> Result<(), SessionError> {
        if self.queue.next_sequence(session)? == 0 && !self.stop.is_set() {
            let cause = format!("none of its {} frames was kept", self.drive.frames);
            self.note_error("nothing_kept", &folder.display().to_string(), cause);
        }
        Ok(())
    }

    fn line(&self, stages: Stages<'_>) -> Result<Line, SessionError> {
        let session = stages.session;
        let trip_seed = stages.plan.trip_seed();
        let recorder = self.settings.record.as_deref().map(Recorder::create);
        Ok(Line {
            session,
            capture: Capture::new(stages.clock),
            privacy: Privacy::new(PrivacySettings {
                zones: Zones::new(&stages.zones, &self.secret.zone_seed())?,
                trim: stages.trim,
                trip_seed: trip_seed.ok_or(SessionError::Plan(session))?,
                detectors: Detectors::new(self.ports.detectors.clone(), DETECT_TIME_MAX),
            }),
            tagger: Tagger {
                session,
                shift_ms: stages.plan.shift_ms,
                server_offset_ms: stages.server_offset_ms,
                policy: self.policy().hash(),
                secret: self.secret.clone(),
            },
            recorder: recorder.transpose()?,
            settled: self.queue.frames_settled(session)?,
            frame: 0,
            total: stages.frames.unwrap_or(0),
            is_trip: stages.frames.is_none(),
        })
    }

    fn play(&mut self, source: &mut dyn FrameSource, mut line: Line) -> Result<(), SessionError> {
        loop {
            if self.stop.is_set() && !line.is_trip {
                return Ok(());
            }
            // A trip ends when it is stopped; a replay that is stopped goes on another time.
            let event = if self.stop.is_set() {
                None
            } else {
                on_this_thread(&mut self.times.capture, || source.next_event())
            };
            let ended = event.is_none();
            self.take_event(&mut line, event)?;
            if ended {
                break;
            }
        }
        self.times.privacy += line.privacy.detector_cpu();
        let counts = line.capture.counts();
        self.drive = with_counts(std::mem::take(&mut self.drive), counts);
        let summary = json(&self.drive, line.session)?;
        Ok(self.queue.end(line.session, &summary)?)
    }

    /// Takes the next event, or the end, through all stages.
    fn take_event(&mut self, line: &mut Line, event: Option<Event>) -> Result<(), SessionError> {
        let ended = event.is_none();
        on_this_thread(&mut self.times.capture, || match event {
            Some(event) => line.capture.push(event),
            None => line.capture.finish(),
        });
        while let Some(step) = on_this_thread(&mut self.times.capture, || line.capture.next_step())
        {
            on_this_thread(&mut self.times.privacy, || {
                line.privacy.take(step, &mut line.capture);
            });
            self.take_outcomes(line)?;
        }
        if ended {
            on_this_thread(&mut self.times.privacy, || line.privacy.finish());
            self.take_outcomes(line)?;
        }
        Ok(())
    }

    fn take_outcomes(&mut self, line: &mut Line) -> Result<(), SessionError> {
        while let Some(outcome) = line.privacy.next_outcome() {
            let frame = line.frame;
            line.frame += 1;
            (self.notify)(Notice::Frames {
                done: line.frame,
                total: line.total,
            });
            if frame < line.settled {
                continue;
            }
            match outcome {
                PrivacyOutcome::Released(released) => self.take_released(line, frame, *released)?,
                PrivacyOutcome::Dropped(dropped) => self.take_dropped(line, frame, dropped)?,
            }
        }
        Ok(())
    }

    fn take_released(
        &mut self,
        line: &mut Line,
        frame: u64,
        released: Released,
    ) -> Result<(), SessionError> {
        if let Some(recorder) = &mut line.recorder {
            recorder.write(&released)?;
        }
        let source = released.source().to_owned();
        let time_ms = released.time_ms();
        let sequence = self.queue.next_sequence(line.session)?;
        let tagged = on_this_thread(&mut self.times.tag, || line.tagger.tag(released, sequence));
        let tagged = match tagged {
            Ok(tagged) => tagged,
            Err(error) => {
                let dropped = DroppedItem {
                    source,
                    time_ms: Some(time_ms),
                    reason: reason_of(error),
                };
                return self.take_dropped(line, frame, dropped);
            }
        };
        let (network, signer) = (&self.settings.network, self.ports.signer);
        match on_this_thread(&mut self.times.sign, || sign(tagged, network, signer)) {
            Ok(signed) => self.take_signed(line, frame, &signed, time_ms),
            Err(unsigned) => {
                self.note_error("key_unavailable", &source, unsigned.error.to_string());
                self.take_dropped(line, frame, unsigned.into())
            }
        }
    }

    fn take_signed(
        &mut self,
        line: &Line,
        frame: u64,
        signed: &Signed,
        time_ms: i64,
    ) -> Result<(), SessionError> {
        let note = FrameNote {
            session: line.session,
            frame,
            source: signed.source().to_owned(),
            time_ms: Some(time_ms),
            dropped: None,
        };
        let queue = &mut self.queue;
        Ok(on_this_thread(&mut self.times.queue, || {
            queue.put(&note, signed)
        })?)
    }

    fn take_dropped(
        &mut self,
        line: &Line,
        frame: u64,
        dropped: DroppedItem,
    ) -> Result<(), SessionError> {
        let note = FrameNote {
            session: line.session,
            frame,
            source: dropped.source,
            time_ms: dropped.time_ms,
            dropped: Some(dropped.reason),
        };
        let queue = &mut self.queue;
        Ok(on_this_thread(&mut self.times.queue, || {
            queue.note_drop(note)
        })?)
    }
}

fn reason_of(error: TagError) -> Reason {
    match error {
        TagError::Time => Reason::TimeBefore2010,
        TagError::Segment(_) => Reason::ImplausiblePosition,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a drive's length in whole metres; the cast saturates"
)]
fn with_counts(drive: DriveReport, counts: CaptureCounts) -> DriveReport {
    DriveReport {
        frames: counts.frames,
        fixes: counts.fixes,
        inertial: counts.inertial,
        metres: counts.metres.round() as u64,
        ..drive
    }
}

fn json<T: serde::Serialize>(value: &T, session: SessionId) -> Result<String, SessionError> {
    serde_json::to_string(value).map_err(|_format| SessionError::Plan(session))
}
