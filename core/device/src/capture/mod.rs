//! Which frames are kept, and the stretch of road that each stands for.
//!
//! A state machine without I/O: [`Capture::push`] takes events in the order of time, [`Capture::next_step`] gives what
//! became of them. A frame waits until the fixes around it are known and believed, since its place is interpolated between
//! them. The gates stand in this order, and the first that fails names the reason:
//!
//! ```text
//! time -> position known -> GNSS gap -> plausible -> accuracy, satellites, HDOP -> standing still -> spacing -> decoding
//!      -> sharpness, exposure
//! ```
//!
//! The segment of a kept frame begins where the last kept frame was and goes through every usable fix since; what lies
//! before a GNSS gap is cut off, so that nothing bridges it. Without a last kept frame it is the place alone.

mod captured;
mod gates;
mod motion;
mod path;
mod pose;
mod track;

use std::collections::VecDeque;

use wayhex_protocol::position::Position;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::segment::Segment;

pub use captured::{Captured, CapturedAt};
pub use gates::{
    ACCURACY_MAX_MM, EXPOSURE_MIN, HDOP_MAX_MILLI, SATELLITES_MIN, SHARPNESS_MIN, SPACING_M,
    SPEED_FAST_M_S, SPEED_NO_LONGER_FAST_M_S, STANDING_M_S,
};
pub use track::{BELIEVED_AFTER_FIXES, GNSS_GAP_NS, SPEED_MAX_M_S};

use crate::source::{Event, Frame, FrameData};
use motion::InertialWindow;
use path::PathStart;
use pose::Pose;
use track::Track;

/// Most bytes of frames that wait for their fixes: what a phone can spare, 20 s of JPEGs at 30 Hz.
pub const WAITING_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Most frames that wait for their fixes.
pub const WAITING_FRAMES_MAX: usize = 1_024;

/// What capture has to know of its source.
#[derive(Clone, Copy, Debug, Default)]
pub struct CaptureSettings {
    /// Unix time in milliseconds at the monotonic clock's zero, by the phone's own clock; `None` when unknown.
    pub unix_ms_at_zero: Option<i64>,
    /// The latest Unix time in milliseconds that a frame may have: a recording has been made before it is played.
    pub time_max_ms: Option<u64>,
}

/// What became of the events pushed, in the order of time.
#[derive(Debug)]
pub enum CaptureStep {
    /// The trip passed this place: a fix that can be believed.
    Passed(Place),
    /// A frame passed all gates.
    Kept(Box<Captured>),
    /// A frame did not.
    Dropped(DroppedFrame),
}

/// A place on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Monotonic time, nanoseconds.
    pub at_ns: u64,
    /// Where.
    pub position: Position,
}

/// A frame that is not kept. Its name and its time tell where it was, so it goes through privacy all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedFrame {
    /// Its number among all frames seen, from 0.
    pub index: u64,
    /// What the source calls it.
    pub source: String,
    /// Its Unix time, milliseconds, where known.
    pub time_ms: Option<i64>,
    /// The gate that it failed.
    pub reason: Reason,
    /// Where it was taken, where known.
    pub place: Option<Position>,
    /// Its monotonic time, nanoseconds, where that says between which fixes it was taken; `None` when it stands in line by its
    /// name alone, or its time does not follow.
    pub at_ns: Option<u64>,
}

/// How much was seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CaptureCounts {
    /// Frames, with those that the source could not make whole.
    pub frames: u64,
    /// Fixes, usable or not.
    pub fixes: u64,
    /// Inertial samples.
    pub inertial: u64,
    /// Metres driven: between usable fixes that are no GNSS gap apart.
    pub metres: f64,
}

/// The state machine.
#[derive(Debug)]
pub struct Capture {
    settings: CaptureSettings,
    track: Track,
    inertial: InertialWindow,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    newest_frame_ns: Option<u64>,
    spacing_from: Option<Position>,
    path_from: Option<PathStart>,
    frames: u64,
    finished: bool,
}

/// A frame in line: decided already, or not yet.
#[derive(Debug)]
enum Waiting {
    Decided(DroppedFrame),
    Frame { index: u64, frame: Frame },
}

impl Capture {
    /// A capture that has seen nothing.
    #[must_use]
    pub fn new(settings: CaptureSettings) -> Self {
        Self {
            settings,
            track: Track::default(),
            inertial: InertialWindow::default(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            newest_frame_ns: None,
            spacing_from: None,
            path_from: None,
            frames: 0,
            finished: false,
        }
    }

    /// Goes on numbering after the frames that an earlier process saw of the same trip.
    #[must_use]
    pub fn numbering_after(self, frames: u64) -> Self {
        Self { frames, ..self }
    }

    /// Takes the next event.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Fix(fix) => {
                if self.waiting.is_empty() {
                    self.track.forget_before(fix.at_ns);
                }
                self.track.push(fix);
            }
            Event::Inertial(sample) => self.inertial.push(sample),
            Event::Frame(frame) => self.push_frame(frame),
            Event::Unusable(unusable) => {
                let index = self.number();
                self.waiting.push_back(Waiting::Decided(DroppedFrame {
                    index,
                    source: unusable.source,
                    time_ms: unusable.time_ms,
                    reason: unusable.reason,
                    place: None,
                    at_ns: None,
                }));
            }
        }
    }

    /// Says that no event follows: what waits is decided by what is known.
    pub fn finish(&mut self) {
        self.finished = true;
        self.track.finish();
    }

    /// The next thing that is decided; `None` until more is pushed.
    pub fn next_step(&mut self) -> Option<CaptureStep> {
        let until_ns = match self.waiting.front() {
            Some(Waiting::Frame { frame, .. }) => frame.at_ns,
            Some(Waiting::Decided(_)) => 0,
            None => u64::MAX,
        };
        if let Some(place) = self.track.next_passed(until_ns) {
            return Some(CaptureStep::Passed(place));
        }
        match self.waiting.pop_front()? {
            Waiting::Decided(dropped) => Some(CaptureStep::Dropped(dropped)),
            Waiting::Frame { index, frame } if self.is_ready(&frame) => {
                self.waiting_bytes -= frame.data.bytes();
                Some(self.decide(index, frame))
            }
            waiting @ Waiting::Frame { .. } => {
                self.waiting.push_front(waiting);
                None
            }
        }
    }

    /// Says that the frame kept last is private: the next one's segment begins at its own place, and no inertial sample up to
    /// the private one is told of again.
    pub fn start_anew(&mut self) {
        if let Some(private) = self.path_from.take() {
            self.inertial.begin_after(private.at_ns);
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn counts(&self) -> CaptureCounts {
        CaptureCounts {
            frames: self.frames,
            fixes: self.track.fixes(),
            inertial: self.inertial.samples(),
            metres: self.track.metres(),
        }
    }

    fn number(&mut self) -> u64 {
        let index = self.frames;
        self.frames += 1;
        index
    }

    fn push_frame(&mut self, frame: Frame) {
        let index = self.number();
        let follows = self.newest_frame_ns.is_none_or(|last| frame.at_ns > last);
        if !follows {
            let time_ms = self.time_at(frame.at_ns).map(|time| time.unix_ms);
            self.waiting.push_back(Waiting::Decided(DroppedFrame {
                index,
                source: frame.source,
                time_ms,
                reason: Reason::TimeBackwards,
                place: None,
                at_ns: None,
            }));
            return;
        }
        self.newest_frame_ns = Some(frame.at_ns);
        self.waiting_bytes += frame.data.bytes();
        self.waiting.push_back(Waiting::Frame { index, frame });
    }

    fn is_ready(&self, frame: &Frame) -> bool {
        let crowded =
            self.waiting_bytes > WAITING_BYTES_MAX || self.waiting.len() >= WAITING_FRAMES_MAX;
        self.finished || crowded || self.track.is_known_until(frame.at_ns)
    }

    fn time_at(&self, at_ns: u64) -> Option<CapturedAt> {
        self.track.time_at(at_ns, self.settings.unix_ms_at_zero)
    }

    fn decide(&mut self, index: u64, frame: Frame) -> CaptureStep {
        let time = self.time_at(frame.at_ns);
        let pose = self.track.pose_at(frame.at_ns);
        let place = pose.as_ref().ok().map(|pose| pose.position);
        let source = frame.source.clone();
        let at_ns = frame.at_ns;
        let step = match self.judge(index, frame, time, pose) {
            Ok(captured) => {
                self.spacing_from = Some(captured.place());
                self.path_from = Some(PathStart {
                    at_ns,
                    position: captured.place(),
                });
                CaptureStep::Kept(Box::new(captured))
            }
            Err(reason) => CaptureStep::Dropped(DroppedFrame {
                index,
                source,
                time_ms: time.map(|time| time.unix_ms),
                reason,
                place,
                at_ns: Some(at_ns),
            }),
        };
        self.track.forget_before(at_ns);
        self.inertial.forget_before(at_ns);
        step
    }

    /// The gates, in order.
    fn judge(
        &self,
        index: u64,
        frame: Frame,
        time: Option<CapturedAt>,
        pose: Result<Pose, Reason>,
    ) -> Result<Captured, Reason> {
        if let Some(time) = time {
            gates::time(time.unix_ms, self.settings.time_max_ms)?;
        }
        let pose = pose?;
        gates::fix(&pose.fix)?;
        gates::movement(pose.speed_m_s)?;
        gates::spacing(self.spacing_from, pose.position, pose.is_fast)?;
        let time = time.ok_or(Reason::MetadataMissing)?;
        let (at_ns, source) = (frame.at_ns, frame.source);
        let pixels = match frame.data {
            FrameData::Rgb(pixels) => pixels,
            FrameData::Jpeg(bytes) => gates::decode(&bytes)?,
        };
        gates::picture(&pixels)?;
        let path = path::since(
            self.path_from,
            self.track
                .usable_between(self.path_from.map(|from| from.at_ns), at_ns),
            at_ns,
            pose.position,
        );
        let segment = Segment::fit(&path).ok_or(Reason::TimeBackwards)?;
        let motion = self.inertial.motion(
            at_ns,
            segment.vertices()[0].before_ms,
            pose.doppler_m_s.or(pose.speed_m_s),
        );
        Ok(Captured {
            index,
            source,
            time,
            segment,
            fix: pose.fix,
            motion,
            pixels,
        })
    }
}
