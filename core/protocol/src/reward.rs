//! What an epoch pays, and its whole close as one function of its evidence.
//!
//! ```text
//! pool        = emission + floor(burnt x credit_remint_share)
//! high, low   = floor(pool x high_share), the rest
//! payout      = min(floor(score x rate), floor(class pool x score / class total))     in each class
//! treasury    = pool - all payouts
//! ```
//! The class total is the sum of the capped scores, so that the second bound adds up to the class pool at most; whatever
//! flooring, caps and the rate leave over belongs to the treasury, and the sum is the pool exactly.

use std::collections::BTreeMap;

use crate::claims::{Claims, ClosedPayouts};
use crate::freshness;
use crate::micros::Micros;
use crate::params::ScoringParams;
use crate::score::{EpochWeights, Scores, score};
use crate::unit::Unit;
use crate::weight::{ByClass, Class};

/// All that an epoch's outcome depends on: what its evidence says, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochInput<A> {
    /// The epoch's number.
    pub epoch: u64,
    /// How long it was open, in seconds.
    pub length_s: u64,
    /// The numbers of the policy in force when it opened.
    pub params: ScoringParams,
    /// Credits burnt during it, in millionths of a point.
    pub burnt: Micros,
    /// F at the opening, for the units touched; a unit not named is 1.0.
    pub freshness: BTreeMap<Unit, Micros>,
    /// Greatest weight for each class, unit and account.
    pub weights: EpochWeights<A>,
    /// What was taken back by records of this epoch, for each account.
    pub corrections: BTreeMap<A, Micros>,
    /// The state of the claims at the opening.
    pub claims: Claims<A>,
    /// To whom the remainder goes.
    pub treasury: A,
}

/// What follows from an [`EpochInput`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochOutcome<A> {
    /// The table of units and each account's scores.
    pub scores: Scores<A>,
    /// Who is paid what.
    pub payouts: Payouts<A>,
    /// The next epoch's opening F of the units touched.
    pub freshness: BTreeMap<Unit, Micros>,
    /// The state of the claims after the close; its leaves make the root.
    pub claims: Claims<A>,
}

/// Closes an epoch. The server and whoever audits it call this alike.
pub fn close_epoch<A: Ord + Clone>(input: &EpochInput<A>) -> EpochOutcome<A> {
    let opening = |unit: Unit| input.freshness.get(&unit).copied().unwrap_or(Micros::ONE);
    let scores = score(&input.weights, opening, &input.params);
    let payouts = payout(&scores, &input.params, input.burnt);
    let freshness = scores
        .units
        .keys()
        .map(|(_, unit)| {
            let greatest_high = input.weights.greatest(Class::High, *unit);
            (
                *unit,
                freshness::close(opening(*unit), greatest_high, input.length_s, &input.params),
            )
        })
        .collect();
    let claims = input.claims.close(&ClosedPayouts {
        epoch: input.epoch,
        claim_delay_epochs: input.params.claim_delay_epochs,
        payouts: &payouts,
        corrections: &input.corrections,
        treasury: &input.treasury,
    });
    EpochOutcome {
        scores,
        payouts,
        freshness,
        claims,
    }
}

/// An epoch's pool, divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payouts<A> {
    /// What there was to divide.
    pub pool: Micros,
    /// The pool of each class.
    pub class_pools: ByClass<Micros>,
    /// The sum of the capped scores in each class.
    pub class_totals: ByClass<Micros>,
    /// What each account gets in each class, zeros included.
    pub per_account: BTreeMap<A, ByClass<Micros>>,
    /// What is left: `pool - all payouts`.
    pub treasury: Micros,
}

impl<A: Ord> Payouts<A> {
    /// What an account gets in both classes together.
    #[must_use]
    pub fn total_of(&self, account: &A) -> Micros {
        self.per_account
            .get(account)
            .map_or(Micros::ZERO, ByClass::total)
    }

    /// What all accounts get together, the treasury's remainder apart.
    #[must_use]
    pub fn paid(&self) -> Micros {
        self.per_account.values().map(ByClass::total).sum()
    }
}

/// Divides an epoch's pool among the scores. `burnt` is in millionths of a point.
pub fn payout<A: Ord + Clone>(
    scores: &Scores<A>,
    params: &ScoringParams,
    burnt: Micros,
) -> Payouts<A> {
    let pool = Micros(params.emission_micros)
        .saturating_add(burnt.times(Micros(params.credit_remint_share)));
    let high = pool.times(Micros(params.high_share_micros)).min(pool);
    let class_pools = ByClass {
        high,
        low: pool.saturating_sub(high),
    };
    let total = |class| {
        scores
            .accounts
            .values()
            .map(|of| *of.get(class))
            .sum::<Micros>()
    };
    let class_totals = ByClass {
        high: total(Class::High),
        low: total(Class::Low),
    };
    let pays = |class: Class, score: Micros| {
        let at_rate = score.times(Micros(params.rate_micros));
        at_rate.min(
            class_pools
                .get(class)
                .mul_div(score, *class_totals.get(class)),
        )
    };
    let per_account: BTreeMap<A, ByClass<Micros>> = scores
        .accounts
        .iter()
        .map(|(account, of)| {
            let paid = ByClass {
                high: pays(Class::High, of.high),
                low: pays(Class::Low, of.low),
            };
            (account.clone(), paid)
        })
        .collect();
    let paid = per_account.values().map(ByClass::total).sum();
    Payouts {
        pool,
        class_pools,
        class_totals,
        per_account,
        treasury: pool.saturating_sub(paid),
    }
}

/// What an account would earn if it were alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// The score in each class.
    pub score: ByClass<Micros>,
    /// The payout in each class.
    pub payout: ByClass<Micros>,
}

/// What the weights of one account would earn, from the F of closed epochs, were nobody else there: the phone's live figure,
/// by the functions that close the epoch. It equals the payout of an account alone in its units as long as the rate binds;
/// where the class pool does, others anywhere have a part in it, and the payout is smaller.
pub fn estimate(
    weights: &EpochWeights<()>,
    freshness: impl Fn(Unit) -> Micros,
    params: &ScoringParams,
    burnt: Micros,
) -> Estimate {
    let scores = score(weights, freshness, params);
    let payouts = payout(&scores, params, burnt);
    Estimate {
        score: scores.accounts.get(&()).copied().unwrap_or_default(),
        payout: payouts.per_account.get(&()).copied().unwrap_or_default(),
    }
}
