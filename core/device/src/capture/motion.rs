//! How the phone moved on a segment: a summary of the inertial samples within it, and of none outside.
//!
//! ```text
//! down    = - mean(f) / |mean(f)|                       f: specific force, which points up at rest
//! yaw     = sum of (w . down) dt                        w: rate of turn; a right turn is positive
//! spread  = standard deviation of |f|
//! ```
//! The direction down is measured, so that it does not matter how the phone is mounted.

use std::collections::VecDeque;

use wayhex_protocol::limits::SPREAD_SAMPLES_MIN;
use wayhex_protocol::observation::Motion;

use crate::source::InertialSample;

/// Most samples kept: a segment's 10 s at 1 kHz from two sensors, and room for frames that wait.
const SAMPLES_MAX: usize = 40_000;
/// Nanoseconds of samples kept behind the newest decided frame: a segment's 10 s.
const KEPT_BEHIND_NS: u64 = 10_000_000_000;
/// Seconds between two samples beyond which no turn is integrated: some were lost.
const STEP_MAX_S: f64 = 0.5;
/// Fewest samples of a sensor that tell a turn.
const TURN_SAMPLES_MIN: usize = 2;

#[derive(Debug, Default)]
pub(super) struct InertialWindow {
    samples: VecDeque<InertialSample>,
    seen: u64,
}

impl InertialWindow {
    /// Takes the next sample. One that does not follow the last in time, or is no number, is counted and left out.
    pub fn push(&mut self, sample: InertialSample) {
        self.seen += 1;
        let is_finite = [sample.acceleration, sample.rotation]
            .iter()
            .flatten()
            .flatten()
            .all(|it| it.is_finite());
        let follows = self
            .samples
            .back()
            .is_none_or(|last| sample.at_ns >= last.at_ns);
        if is_finite && follows {
            if self.samples.len() == SAMPLES_MAX {
                self.samples.pop_front();
            }
            self.samples.push_back(sample);
        }
    }

    pub fn samples(&self) -> u64 {
        self.seen
    }

    pub fn forget_before(&mut self, at_ns: u64) {
        let limit_ns = at_ns.saturating_sub(KEPT_BEHIND_NS);
        let old = self
            .samples
            .partition_point(|sample| sample.at_ns < limit_ns);
        self.samples.drain(..old);
    }

    /// Lets go of all samples up to `at_ns`; those behind it stay.
    pub fn begin_after(&mut self, at_ns: u64) {
        let private = self.samples.partition_point(|sample| sample.at_ns <= at_ns);
        self.samples.drain(..private);
    }

    /// The motion on the segment that ends at `at_ns` and lasts `lasting_ms`.
    pub fn motion(&self, at_ns: u64, lasting_ms: u32, speed_m_s: Option<f64>) -> Motion {
        let from_ns = at_ns.saturating_sub(u64::from(lasting_ms) * 1_000_000);
        let from = self
            .samples
            .partition_point(|sample| sample.at_ns < from_ns);
        let to = self.samples.partition_point(|sample| sample.at_ns <= at_ns);
        let window = || self.samples.range(from..to.max(from));
        let forces: Vec<[f64; 3]> = window().filter_map(|sample| sample.acceleration).collect();
        let turns: Vec<(u64, [f64; 3])> = window()
            .filter_map(|sample| Some((sample.at_ns, sample.rotation?)))
            .collect();
        Motion {
            speed_mm_s: speed_m_s
                .filter(|speed| *speed >= 0.0)
                .and_then(|speed| u32::try_from(whole(speed * 1e3)).ok()),
            yaw_mdeg: yaw_rad(&forces, &turns)
                .and_then(|yaw| i32::try_from(whole(yaw.to_degrees() * 1e3)).ok()),
            acceleration_spread_mm_s2: spread(&forces)
                .and_then(|spread| u32::try_from(whole(spread * 1e3)).ok()),
        }
    }
}

fn yaw_rad(forces: &[[f64; 3]], turns: &[(u64, [f64; 3])]) -> Option<f64> {
    if forces.len() < TURN_SAMPLES_MIN || turns.len() < TURN_SAMPLES_MIN {
        return None;
    }
    let up: [f64; 3] = std::array::from_fn(|axis| forces.iter().map(|force| force[axis]).sum());
    let length = dot(up, up).sqrt();
    let mut yaw = 0.0;
    for step in turns.windows(2) {
        let ((from_ns, _), (to_ns, turn)) = (step[0], step[1]);
        let step_s = std::time::Duration::from_nanos(to_ns - from_ns).as_secs_f64();
        if step_s <= STEP_MAX_S {
            yaw -= dot(turn, up) / length * step_s;
        }
    }
    yaw.is_finite().then_some(yaw)
}

fn spread(forces: &[[f64; 3]]) -> Option<f64> {
    let count = u32::try_from(forces.len()).ok().map(f64::from)?;
    if forces.len() < SPREAD_SAMPLES_MIN {
        return None;
    }
    let lengths = || forces.iter().map(|force| dot(*force, *force).sqrt());
    let mean = lengths().sum::<f64>() / count;
    Some(
        (lengths()
            .map(|length| (length - mean) * (length - mean))
            .sum::<f64>()
            / count)
            .sqrt(),
    )
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The nearest whole number.
fn whole(value: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, and both ends are outside every caller's range"
    )]
    let whole = value.round() as i64;
    whole
}
