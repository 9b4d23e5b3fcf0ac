//! A trip that is happening on a street to the north, and a process that is killed on it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use wayhex_device::estimate::observed;
use wayhex_device::ports::{Clock, FrameSource, NoRandomness, Random};
use wayhex_device::privacy::{Trim, TripKind};
use wayhex_device::queue::Queue;
use wayhex_device::report::Report;
use wayhex_device::session::{Ports, Session};
use wayhex_device::source::{Event, Fix, Frame, FrameData};
use wayhex_device::upload::http::HttpTransport;
use wayhex_protocol::observation::Observation;

use crate::items::{TestClock, detectors, street};
use crate::phone::Phone;

/// Degrees of latitude in a metre.
const METRE_DEG: f64 = 1.0 / 111_195.08;

/// A car on the street, and the phone's clock.
pub struct Ride {
    pub phone: Phone,
    pub clock: TestClock,
    /// Where the car is, metres from where the street begins.
    pub metre: f64,
    /// How the lengths of ends are drawn; a fresh one for each.
    draws: std::sync::atomic::AtomicU8,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    Orderly,
    Killed,
}

/// The way that a process sees: seconds, and metres in each.
pub type Leg = (u32, f64);

impl Ride {
    /// The ends of its trips are cut by exactly 500 m.
    pub fn new() -> Self {
        let mut phone = Phone::new();
        phone.settings.trim = Trim::exact(500, TripKind::Live).unwrap();
        Self {
            clock: TestClock::at(phone.now_ms),
            phone,
            metre: 0.0,
            draws: 0.into(),
        }
    }

    /// Time passes, and nobody looks.
    pub fn unseen(&mut self, seconds: u32, metres_a_second: f64) {
        self.clock.wait_ms(u64::from(seconds) * 1_000);
        self.metre += f64::from(seconds) * metres_a_second;
    }

    /// One process films these legs; the report, unless it is killed.
    pub fn film(&mut self, legs: &[Leg], ends: Ends) -> Option<Report> {
        self.film_watched(legs, ends, |_metre| {})
    }

    /// The same; `watch` is told each place before the frame there is taken.
    pub fn film_watched(
        &mut self,
        legs: &[Leg],
        ends: Ends,
        watch: impl FnMut(f64),
    ) -> Option<Report> {
        let mut seconds = VecDeque::new();
        for (lasting, metres) in legs {
            seconds.extend((0..*lasting).map(|_| *metres));
        }
        let transport = HttpTransport::new().unwrap();
        let ports = Ports {
            clock: &self.clock,
            random: &Draws(&self.draws),
            transport: &transport,
            network: &self.phone.kind,
            signer: self.phone.signer.as_ref(),
            detectors: detectors(),
        };
        let mut source = Camera {
            clock: &self.clock,
            seconds,
            metre: &mut self.metre,
            next: None,
            ends,
            watch,
        };
        let settings = self.phone.settings.clone();
        let process = AssertUnwindSafe(|| {
            let mut session = Session::open(self.phone.store(), settings, ports).unwrap();
            session.film(&mut source).unwrap();
            session.report().unwrap()
        });
        match catch_unwind(process) {
            Ok(report) => Some(report),
            Err(reason) if reason.is::<Kill>() => None,
            Err(reason) => resume_unwind(reason),
        }
    }

    pub fn queue(&self) -> Queue {
        Queue::open(&self.phone.store()).unwrap()
    }

    /// What a report says was queued: the metre of each, and its observation.
    pub fn told(&self, report: &Report) -> Vec<(f64, Observation)> {
        let queue = self.queue();
        let queued = report.items.iter().filter_map(|item| {
            let id = item.observation.as_deref()?;
            let id = wayhex_protocol::id::ObservationId::from_hex(id).unwrap();
            let metre = item.source.trim_start_matches("live-").parse().unwrap();
            Some((
                metre,
                observed(&queue.item(id).unwrap().unwrap()).unwrap().0,
            ))
        });
        queued.collect()
    }
}

/// What ends a process without its knowing.
struct Kill;

/// A fix and a frame each second, by the phone's clock.
struct Camera<'a, W> {
    clock: &'a TestClock,
    seconds: VecDeque<f64>,
    metre: &'a mut f64,
    next: Option<Event>,
    ends: Ends,
    watch: W,
}

impl<W: FnMut(f64)> FrameSource for Camera<'_, W> {
    fn next_event(&mut self) -> Option<Event> {
        if let Some(frame) = self.next.take() {
            return Some(frame);
        }
        let Some(metres) = self.seconds.pop_front() else {
            if self.ends == Ends::Killed {
                resume_unwind(Box::new(Kill));
            }
            return None;
        };
        self.clock.wait_ms(1_000);
        *self.metre += metres;
        (self.watch)(*self.metre);
        let at_ns = self.clock.monotonic_ns();
        let seed = usize::try_from(self.clock.now_ms() / 1_000).unwrap();
        self.next = Some(Event::Frame(Frame {
            source: format!("live-{:07.1}", *self.metre),
            at_ns,
            data: FrameData::Rgb(street(seed)),
        }));
        let (lat, lon) = degrees(*self.metre);
        Some(Event::Fix(Fix::at(at_ns, lat, lon)))
    }
}

/// Where a metre of the street lies.
pub fn degrees(metre: f64) -> (f64, f64) {
    (47.370_01 + metre * METRE_DEG, 8.123_4)
}

/// Each draw differs from those before it.
struct Draws<'a>(&'a std::sync::atomic::AtomicU8);

impl Random for Draws<'_> {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        out.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        Ok(())
    }
}
