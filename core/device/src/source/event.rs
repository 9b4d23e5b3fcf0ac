//! What a phone's sensors say, one event at a time.
//!
//! Every event has a monotonic time in nanoseconds; all sensors of one source share its zero. Wall clock time comes with the
//! fixes, since satellites know it best.

use wayhex_protocol::reason::Reason;
use wayhex_vision::RgbFrame;

/// Where events come from: a recorded drive, a camera.
pub trait FrameSource {
    /// The next event, in the order of time as far as the source knows it; `None` at the end.
    fn next_event(&mut self) -> Option<Event>;
}

/// One thing a sensor said.
#[derive(Debug)]
pub enum Event {
    /// A position.
    Fix(Fix),
    /// An inertial sample.
    Inertial(InertialSample),
    /// A picture of the road.
    Frame(Frame),
    /// A frame that the source could not make whole: it is counted with its reason.
    Unusable(UnusableFrame),
}

/// A position as the receiver gave it, unchecked; what is `None` is unknown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// Monotonic time, nanoseconds.
    pub at_ns: u64,
    /// Unix time by the satellites, milliseconds.
    pub utc_ms: Option<u64>,
    /// Latitude, degrees.
    pub lat_deg: f64,
    /// Longitude, degrees.
    pub lon_deg: f64,
    /// Speed over ground, metres per second.
    pub speed_m_s: Option<f64>,
    /// Horizontal accuracy (68 %), metres.
    pub accuracy_m: Option<f64>,
    /// Satellites used.
    pub satellites: Option<u32>,
    /// Horizontal dilution of precision.
    pub hdop: Option<f64>,
}

impl Fix {
    /// A fix of which only time and place are known.
    #[must_use]
    pub const fn at(at_ns: u64, lat_deg: f64, lon_deg: f64) -> Self {
        Self {
            at_ns,
            utc_ms: None,
            lat_deg,
            lon_deg,
            speed_m_s: None,
            accuracy_m: None,
            satellites: None,
            hdop: None,
        }
    }
}

/// What accelerometer and gyroscope measured, in the axes of the device, whatever they are; either may be absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InertialSample {
    /// Monotonic time, nanoseconds.
    pub at_ns: u64,
    /// Specific force, m/s²: at rest it points up, 9.8 long.
    pub acceleration: Option<[f64; 3]>,
    /// Rate of turn, rad/s, by the right-hand rule.
    pub rotation: Option<[f64; 3]>,
}

/// A picture of the road, not looked at yet.
#[derive(Debug)]
pub struct Frame {
    /// What the source calls it: a file's path relative to the drive, with `/`.
    pub source: String,
    /// Monotonic time of exposure, nanoseconds.
    pub at_ns: u64,
    /// Its pixels.
    pub data: FrameData,
}

/// Pixels, encoded or raw.
pub enum FrameData {
    /// The bytes of a JPEG file.
    Jpeg(Vec<u8>),
    /// Pixels in memory.
    Rgb(RgbFrame),
}

impl FrameData {
    /// Bytes that it takes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Jpeg(bytes) => bytes.len(),
            Self::Rgb(frame) => frame.view().pixels().len(),
        }
    }
}

/// Says the size only: a raw pixel reaches no log.
impl std::fmt::Debug for FrameData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Jpeg(bytes) => write!(f, "JPEG of {} bytes", bytes.len()),
            Self::Rgb(frame) => write!(f, "{frame:?}"),
        }
    }
}

/// A frame without picture, time or position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableFrame {
    /// What the source calls it.
    pub source: String,
    /// Its Unix time in milliseconds, as it was recorded, where there was one.
    pub time_ms: Option<i64>,
    /// What is wrong with it.
    pub reason: Reason,
}
