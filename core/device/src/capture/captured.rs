//! A frame that passed capture: raw pixels, and where and when they were taken.

use wayhex_protocol::observation::{FixQuality, Motion, TimeSource};
use wayhex_protocol::position::Position;
use wayhex_protocol::segment::Segment;
use wayhex_vision::RgbFrame;

/// When a frame was taken, and by whose clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapturedAt {
    /// Unix time, milliseconds.
    pub unix_ms: i64,
    /// Whose clock said so.
    pub source: TimeSource,
}

/// A frame that passed all gates of capture. [`super::Capture`] alone makes it, privacy alone takes it apart.
///
/// It can be looked at, and neither encoded nor made an observation:
/// ```compile_fail
/// fn publish(captured: wayhex_device::capture::Captured) -> Vec<u8> {
///     captured.encode(85).unwrap().into_jpeg()
/// }
/// ```
/// ```compile_fail
/// use wayhex_device::tag::Tagger;
/// fn skip_privacy(captured: wayhex_device::capture::Captured, tagger: &Tagger) {
///     let _ = tagger.tag(captured, 0);
/// }
/// ```
/// What it can do:
/// ```
/// fn look(captured: &wayhex_device::capture::Captured) -> u64 {
///     captured.index()
/// }
/// ```
#[derive(Debug)]
pub struct Captured {
    pub(crate) index: u64,
    pub(crate) source: String,
    pub(crate) time: CapturedAt,
    pub(crate) segment: Segment,
    pub(crate) fix: FixQuality,
    pub(crate) motion: Motion,
    pub(crate) pixels: RgbFrame,
}

impl Captured {
    /// Its number among all frames seen, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// What the source calls it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// When it was taken.
    #[must_use]
    pub const fn time(&self) -> CapturedAt {
        self.time
    }

    /// The way driven since the last kept frame, up to the place of capture.
    #[must_use]
    pub const fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Where it was taken.
    #[must_use]
    pub fn place(&self) -> Position {
        self.segment.place()
    }

    /// How good the position is.
    #[must_use]
    pub const fn fix(&self) -> FixQuality {
        self.fix
    }

    /// How the phone moved on the segment.
    #[must_use]
    pub const fn motion(&self) -> Motion {
        self.motion
    }
}
