//! A recorded drive that happens now: its events come at the pace at which they were recorded, and carry the phone's own time.

use wayhex_device::ports::{Clock, FrameSource};
use wayhex_device::source::{DriveEvents, Event};

use super::ports::GivenClock;

/// A drive as it happens.
pub struct Happening<'d> {
    events: DriveEvents<'d>,
    clock: &'d GivenClock,
    began_ns: u64,
    recorded: Option<Recorded>,
}

#[derive(Clone, Copy)]
struct Recorded {
    first_ns: u64,
    last_ns: u64,
}

impl<'d> Happening<'d> {
    pub fn new(events: DriveEvents<'d>, clock: &'d GivenClock) -> Self {
        Self {
            events,
            clock,
            began_ns: clock.monotonic_ns(),
            recorded: None,
        }
    }

    /// Waits until it would have happened, and says when that is on the phone's axis.
    fn happens_at(&mut self, recorded_ns: u64) -> u64 {
        let before = self.recorded.unwrap_or(Recorded {
            first_ns: recorded_ns,
            last_ns: recorded_ns,
        });
        let last_ns = before.last_ns.max(recorded_ns);
        self.clock.pass_ns(last_ns - before.last_ns);
        self.recorded = Some(Recorded { last_ns, ..before });
        self.began_ns + recorded_ns.saturating_sub(before.first_ns)
    }
}

impl FrameSource for Happening<'_> {
    fn next_event(&mut self) -> Option<Event> {
        let mut event = self.events.next_event()?;
        match &mut event {
            Event::Fix(fix) => {
                fix.at_ns = self.happens_at(fix.at_ns);
                fix.utc_ms = None;
            }
            Event::Inertial(sample) => sample.at_ns = self.happens_at(sample.at_ns),
            Event::Frame(frame) => frame.at_ns = self.happens_at(frame.at_ns),
            Event::Unusable(_) => {}
        }
        Some(event)
    }
}
