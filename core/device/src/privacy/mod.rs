//! What may leave the phone: nothing unredacted, nothing from a private zone, nothing from a trip's ends.
//!
//! Every step of capture passes here, the frames that capture dropped too. A kept frame meets, in this order: the private
//! zones (every cell of its segment), the trip's start, the detectors, the encoder, and the line in which it waits for the
//! trip to go on. What fails becomes a drop with its reason; for a zone or a trimmed end nothing of it is told but its index.
//! After such a drop [`Capture::start_anew`] is called, so that no later segment begins in what is private.
//!
//! A frame that capture dropped without a place (no fix, a gap, a fix that is refused) is told by name and time only once the usable
//! fixes on both sides say that no zone could be reached between them; one whose time is not known either is told only where
//! nothing is private at all.

mod broken_off;
mod detect;
mod draw;
mod held;
mod pace;
mod trip;
mod zone;

use std::time::Duration;

use wayhex_protocol::reason::Reason;
use wayhex_vision::{EncodeError, JPEG_QUALITY, quality_of_jpeg};

pub use broken_off::{BrokenOff, TRIP_GOES_ON_WITHIN_NS};
pub use detect::{DETECT_TIME_MAX, Detectors};
pub use held::{DroppedItem, HELD_BYTES_MAX, HELD_COUNT_MAX, PrivacyOutcome, Released};
pub use pace::UNDER_WAY_M_S;
pub use trip::{Going, TRIM_M, TRIM_MIN_M, TRIP_ENDS_AFTER_NS, Trim, TrimError, TripKind};
pub use zone::{
    ZONE_RADIUS_M, ZONE_RADIUS_MAX_M, ZONE_RADIUS_MIN_M, ZONES_MAX, Zone, ZoneError, Zones,
};

use crate::capture::{Capture, CaptureStep, Captured, DroppedFrame};
use held::{Held, Line, Outcome, Whereabouts};
use trip::Trips;

/// What the driver wants kept private, and who looks for faces.
#[derive(Debug)]
pub struct PrivacySettings {
    /// His zones.
    pub zones: Zones,
    /// How much of a trip's ends is cut.
    pub trim: Trim,
    /// What the lengths of the trips' ends are drawn from.
    pub trip_seed: [u8; 32],
    /// The detectors.
    pub detectors: Detectors,
}

/// The stage.
pub struct Privacy {
    zones: Zones,
    trips: Trips,
    detectors: Detectors,
    line: Line,
}

impl Privacy {
    /// A stage that has seen nothing.
    #[must_use]
    pub fn new(settings: PrivacySettings) -> Self {
        Self {
            zones: settings.zones,
            trips: Trips::new(settings.trim, settings.trip_seed),
            detectors: settings.detectors,
            line: Line::default(),
        }
    }

    /// A stage whose first trip may be one that broke off; until that is decided nothing is let go.
    #[must_use]
    pub fn after(self, broken_off: BrokenOff) -> Self {
        Self {
            trips: self.trips.after(broken_off),
            ..self
        }
    }

    /// What can be said of the trip by the places that it has passed.
    #[must_use]
    pub fn going(&self) -> Going {
        self.trips.going()
    }

    /// Takes the next step of `capture`, which must be the capture it came from.
    pub fn take(&mut self, step: CaptureStep, capture: &mut Capture) {
        match step {
            CaptureStep::Passed(place) => {
                if self.trips.pass(place) {
                    self.line.end();
                }
                self.line
                    .pass(place, |from, to| self.zones.may_lie_between(from, to));
                self.line.mark(|place| self.trips.is_far_from(place));
            }
            CaptureStep::Dropped(dropped) => self.take_dropped(dropped),
            CaptureStep::Kept(captured) => self.take_kept(*captured, capture),
        }
    }

    /// The trip has ended: what still waits lies at its end.
    pub fn finish(&mut self) {
        self.line.end();
    }

    /// What became of the next frame, in the order of the frames; `None` until more is taken.
    pub fn next_outcome(&mut self) -> Option<PrivacyOutcome> {
        self.line.next()
    }

    /// CPU time that the detectors took on their own thread.
    #[must_use]
    pub fn detector_cpu(&self) -> Duration {
        self.detectors.cpu()
    }

    fn take_kept(&mut self, captured: Captured, capture: &mut Capture) {
        let index = captured.index;
        let way = captured.segment.vertices().iter();
        let mut way: Vec<_> = way.map(|vertex| vertex.position).collect();
        let private = if self.touches_zone(&captured) {
            Some(Reason::PrivateZone)
        } else if self.trips.has_left() {
            None
        } else {
            Some(Reason::TripTrimmed)
        };
        if let Some(reason) = private {
            capture.start_anew();
            return self.line.push(Held::hidden(index, reason));
        }
        let (source, time_ms) = (captured.source.clone(), captured.time.unix_ms);
        let what = match self.redacted(captured) {
            Ok(released) => Outcome::Picture(Box::new(released)),
            Err(reason) => Outcome::Dropped {
                source,
                time_ms: Some(time_ms),
                reason,
            },
        };
        way.retain(|place| !self.trips.is_far_from(*place));
        self.line.push(Held {
            index,
            is_safe: way.is_empty(),
            whereabouts: Whereabouts::Along(way),
            what,
        });
    }

    /// A segment whose cells cannot be told is not let go: it might touch a zone.
    fn touches_zone(&self, captured: &Captured) -> bool {
        captured
            .segment
            .facts()
            .map_or(true, |facts| self.zones.touch(&facts.cells))
    }

    fn take_dropped(&mut self, dropped: DroppedFrame) {
        let Some(whereabouts) = self.whereabouts(&dropped) else {
            return self.line.push(Held::hidden(dropped.index, dropped.reason));
        };
        let is_safe = match whereabouts {
            Whereabouts::Anywhere => true,
            Whereabouts::At(place) => self.trips.is_far_from(place),
            Whereabouts::Along(_) | Whereabouts::Between(_) | Whereabouts::After { .. } => false,
        };
        self.line.push(Held {
            index: dropped.index,
            whereabouts,
            is_safe,
            what: Outcome::Dropped {
                source: dropped.source,
                time_ms: dropped.time_ms,
                reason: dropped.reason,
            },
        });
    }

    /// Where a dropped frame was taken, as far as it is known now; `None` when that is private or may be.
    fn whereabouts(&self, dropped: &DroppedFrame) -> Option<Whereabouts> {
        if self.zones.is_empty() && self.trips.are_whole() {
            return Some(Whereabouts::Anywhere);
        }
        if !self.trips.has_left() {
            return None;
        }
        if let Some(place) = dropped.place {
            return (!self.zones.hold(place)).then_some(Whereabouts::At(place));
        }
        let at_ns = dropped.at_ns?;
        let fix = self.trips.last().filter(|fix| fix.at_ns <= at_ns)?;
        Some(Whereabouts::After { fix, at_ns })
    }

    fn redacted(&mut self, captured: Captured) -> Result<Released, Reason> {
        let Captured {
            source,
            time,
            segment,
            fix,
            motion,
            pixels,
            ..
        } = captured;
        let redacted = self.detectors.redact(pixels)?;
        let picture = redacted.encode(JPEG_QUALITY).map_err(|error| match error {
            EncodeError::TooLarge(_) => Reason::PictureTooLarge,
            _ => Reason::PictureUnreadable,
        })?;
        let quality =
            quality_of_jpeg(picture.jpeg()).map_err(|_own_picture| Reason::PictureUnreadable)?;
        Ok(Released {
            source,
            time,
            segment,
            fix,
            motion,
            picture,
            quality: quality.value,
            covered: redacted.covered().to_vec(),
            filled_pixels: redacted.filled_pixels(),
        })
    }
}
