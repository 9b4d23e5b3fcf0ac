//! One frame's way in order: capture, privacy, tag, sign, queue.

use wayhex_protocol::id::{PolicyHash, SessionId};
use wayhex_protocol::reason::Reason;

use super::drive::json;
use super::{Notice, Session, SessionError};
use crate::capture::{Capture, CaptureCounts, CaptureSettings};
use crate::cpu::on_this_thread;
use crate::privacy::{
    BrokenOff, DETECT_TIME_MAX, Detectors, DroppedItem, Going, Privacy, PrivacyOutcome,
    PrivacySettings, Released, Trim, Zones,
};
use crate::queue::FrameNote;
use crate::report::DriveReport;
use crate::sign::{Signed, sign};
use crate::source::{Event, FrameSource, RecordedFrame, Recorder};
use crate::tag::{TagError, Tagger};

/// Nanoseconds of a trip between two notes that it is under way: one small write in ten seconds, and a sixtieth of the time
/// within which it can go on.
const ALIVE_EVERY_NS: u64 = 10_000_000_000;

const NS_PER_MS: u64 = 1_000_000;

/// What the stages are made from.
pub(super) struct Stages {
    pub session: SessionId,
    pub shift_ms: i64,
    pub policy: PolicyHash,
    pub trim: Trim,
    pub trip_seed: [u8; 32],
    pub zones: Zones,
    pub recorder: Option<Recorder>,
    pub clock: CaptureSettings,
    pub kind: Played,
}

/// What is played.
pub(super) enum Played {
    /// A recorded drive of so many frames.
    Drive(u64),
    /// A trip that is happening; it may be one that broke off.
    Trip(Option<BrokenOff>),
}

/// The stages of one replay or trip, and where it stands.
pub(super) struct Line {
    session: SessionId,
    capture: Capture,
    privacy: Privacy,
    tagger: Tagger,
    recorder: Option<Recorder>,
    /// Frames that an earlier run settled.
    settled: u64,
    /// Frames that came out so far; those of a trip that goes on are counted on.
    frame: u64,
    total: u64,
    is_trip: bool,
    /// When the trip was last noted to be under way, monotonic nanoseconds.
    alive_ns: Option<u64>,
    /// A replay that cannot go on now goes on another time.
    is_halted: bool,
}

impl Session<'_> {
    pub(super) fn line(&mut self, stages: Stages) -> Result<Line, SessionError> {
        let session = stages.session;
        // What an earlier replay of this process left in memory counts as settled, or it would be noted twice.
        self.queue.commit_notes()?;
        let settled = self.queue.frames_settled(session)?;
        let mut privacy = Privacy::new(PrivacySettings {
            zones: stages.zones,
            trim: stages.trim,
            trip_seed: stages.trip_seed,
            detectors: Detectors::new(self.ports.detectors.clone(), DETECT_TIME_MAX),
        });
        let (mut total, mut before, mut alive_ns) = (0, 0, None);
        let is_trip = match stages.kind {
            Played::Drive(frames) => {
                total = frames;
                false
            }
            Played::Trip(broken_off) => {
                before = settled;
                if let Some(broken_off) = broken_off {
                    privacy = privacy.after(broken_off);
                    // The note is the earlier process's: it stands until the first fixes decide.
                    alive_ns = Some(0);
                }
                true
            }
        };
        Ok(Line {
            session,
            capture: Capture::new(stages.clock).numbering_after(before),
            privacy,
            tagger: Tagger {
                session,
                shift_ms: stages.shift_ms,
                server_offset_ms: None,
                policy: stages.policy,
                secret: self.secret.clone(),
            },
            recorder: stages.recorder,
            settled,
            frame: before,
            total,
            is_trip,
            alive_ns,
            is_halted: false,
        })
    }

    /// Plays what the source gives. Where the disk fails on the way, what is committed stays, and the report says what is not.
    pub(super) fn play(
        &mut self,
        source: &mut dyn FrameSource,
        mut line: Line,
    ) -> Result<(), SessionError> {
        let played = self.play_events(source, &mut line);
        self.times.privacy += line.privacy.detector_cpu();
        let ended = match played {
            Ok(true) => self.end_line(&line),
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        ended.or_else(|error| match error.storage_code() {
            Some(code) => self.break_off(&line, code, &error),
            None => Err(error),
        })
    }

    /// Takes all events; whether it came to the end, or goes on another time.
    fn play_events(
        &mut self,
        source: &mut dyn FrameSource,
        line: &mut Line,
    ) -> Result<bool, SessionError> {
        loop {
            if line.is_halted || (self.stop.is_set() && !line.is_trip) {
                return Ok(false);
            }
            // A trip ends when it is stopped; a replay that is stopped goes on another time.
            let event = if self.stop.is_set() {
                None
            } else {
                on_this_thread(&mut self.times.capture, || source.next_event())
            };
            let ended = event.is_none();
            self.take_event(line, event)?;
            if ended && !line.is_halted {
                return Ok(true);
            }
        }
    }

    fn end_line(&mut self, line: &Line) -> Result<(), SessionError> {
        self.drive = with_counts(std::mem::take(&mut self.drive), line.capture.counts());
        let summary = json(&self.drive, line.session)?;
        Ok(self.queue.end(line.session, &summary)?)
    }

    /// The disk failed: a replay goes on another time, a trip ends here, with what is committed.
    fn break_off(
        &mut self,
        line: &Line,
        code: &str,
        error: &SessionError,
    ) -> Result<(), SessionError> {
        let subject = self.store.as_path().display().to_string();
        if !line.is_trip {
            let cause = format!("{error}; the rest of the drive is played another time");
            self.note_error(code, &subject, cause);
            return Ok(());
        }
        let counts = line.capture.counts();
        let settled = self.queue.frames_settled(line.session)?;
        self.drive = with_counts(std::mem::take(&mut self.drive), counts);
        self.drive.frames = settled;
        let summary = json(&self.drive, line.session)?;
        if let Err(again) = self.queue.end(line.session, &summary) {
            // The next session closes it, and says so.
            tracing::warn!(error = %again, "the trip is left open");
        }
        self.drive.frames = self.queue.frames_settled(line.session)?;
        let lost = counts.frames.saturating_sub(self.drive.frames);
        let cause =
            format!("{error}; the trip ends here, and {lost} frames that were not stored are gone");
        self.note_error(code, &subject, cause);
        Ok(())
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
            self.note_going(line)?;
        }
        if ended {
            on_this_thread(&mut self.times.privacy, || line.privacy.finish());
            self.take_outcomes(line)?;
        }
        Ok(())
    }

    /// Notes that a trip is under way, now and then, and at once that it is not: only one that was can go on after a kill.
    fn note_going(&mut self, line: &mut Line) -> Result<(), SessionError> {
        if !line.is_trip {
            return Ok(());
        }
        match (line.privacy.going(), line.alive_ns) {
            (Going::UnderWay(at_ns), noted_ns)
                if noted_ns.is_none_or(|noted| at_ns >= noted.saturating_add(ALIVE_EVERY_NS)) =>
            {
                // Coarse, and never the time of a frame: it may lie in a trimmed end.
                let now_ms = self.ports.clock.now_ms();
                let coarse_ms = now_ms - now_ms % (ALIVE_EVERY_NS / NS_PER_MS);
                self.queue.mark_alive(line.session, coarse_ms)?;
                line.alive_ns = Some(at_ns);
            }
            (Going::Otherwise, Some(_noted)) => {
                self.queue.mark_resting(line.session)?;
                line.alive_ns = None;
            }
            _ => {}
        }
        Ok(())
    }

    fn take_outcomes(&mut self, line: &mut Line) -> Result<(), SessionError> {
        while let Some(outcome) = line.privacy.next_outcome() {
            if line.is_halted {
                continue;
            }
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
        let recorded = line
            .recorder
            .as_ref()
            .map(|_wanted| RecordedFrame::from(&released));
        let source = released.source().to_owned();
        let time_ms = released.time_ms();
        let sequence = self.queue.next_sequence(line.session)?;
        if line.is_trip {
            line.tagger.hear_offset(self.gate.ahead_ms(), sequence == 0);
        }
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
            Ok(item) => {
                if let (Some(recorder), Some(recorded)) = (&line.recorder, &recorded) {
                    recorder.write(sequence, recorded)?;
                }
                self.take_signed(line, frame, &item, time_ms)
            }
            Err(unsigned) => {
                self.note_error("key_unavailable", &source, unsigned.error.to_string());
                if line.is_trip {
                    return self.take_dropped(line, frame, unsigned.into());
                }
                // The drive is still there when the key is.
                line.is_halted = true;
                Ok(())
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
