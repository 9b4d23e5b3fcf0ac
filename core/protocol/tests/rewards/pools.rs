//! The laws of the payout: what the pool is, and that nothing of it is lost or made.

use std::collections::BTreeMap;

use proptest::prelude::*;
use wayhex_protocol::claims::Claims;
use wayhex_protocol::micros::Micros;
use wayhex_protocol::params::ScoringParams;
use wayhex_protocol::reward::{EpochInput, EpochOutcome, close_epoch, estimate, payout};
use wayhex_protocol::score::{EpochWeights, score};
use wayhex_protocol::unit::Unit;
use wayhex_protocol::weight::Class;

use crate::draw::{ACCOUNTS, Cover, at, covers, freshness, micros, params, table};

const TREASURY: u8 = u8::MAX;

fn closed(
    covers: &[Cover],
    freshness: &BTreeMap<Unit, Micros>,
    params: &ScoringParams,
    burnt: Micros,
) -> EpochOutcome<u8> {
    close_epoch(&EpochInput {
        epoch: 0,
        length_s: 86_400,
        params: params.clone(),
        burnt,
        freshness: freshness.clone(),
        weights: table(covers),
        corrections: BTreeMap::new(),
        claims: Claims::default(),
        treasury: TREASURY,
    })
}

#[test]
fn an_epoch_without_observations_is_the_treasurys() {
    let outcome = closed(&[], &BTreeMap::new(), &ScoringParams::default(), Micros(7));
    assert_eq!(outcome.payouts.pool, Micros(10_000_000_001));
    assert_eq!(outcome.payouts.class_pools.high, Micros(9_000_000_000));
    assert_eq!(outcome.payouts.class_pools.low, Micros(1_000_000_001));
    assert_eq!(outcome.payouts.treasury, outcome.payouts.pool);
}

/// A policy of any numbers at all: nothing panics.
fn any_params() -> impl Strategy<Value = ScoringParams> {
    any::<([u64; 6], u8)>().prop_map(
        |([emission, rate, cap, high, remint, recovery], quadrants)| ScoringParams {
            emission_micros: emission,
            rate_micros: rate,
            cap_micros: cap,
            high_share_micros: high,
            credit_remint_share: remint,
            freshness_recovery_s: recovery,
            quadrants_paid: quadrants,
            ..ScoringParams::default()
        },
    )
}

proptest! {
    #[test]
    fn payouts_and_remainder_are_the_pool_exactly(
        covers in covers(), freshness in freshness(), params in prop_oneof![params(), any_params()], burnt in micros(u64::MAX),
    ) {
        let payouts = closed(&covers, &freshness, &params, burnt).payouts;
        prop_assert_eq!(payouts.paid().checked_add(payouts.treasury), Some(payouts.pool));
        prop_assert_eq!(payouts.class_pools.high.checked_add(payouts.class_pools.low), Some(payouts.pool));
        for class in Class::ALL {
            let paid: Micros = payouts.per_account.values().map(|of| *of.get(class)).sum();
            prop_assert!(paid <= *payouts.class_pools.get(class));
        }
    }

    #[test]
    fn nothing_in_the_low_class_changes_what_the_high_class_gets(
        covers in covers(), freshness in freshness(), params in params(), burnt in micros(5_000_000),
    ) {
        let high_only: Vec<Cover> = covers.iter().filter(|(class, ..)| *class == Class::High).copied().collect();
        let with = closed(&covers, &freshness, &params, burnt);
        let without = closed(&high_only, &freshness, &params, burnt);
        for account in ACCOUNTS {
            let high = |outcome: &EpochOutcome<u8>| outcome.payouts.per_account.get(&account).map_or(Micros::ZERO, |of| of.high);
            prop_assert_eq!(high(&with), high(&without));
        }
        for (unit, next) in &without.freshness {
            prop_assert_eq!(with.freshness.get(unit), Some(next));
        }
        for ((class, unit), row) in &without.scores.units {
            prop_assert_eq!(with.scores.units.get(&(*class, *unit)), Some(row));
        }
    }

    #[test]
    fn the_estimate_is_the_payout_of_an_account_alone_in_its_units(
        covers in covers(), others in covers(), freshness in freshness(), burnt in micros(5_000_000),
    ) {
        let params = ScoringParams::default();
        let mut own = EpochWeights::new();
        let mut everybody = EpochWeights::new();
        for (class, unit, _, weight) in &covers {
            own.add(*class, *unit, &(), *weight);
            everybody.add(*class, *unit, &0, *weight);
        }
        for (class, unit, _, weight) in &others {
            if !covers.iter().any(|(taken, at, ..)| taken == class && at == unit) {
                everybody.add(*class, *unit, &1, *weight);
            }
        }
        let scores = score(&everybody, at(&freshness), &params);
        let payouts = payout(&scores, &params, burnt);
        let estimated = estimate(&own, at(&freshness), &params, burnt);
        prop_assert_eq!(scores.accounts.get(&0).copied().unwrap_or_default(), estimated.score);
        prop_assert_eq!(payouts.per_account.get(&0).copied().unwrap_or_default(), estimated.payout);
    }
}
