//! What one accepted observation weighs: `w = floor(floor(quality x trust) x latency)`, each in millionths.
//!
//! Nothing here asks who came first: latency looks only at the age of the capture, so a time claimed earlier can only
//! weigh less.

use crate::micros::Micros;
use crate::params::ScoringParams;

/// Which of the two games a weight takes part in; they share units and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Trust of 0.5 and more.
    High,
    /// Trust below 0.5.
    Low,
}

impl Class {
    /// Both classes, in the order in which tables list them.
    pub const ALL: [Self; 2] = [Self::High, Self::Low];
}

/// One value for each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByClass<T> {
    /// The value of the high class.
    pub high: T,
    /// The value of the low class.
    pub low: T,
}

impl<T> ByClass<T> {
    /// The value of `class`.
    pub const fn get(&self, class: Class) -> &T {
        match class {
            Class::High => &self.high,
            Class::Low => &self.low,
        }
    }

    /// The value of `class`, to change.
    pub const fn get_mut(&mut self, class: Class) -> &mut T {
        match class {
            Class::High => &mut self.high,
            Class::Low => &mut self.low,
        }
    }
}

impl ByClass<Micros> {
    /// Both classes together.
    #[must_use]
    pub const fn total(&self) -> Micros {
        self.high.saturating_add(self.low)
    }
}

/// How far an observation's origin is believed. Several grounds may limit it: the least of them holds (`Ord::min`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// 0: a check failed; earns nothing.
    Failed,
    /// 0.25: a software key, or an unknown accuracy.
    Quarter,
    /// 0.5: a hardware key.
    Half,
    /// 1: a hardware key and a verified app.
    Full,
}

impl Trust {
    /// The factor, in millionths.
    #[must_use]
    pub const fn micros(self) -> Micros {
        match self {
            Self::Failed => Micros::ZERO,
            Self::Quarter => Micros(250_000),
            Self::Half => Micros(500_000),
            Self::Full => Micros::ONE,
        }
    }

    /// The class an observation of this trust earns in; none for a failed check.
    #[must_use]
    pub const fn class(self) -> Option<Class> {
        match self {
            Self::Failed => None,
            Self::Quarter => Some(Class::Low),
            Self::Half | Self::Full => Some(Class::High),
        }
    }
}

/// A signed quality of 0..=255 as a factor: `floor(quality x 1.0 / 255)`.
#[must_use]
pub fn quality_micros(quality: u8) -> Micros {
    Micros(u64::from(quality)).mul_div(Micros::ONE, Micros(u64::from(u8::MAX)))
}

/// What is left of an observation's worth `age_ms` milliseconds after its capture: 1.0 up to `latency_full_ms`, then
/// down linearly to `latency_floor_micros` at `latency_floor_at_ms`, and no lower. A capture in the future is worth nothing.
#[must_use]
pub fn latency(age_ms: i64, params: &ScoringParams) -> Micros {
    let Ok(age_ms) = u64::try_from(age_ms) else {
        return Micros::ZERO;
    };
    if age_ms <= params.latency_full_ms {
        return Micros::ONE;
    }
    let floor = Micros(params.latency_floor_micros).min(Micros::ONE);
    let left_ms = params.latency_floor_at_ms.saturating_sub(age_ms);
    let span_ms = params
        .latency_floor_at_ms
        .saturating_sub(params.latency_full_ms);
    let above_floor = Micros::ONE
        .saturating_sub(floor)
        .mul_div(Micros(left_ms), Micros(span_ms));
    floor.saturating_add(above_floor)
}

/// The weight of one accepted observation, in millionths of 1.0, never above 1.0.
#[must_use]
pub fn weight(quality: u8, trust: Trust, age_ms: i64, params: &ScoringParams) -> Micros {
    quality_micros(quality)
        .times(trust.micros())
        .times(latency(age_ms, params))
}
