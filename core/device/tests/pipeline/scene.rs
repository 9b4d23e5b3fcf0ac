//! What the tests share: a plane around a place, events on it, pictures, detectors that behave as told, and the chain.

use std::sync::Arc;
use std::time::Duration;

use wayhex_device::capture::{
    Capture, CaptureCounts, CaptureSettings, CaptureStep, Captured, DroppedFrame,
};
use wayhex_device::privacy::{
    Detectors, DroppedItem, Privacy, PrivacyOutcome, PrivacySettings, Released, Trim, TripKind,
    Zones,
};
use wayhex_device::source::{Event, Fix, Frame, FrameData};
use wayhex_protocol::position::{EARTH_RADIUS_M, Position};
use wayhex_vision::{DetectError, Detection, Detector, ModelIdentity, RgbFrame, RgbView, Role};

/// Unix milliseconds of the monotonic clock's zero in these tests: 1 June 2026.
pub const ZERO_MS: u64 = 1_780_272_000_000;
/// A later time, by which all was recorded.
pub const NOW_MS: u64 = ZERO_MS + 3_600_000;

/// The position so many metres east and north of the origin.
pub fn degrees(east_m: f64, north_m: f64) -> (f64, f64) {
    let lat = 46.95 + (north_m / EARTH_RADIUS_M).to_degrees();
    let lon = 7.45 + (east_m / (EARTH_RADIUS_M * 46.95_f64.to_radians().cos())).to_degrees();
    (lat, lon)
}

pub fn position(east_m: f64, north_m: f64) -> Position {
    let (lat, lon) = degrees(east_m, north_m);
    Position::from_degrees(lat, lon).unwrap()
}

pub fn ns(t_s: f64) -> u64 {
    Duration::from_secs_f64(t_s).as_nanos().try_into().unwrap()
}

/// A fix with the satellites' time.
pub fn fix(t_s: f64, east_m: f64, north_m: f64) -> Fix {
    let (lat, lon) = degrees(east_m, north_m);
    let utc_ms = Some(ZERO_MS + ns(t_s) / 1_000_000);
    Fix {
        utc_ms,
        ..Fix::at(ns(t_s), lat, lon)
    }
}

pub fn fix_event(t_s: f64, east_m: f64, north_m: f64) -> Event {
    Event::Fix(fix(t_s, east_m, north_m))
}

/// A sharp frame named after its time.
pub fn frame(t_s: f64) -> Event {
    frame_of(t_s, FrameData::Rgb(blocks(1)))
}

pub fn frame_of(t_s: f64, data: FrameData) -> Event {
    Event::Frame(Frame {
        source: format!("at-{t_s:.1}"),
        at_ns: ns(t_s),
        data,
    })
}

/// Random blocks of 4 pixels: sharp, and well exposed.
pub fn blocks(seed: u32) -> RgbFrame {
    picture(160, 90, |x, y| {
        let mixed = (x / 4 * 31 + y / 4 * 17 + seed).wrapping_mul(2_654_435_761);
        [48 + (mixed >> 24).to_le_bytes()[0] / 8 * 5; 3]
    })
}

pub fn picture(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> RgbFrame {
    let pixels = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .flat_map(|(x, y)| pixel(x, y))
        .collect();
    RgbFrame::new(width, height, pixels).unwrap()
}

/// The same as a JPEG file.
pub fn jpeg(frame: &RgbFrame) -> Vec<u8> {
    encoded(frame.width(), frame.height(), frame.view().pixels())
}

pub fn encoded(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
    image::ImageEncoder::write_image(
        encoder,
        pixels,
        width,
        height,
        image::ExtendedColorType::Rgb8,
    )
    .unwrap();
    bytes
}

/// A drive east at a constant speed: fixes `per_s` times a second, a frame half-way after each.
pub fn straight(metres: f64, speed_m_s: f64, per_s: f64) -> Vec<Event> {
    let steps = (metres / speed_m_s * per_s).round();
    let mut events = Vec::new();
    let mut step = 0.0;
    while step <= steps {
        let t_s = 1.0 + step / per_s;
        events.push(fix_event(t_s, speed_m_s * (t_s - 1.0), 0.0));
        if step < steps {
            events.push(frame(t_s + 0.5 / per_s));
        }
        step += 1.0;
    }
    events
}

/// What capture made of the events.
#[derive(Debug, Default)]
pub struct Seen {
    pub kept: Vec<Captured>,
    pub dropped: Vec<DroppedFrame>,
    pub counts: CaptureCounts,
}

impl Seen {
    /// Each dropped frame's source and reason.
    pub fn reasons(&self) -> Vec<(&str, &'static str)> {
        self.dropped
            .iter()
            .map(|dropped| (dropped.source.as_str(), dropped.reason.name()))
            .collect()
    }

    pub fn sources(&self) -> Vec<&str> {
        self.kept.iter().map(Captured::source).collect()
    }
}

pub fn settings() -> CaptureSettings {
    CaptureSettings {
        unix_ms_at_zero: None,
        time_max_ms: Some(NOW_MS),
    }
}

pub fn captured(events: impl IntoIterator<Item = Event>) -> Seen {
    captured_with(settings(), events)
}

pub fn captured_with(settings: CaptureSettings, events: impl IntoIterator<Item = Event>) -> Seen {
    let mut capture = Capture::new(settings);
    let mut seen = Seen::default();
    let mut draw = |capture: &mut Capture| {
        while let Some(step) = capture.next_step() {
            match step {
                CaptureStep::Passed(_) => {}
                CaptureStep::Kept(captured) => seen.kept.push(*captured),
                CaptureStep::Dropped(dropped) => seen.dropped.push(dropped),
            }
        }
    };
    for event in events {
        capture.push(event);
        draw(&mut capture);
    }
    capture.finish();
    draw(&mut capture);
    seen.counts = capture.counts();
    seen
}

/// What privacy made of the events.
#[derive(Debug, Default)]
pub struct Told {
    pub released: Vec<Released>,
    pub dropped: Vec<DroppedItem>,
}

impl Told {
    pub fn count(&self, reason: &str) -> usize {
        self.dropped
            .iter()
            .filter(|dropped| dropped.reason.name() == reason)
            .count()
    }
}

pub fn untrimmed() -> Trim {
    Trim::exact(0, TripKind::Recording).unwrap()
}

/// Nothing private, nothing trimmed, a detector that finds nothing.
pub fn open_privacy() -> PrivacySettings {
    privacy_with(untrimmed(), Zones::default(), Finds(Vec::new()))
}

pub fn privacy_with(
    trim: Trim,
    zones: Zones,
    detector: impl Detector + 'static,
) -> PrivacySettings {
    let detectors = Detectors::new(vec![Arc::new(detector)], Duration::from_mins(1));
    PrivacySettings {
        zones,
        trim,
        trip_seed: [7; 32],
        detectors,
    }
}

pub fn told(privacy: PrivacySettings, events: impl IntoIterator<Item = Event>) -> Told {
    told_with(settings(), privacy, events)
}

pub fn told_with(
    settings: CaptureSettings,
    privacy: PrivacySettings,
    events: impl IntoIterator<Item = Event>,
) -> Told {
    let (mut capture, mut privacy) = (Capture::new(settings), Privacy::new(privacy));
    let mut told = Told::default();
    for event in events {
        capture.push(event);
        draw(&mut capture, &mut privacy, &mut told);
    }
    capture.finish();
    draw(&mut capture, &mut privacy, &mut told);
    privacy.finish();
    draw(&mut capture, &mut privacy, &mut told);
    told
}

fn draw(capture: &mut Capture, privacy: &mut Privacy, told: &mut Told) {
    while let Some(step) = capture.next_step() {
        privacy.take(step, capture);
    }
    while let Some(outcome) = privacy.next_outcome() {
        match outcome {
            PrivacyOutcome::Released(released) => told.released.push(*released),
            PrivacyOutcome::Dropped(dropped) => told.dropped.push(dropped),
        }
    }
}

/// A detector that always finds the same boxes.
pub struct Finds(pub Vec<Detection>);

pub fn identity() -> &'static ModelIdentity {
    static IDENTITY: std::sync::LazyLock<ModelIdentity> =
        std::sync::LazyLock::new(|| ModelIdentity {
            role: Role::Face,
            name: "told".to_owned(),
            version: "1".to_owned(),
            runtime: "none".to_owned(),
            sha256: [9; 32],
        });
    &IDENTITY
}

impl Detector for Finds {
    fn identity(&self) -> &ModelIdentity {
        identity()
    }

    fn detect(&self, _frame: RgbView<'_>) -> Result<Vec<Detection>, DetectError> {
        Ok(self.0.clone())
    }
}
