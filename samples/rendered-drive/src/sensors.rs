//! What the phone's sensors say along a drive: fixes five times a second, inertial samples a hundred times, and
//! the times at which the camera takes frames. All three on one axis, seconds since the phone was booted.

use crate::course::Course;
use crate::motion::{Instant, TICKS_PER_S};
use crate::number::{Dice, float};
use crate::spec::DriveSpec;

/// Boot time of the first instant in seconds: the phone has been on for a while.
const BOOT_S: f64 = 1200.0;
/// Ticks between fixes: 5 Hz.
const FIX_TICKS: usize = 20;
/// Ticks between frames while driving: about 3 Hz, which is 4.3 m at 13 m/s.
const FRAME_TICKS: usize = 33;
/// Ticks between frames at rest: 10 Hz.
const REST_FRAME_TICKS: usize = 10;
/// The first frame lies between two fixes, as all others do.
const FIRST_FRAME_TICK: usize = 3;
/// Standing deviation of a fix from the truth, metres per axis.
const FIX_NOISE_M: f64 = 0.15;
/// Share of a fix's deviation that is new since the one before: receivers wander, they do not jump.
const FIX_NOISE_NEW: f64 = 0.02;
/// Standard gravity, metres per second squared.
const GRAVITY_MPS2: f64 = 9.806_65;

/// A position from the receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// Boot time, seconds.
    pub t_s: f64,
    /// Latitude, degrees.
    pub lat_deg: f64,
    /// Longitude, degrees.
    pub lon_deg: f64,
    /// Speed, metres per second.
    pub speed_mps: f64,
    /// Unix time of the fix, ms.
    pub utc_ms: i64,
    /// Altitude, metres.
    pub altitude_m: f64,
    /// Course over ground, degrees clockwise from north, in [0, 360).
    pub bearing_deg: f64,
    /// Horizontal accuracy, metres.
    pub accuracy_m: f64,
    /// Satellites used.
    pub satellites: u8,
    /// Horizontal dilution of precision.
    pub hdop: f64,
}

/// Specific force and rate of turn in the axes forward, right, down.
#[derive(Debug, Clone, PartialEq)]
pub struct Inertial {
    /// Boot time, seconds.
    pub t_s: f64,
    /// Specific force, metres per second squared; at rest the third is minus gravity.
    pub force_mps2: [f64; 3],
    /// Rate of turn, radians per second; a right turn is positive about down.
    pub turn_radps: [f64; 3],
}

/// A frame to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Shot {
    /// Boot time, seconds.
    pub t_s: f64,
    /// The car at that instant.
    pub car: Instant,
    /// Seconds that it has waited at its stop, 0 when it does not wait.
    pub waited_s: f64,
}

fn boot_s(tick: usize) -> f64 {
    BOOT_S + float(tick) / 100.0
}

/// All fixes of a drive, those lost in its gaps left out.
#[must_use]
pub fn fixes(spec: &DriveSpec, instants: &[Instant]) -> Vec<Fix> {
    let course = &spec.course;
    let lost = lost_ticks(course, instants);
    let mut error_m = [0.0; 2];
    let mut fixes = Vec::new();
    for (tick, car) in instants.iter().enumerate().step_by(FIX_TICKS) {
        let mut dice = Dice::new(spec.seed, 1, u64::try_from(tick).unwrap_or(0));
        for axis in &mut error_m {
            *axis = *axis * (1.0 - FIX_NOISE_NEW)
                + FIX_NOISE_M * (2.0 * FIX_NOISE_NEW).sqrt() * dice.normal();
        }
        if lost.iter().any(|(from, to)| (*from..*to).contains(&tick)) {
            continue;
        }
        let place = course.place(car.along_m);
        let (lat_deg, lon_deg) =
            course.degrees(place.east_m + error_m[0], place.north_m + error_m[1]);
        fixes.push(Fix {
            t_s: boot_s(tick),
            lat_deg,
            lon_deg,
            speed_mps: (car.speed_mps + 0.03 * dice.normal()).max(0.0),
            utc_ms: spec.start_ms + i64::try_from(tick * 1000 / TICKS_PER_S).unwrap_or(0),
            altitude_m: 541.0 + car.along_m * 0.004 + 0.3 * dice.normal(),
            bearing_deg: (place.heading_rad.to_degrees() + 0.3 * dice.normal()).rem_euclid(360.0),
            accuracy_m: dice.between(2.6, 4.4),
            satellites: *dice.pick(&[14, 15, 16, 17, 18]).unwrap_or(&14),
            hdop: dice.between(0.7, 1.0),
        });
    }
    fixes
}

/// From which tick to which there is no fix.
fn lost_ticks(course: &Course, instants: &[Instant]) -> Vec<(usize, usize)> {
    let begin = |metres: f64| instants.iter().position(|car| car.along_m >= metres);
    let ticks = |seconds: f64| crate::number::index(crate::number::floor(seconds * 100.0));
    course
        .gaps
        .iter()
        .filter_map(|gap| begin(gap.from_m).map(|at| (at, at + ticks(gap.seconds))))
        .collect()
}

/// One inertial sample per instant.
#[must_use]
pub fn inertial(spec: &DriveSpec, instants: &[Instant]) -> Vec<Inertial> {
    let speed = |tick: usize| {
        instants
            .get(tick.min(instants.len().saturating_sub(1)))
            .map_or(0.0, |car| car.speed_mps)
    };
    let sample = |(tick, car): (usize, &Instant)| {
        let mut dice = Dice::new(spec.seed, 2, u64::try_from(tick).unwrap_or(0));
        let forward = (speed(tick + 10) - speed(tick.saturating_sub(10))) / 0.2;
        let curvature = spec.course.place(car.along_m).curvature;
        // The road shakes a moving car; an engine at rest hardly does.
        let shake = 0.03 + 0.25 * (car.speed_mps / 13.0).min(1.5);
        let mut noisy = |value: f64, noise: f64| value + noise * dice.normal();
        Inertial {
            t_s: boot_s(tick),
            force_mps2: [
                noisy(forward, shake),
                noisy(car.speed_mps * car.speed_mps * curvature, shake),
                noisy(-GRAVITY_MPS2, 1.6 * shake),
            ],
            turn_radps: [
                noisy(0.0, 0.02),
                noisy(0.0, 0.02),
                noisy(car.speed_mps * curvature, 0.006),
            ],
        }
    };
    instants.iter().enumerate().map(sample).collect()
}

/// The frames of a drive: about 3 Hz while it goes, 10 Hz while it stands.
#[must_use]
pub fn shots(instants: &[Instant]) -> Vec<Shot> {
    let mut shots = Vec::new();
    let (mut tick, mut waiting_since) = (FIRST_FRAME_TICK, None);
    while let Some(&car) = instants.get(tick) {
        waiting_since = car.waits_at.map(|_| waiting_since.unwrap_or(tick));
        let waited = waiting_since.map_or(0, |since| tick - since);
        shots.push(Shot {
            t_s: boot_s(tick),
            car,
            waited_s: float(waited) / 100.0,
        });
        tick += if car.speed_mps > 0.0 {
            FRAME_TICKS
        } else {
            REST_FRAME_TICKS
        };
    }
    shots
}
