//! How much a unit has left to pay: F, 1.0 for a unit never covered, spent by the high class, back after a week.
//!
//! When an epoch closes, `F' = F - floor(F x M)`, M being the high class's greatest weight on the unit: it loses exactly what
//! it paid. The next epoch opens with `min(1.0, F' + r)`, where `r = floor(1.0 x length_s / freshness_recovery_s)`. The low
//! class leaves no trace here. Why not `min(F, 1.0 - M)`: docs/adr/0005.
//!
//! A unit that nobody covered only recovers, so it needs no write: [`StoredFreshness`] keeps F beside the recovery that all
//! epochs so far have given, and the difference of two such sums, capped once, equals capping epoch by epoch.

use crate::micros::Micros;
use crate::params::ScoringParams;

/// r, what an epoch of `length_s` seconds gives back to every unit, at most 1.0.
#[must_use]
pub fn recovery(length_s: u64, params: &ScoringParams) -> Micros {
    if params.freshness_recovery_s == 0 {
        return Micros::ONE;
    }
    Micros::ONE
        .mul_div(Micros(length_s), Micros(params.freshness_recovery_s))
        .min(Micros::ONE)
}

/// The next epoch's opening F of a unit: `min(1.0, F - floor(F x M) + r)`. `greatest_high` is M, zero for a unit that the
/// high class has not covered.
#[must_use]
pub fn close(
    opening: Micros,
    greatest_high: Micros,
    length_s: u64,
    params: &ScoringParams,
) -> Micros {
    let spent = opening.saturating_sub(opening.times(greatest_high));
    spent
        .saturating_add(recovery(length_s, params))
        .min(Micros::ONE)
}

/// What a store keeps of a unit: its opening F in some epoch, and the sum of [`recovery`] over all epochs before that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredFreshness {
    /// F when that epoch opened.
    pub opening: Micros,
    /// The sum of r over the epochs before it.
    pub recovered: Micros,
}

impl StoredFreshness {
    /// F at the opening of a later epoch, before which all epochs together have given `recovered`; a unit without a record
    /// is 1.0.
    #[must_use]
    pub fn opening_at(stored: Option<Self>, recovered: Micros) -> Micros {
        stored.map_or(Micros::ONE, |stored| {
            let since = recovered.saturating_sub(stored.recovered);
            stored.opening.saturating_add(since).min(Micros::ONE)
        })
    }
}
