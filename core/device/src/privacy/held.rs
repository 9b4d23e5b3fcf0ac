//! What waits until the trip has gone on far enough.
//!
//! Frames that capture dropped wait too: a name and a time tell where a trip ended as well as a picture does. One whose place is
//! not known waits for the next usable fix, since the last one says only where it came from. What waits leaves in the order it came.

use std::collections::VecDeque;

use wayhex_protocol::observation::{FixQuality, Motion};
use wayhex_protocol::position::Position;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::segment::Segment;
use wayhex_vision::{Covered, Encoded};

use crate::capture::{CapturedAt, Place};

/// Most bytes of redacted pictures in memory; the oldest make room, and are gone: 600 pictures of 200 KB, five times the
/// longest trimmed end.
pub const HELD_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Most entries that wait, with those of dropped frames.
pub const HELD_COUNT_MAX: usize = 100_000;

/// A redacted frame that privacy has let go: nothing else can become an observation.
///
/// Privacy alone makes it. It cannot be queued unsigned:
/// ```compile_fail
/// fn skip_the_signature(released: wayhex_device::privacy::Released) -> wayhex_device::sign::Signed {
///     released.into()
/// }
/// ```
#[derive(Debug)]
pub struct Released {
    pub(crate) source: String,
    pub(crate) time: CapturedAt,
    pub(crate) segment: Segment,
    pub(crate) fix: FixQuality,
    pub(crate) motion: Motion,
    pub(crate) picture: Encoded,
    pub(crate) quality: u8,
    pub(crate) covered: Vec<Covered>,
    pub(crate) filled_pixels: u64,
}

impl Released {
    /// What the source calls it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Unix time of capture as recorded, milliseconds.
    #[must_use]
    pub const fn time_ms(&self) -> i64 {
        self.time.unix_ms
    }

    /// The way it stands for.
    #[must_use]
    pub const fn segment(&self) -> &Segment {
        &self.segment
    }

    /// The redacted picture.
    #[must_use]
    pub const fn picture(&self) -> &Encoded {
        &self.picture
    }
}

/// A frame that was not kept, as it may be told: one whose place is private has its index as source and no time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedItem {
    /// What the source calls it, or its index among all frames.
    pub source: String,
    /// Unix time of capture as recorded, milliseconds.
    pub time_ms: Option<i64>,
    /// Why it was dropped.
    pub reason: Reason,
}

/// What became of a frame.
#[derive(Debug)]
pub enum PrivacyOutcome {
    /// It is redacted, and no trimmed end or private zone.
    Released(Box<Released>),
    /// It was dropped, here or by capture.
    Dropped(DroppedItem),
}

/// A frame in line.
#[derive(Debug)]
pub(super) struct Held {
    pub index: u64,
    pub whereabouts: Whereabouts,
    pub is_safe: bool,
    pub what: Outcome,
}

/// Where a frame was taken, as far as the end of the trip must be far from it.
#[derive(Clone, Debug)]
pub(super) enum Whereabouts {
    /// There.
    At(Position),
    /// All along there: what is left of the way that its segment tells, without what the trip has been far from.
    Along(Vec<Position>),
    /// Between these usable fixes.
    Between([Position; 2]),
    /// At this time (nanoseconds), after this fix; the next usable one is not known yet.
    After { fix: Place, at_ns: u64 },
    /// It does not matter: all of it may be told, or nothing.
    Anywhere,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Picture(Box<Released>),
    Dropped {
        source: String,
        time_ms: Option<i64>,
        reason: Reason,
    },
    /// Private for good: nothing of it is kept but its index and the reason.
    Hidden(Reason),
}

impl Held {
    /// A frame of which nothing is told but its index and the reason.
    pub fn hidden(index: u64, reason: Reason) -> Self {
        Self {
            index,
            whereabouts: Whereabouts::Anywhere,
            is_safe: true,
            what: Outcome::Hidden(reason),
        }
    }

    fn hide(&mut self) {
        if let Outcome::Dropped { reason, .. } = self.what {
            *self = Self::hidden(self.index, reason);
        }
    }

    fn is_far(&mut self, is_far: impl Fn(Position) -> bool) -> bool {
        match &mut self.whereabouts {
            Whereabouts::At(place) => is_far(*place),
            Whereabouts::Along(places) => {
                places.retain(|place| !is_far(*place));
                places.is_empty()
            }
            Whereabouts::Between(places) => places.iter().all(|place| is_far(*place)),
            Whereabouts::After { .. } | Whereabouts::Anywhere => false,
        }
    }

    /// What may be told when it leaves: all of it where it is safe, else only that it was there.
    fn leave(self) -> PrivacyOutcome {
        let hidden = |reason| DroppedItem {
            source: self.index.to_string(),
            time_ms: None,
            reason,
        };
        match self.what {
            Outcome::Picture(released) if self.is_safe => PrivacyOutcome::Released(released),
            Outcome::Dropped {
                source,
                time_ms,
                reason,
            } if self.is_safe => PrivacyOutcome::Dropped(DroppedItem {
                source,
                time_ms,
                reason,
            }),
            Outcome::Picture(_) => PrivacyOutcome::Dropped(hidden(Reason::TripTrimmed)),
            Outcome::Dropped { reason, .. } | Outcome::Hidden(reason) => {
                PrivacyOutcome::Dropped(hidden(reason))
            }
        }
    }

    fn bytes(&self) -> usize {
        match &self.what {
            Outcome::Picture(released) => released.picture.jpeg().len(),
            Outcome::Dropped { .. } | Outcome::Hidden(_) => 0,
        }
    }
}

/// All that waits, in order.
#[derive(Debug, Default)]
pub(super) struct Line {
    held: VecDeque<Held>,
    bytes: usize,
    out: VecDeque<PrivacyOutcome>,
}

impl Line {
    /// Takes a frame; the oldest give way when there is no room.
    pub fn push(&mut self, held: Held) {
        self.bytes += held.bytes();
        self.held.push_back(held);
        while self.bytes > HELD_BYTES_MAX || self.held.len() > HELD_COUNT_MAX {
            self.leave();
        }
        self.settle();
    }

    /// Goes on to a usable fix, which says where the frames before it were: those that may have been in private are hidden.
    pub fn pass(&mut self, next: Place, is_private: impl Fn(Place, Place) -> bool) {
        for held in &mut self.held {
            match held.whereabouts {
                Whereabouts::After { fix, at_ns } if at_ns <= next.at_ns => {
                    held.whereabouts = Whereabouts::Between([fix.position, next.position]);
                    if is_private(fix, next) {
                        held.hide();
                    }
                }
                _ => {}
            }
        }
    }

    /// Marks what the trip is far enough from by now.
    pub fn mark(&mut self, is_far: impl Fn(Position) -> bool) {
        for held in &mut self.held {
            held.is_safe = held.is_safe || held.is_far(&is_far);
        }
        self.settle();
    }

    /// The trip has ended: what is not safe by now never will be.
    pub fn end(&mut self) {
        while !self.held.is_empty() {
            self.leave();
        }
    }

    pub fn next(&mut self) -> Option<PrivacyOutcome> {
        self.out.pop_front()
    }

    fn settle(&mut self) {
        while self.held.front().is_some_and(|held| held.is_safe) {
            self.leave();
        }
    }

    fn leave(&mut self) {
        if let Some(held) = self.held.pop_front() {
            self.bytes -= held.bytes();
            self.out.push_back(held.leave());
        }
    }
}
