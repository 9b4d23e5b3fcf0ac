//! How the car goes along its course: 100 times a second, the distance and the speed. It keeps the speed that the
//! course allows, accelerates and brakes at a fixed rate, and waits where it has to.

use crate::course::Course;

/// Instants per second.
pub const TICKS_PER_S: usize = 100;
/// Acceleration when starting, metres per second squared: a calm driver.
const START_MPS2: f64 = 1.8;
/// Braking, metres per second squared: a calm driver.
const BRAKE_MPS2: f64 = 2.2;
/// How close to its place a car that waits comes to rest, metres.
const REST_M: f64 = 0.02;
/// Seconds at rest before the first and after the last metre.
const EDGE_S: f64 = 1.5;

/// The car at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Instant {
    /// Metres along the way.
    pub along_m: f64,
    /// Speed, metres per second.
    pub speed_mps: f64,
    /// Number of the stop at which it waits, in the course's order.
    pub waits_at: Option<usize>,
}

/// The whole drive, one instant per hundredth of a second.
#[must_use]
pub fn drive(course: &Course) -> Vec<Instant> {
    let mut instants = Vec::new();
    let mut car = Instant {
        along_m: 0.0,
        speed_mps: 0.0,
        waits_at: None,
    };
    rest(&mut instants, car, EDGE_S);
    let mut halts: Vec<(f64, f64)> = course
        .stops
        .iter()
        .map(|stop| (stop.at_m, stop.seconds))
        .collect();
    halts.push((course.length_m, EDGE_S));
    for (number, (at_m, seconds)) in halts.into_iter().enumerate() {
        while at_m - car.along_m > REST_M {
            go(&mut car, course, at_m);
            instants.push(car);
        }
        car.speed_mps = 0.0;
        car.waits_at = (number < course.stops.len()).then_some(number);
        rest(&mut instants, car, seconds);
        car.waits_at = None;
    }
    instants
}

/// A tick of driving towards a halt.
fn go(car: &mut Instant, course: &Course, halt_m: f64) {
    let dt = 1.0 / f64::from(100_u8);
    let mut allowed = braking(halt_m - car.along_m, 0.0).max(0.1);
    let here = course
        .stretches
        .iter()
        .find(|s| (s.from_m..s.to_m).contains(&car.along_m));
    allowed = allowed.min(here.map_or(course.cruise_mps, |stretch| stretch.speed_mps));
    for stretch in &course.stretches {
        let (next_m, next_mps) = if car.along_m < stretch.from_m {
            (stretch.from_m, stretch.speed_mps)
        } else {
            (stretch.to_m, course.cruise_mps)
        };
        if car.along_m < next_m {
            allowed = allowed.min(braking(next_m - car.along_m, next_mps));
        }
    }
    for turn in &course.turns {
        let end_m = turn.at_m + turn.degrees.to_radians().abs() * turn.radius_m;
        if car.along_m < end_m {
            allowed = allowed.min(braking(turn.at_m - car.along_m, turn.speed_mps));
        }
    }
    car.speed_mps = (car.speed_mps + START_MPS2 * dt).min(allowed);
    car.along_m += car.speed_mps * dt;
}

/// Greatest speed from which `then_mps` is reached within `distance_m`.
fn braking(distance_m: f64, then_mps: f64) -> f64 {
    (then_mps * then_mps + 2.0 * BRAKE_MPS2 * distance_m.max(0.0)).sqrt()
}

fn rest(instants: &mut Vec<Instant>, car: Instant, seconds: f64) {
    let ticks = crate::number::index(crate::number::floor(seconds * 100.0));
    instants.extend(std::iter::repeat_n(car, ticks));
}
