//! One frame's way in order: capture, privacy, tag, sign, queue.

use wayhex_protocol::id::SessionId;
use wayhex_protocol::reason::Reason;

use super::drive::json;
use super::plan::Plan;
use super::{Notice, Session, SessionError};
use crate::capture::{Capture, CaptureCounts, CaptureSettings};
use crate::cpu::on_this_thread;
use crate::privacy::{
    DETECT_TIME_MAX, Detectors, DroppedItem, Privacy, PrivacyOutcome, PrivacySettings, Released,
    Trim, Zones,
};
use crate::queue::FrameNote;
use crate::report::DriveReport;
use crate::sign::{Signed, sign};
use crate::source::{Event, FrameSource, Recorder};
use crate::tag::{TagError, Tagger};

/// What the stages are made from.
pub(super) struct Stages<'a> {
    pub session: SessionId,
    pub plan: &'a Plan,
    pub trim: Trim,
    pub zones: Zones,
    pub recorder: Option<Recorder>,
    pub clock: CaptureSettings,
    pub server_offset_ms: Option<i64>,
    /// Frames of a recorded drive; `None` for a trip that is happening.
    pub frames: Option<u64>,
}

/// The stages of one replay, and where it stands.
pub(super) struct Line {
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

impl Session<'_> {
    pub(super) fn line(&self, stages: Stages<'_>) -> Result<Line, SessionError> {
        let session = stages.session;
        let trip_seed = stages.plan.trip_seed();
        Ok(Line {
            session,
            capture: Capture::new(stages.clock),
            privacy: Privacy::new(PrivacySettings {
                zones: stages.zones,
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
            recorder: stages.recorder,
            settled: self.queue.frames_settled(session)?,
            frame: 0,
            total: stages.frames.unwrap_or(0),
            is_trip: stages.frames.is_none(),
        })
    }

    pub(super) fn play(
        &mut self,
        source: &mut dyn FrameSource,
        mut line: Line,
    ) -> Result<(), SessionError> {
        loop {
            if self.stop.is_set() && !line.is_trip {
                self.times.privacy += line.privacy.detector_cpu();
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
            Ok(item) => self.take_signed(line, frame, &item, time_ms),
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
