//! What becomes claimable, and when.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use wayhex_protocol::claims::{Claims, ClosedPayouts};
use wayhex_protocol::micros::Micros;
use wayhex_protocol::reward::Payouts;
use wayhex_protocol::weight::ByClass;

use crate::draw::{ACCOUNTS, micros};

const TREASURY: u8 = u8::MAX;

type Amounts = BTreeMap<u8, Micros>;

/// One epoch: payouts, remainder, corrections, delay.
type Epoch = (Amounts, Micros, Amounts, u64);

fn closes(epochs: &[Epoch]) -> Vec<Claims<u8>> {
    let mut claims = Claims::default();
    let mut states = Vec::new();
    for (epoch, (paid, remainder, corrections, claim_delay_epochs)) in (0..).zip(epochs) {
        let per_account: BTreeMap<u8, ByClass<Micros>> = paid
            .iter()
            .map(|(account, amount)| {
                (
                    *account,
                    ByClass {
                        high: *amount,
                        low: Micros::ZERO,
                    },
                )
            })
            .collect();
        let class_totals = ByClass::default();
        let payouts = Payouts {
            pool: pool(paid, *remainder),
            class_pools: class_totals,
            class_totals,
            per_account,
            treasury: *remainder,
        };
        let closed = ClosedPayouts {
            epoch,
            claim_delay_epochs: *claim_delay_epochs,
            payouts: &payouts,
            corrections,
            treasury: &TREASURY,
        };
        claims = claims.close(&closed);
        states.push(claims.clone());
    }
    states
}

fn pool(paid: &Amounts, remainder: Micros) -> Micros {
    paid.values()
        .copied()
        .sum::<Micros>()
        .saturating_add(remainder)
}

fn leaf(claims: &Claims<u8>, account: u8) -> u64 {
    claims
        .leaves()
        .find(|(who, _)| **who == account)
        .map_or(0, |(_, amount)| amount.get())
}

fn check(account: u8, epochs: &[(u64, u64, u64)], expect: &[u64]) {
    let named = |amount: u64| Amounts::from([(0, Micros(amount))]);
    let epochs: Vec<Epoch> = epochs
        .iter()
        .map(|(paid, taken, delay)| (named(*paid), Micros(1), named(*taken), *delay))
        .collect();
    let leaves: Vec<u64> = closes(&epochs)
        .iter()
        .map(|claims| leaf(claims, account))
        .collect();
    assert_eq!(leaves, expect);
}

#[test]
fn a_payout_waits_for_the_claim_delay() {
    check(
        0,
        &[(100, 0, 2), (10, 0, 2), (0, 0, 2), (0, 0, 2)],
        &[0, 0, 100, 110],
    );
    check(0, &[(100, 0, 0), (10, 0, 0)], &[100, 110]);
    check(
        TREASURY,
        &[(100, 0, 2), (10, 0, 2), (0, 0, 2), (0, 0, 2)],
        &[0, 0, 1, 2],
    );
}

#[test]
fn a_correction_nets_against_what_is_pending_and_goes_to_the_treasury() {
    check(0, &[(100, 0, 1), (50, 30, 1), (0, 0, 1)], &[0, 70, 120]);
    check(
        TREASURY,
        &[(100, 0, 1), (50, 30, 1), (0, 0, 1)],
        &[0, 31, 32],
    );
}

#[test]
fn what_was_claimable_is_never_taken_back() {
    check(
        0,
        &[(100, 0, 0), (0, 60, 0), (50, 0, 0), (50, 0, 0)],
        &[100, 100, 100, 140],
    );
    check(
        TREASURY,
        &[(100, 0, 0), (0, 60, 0), (50, 0, 0), (50, 0, 0)],
        &[1, 2, 53, 64],
    );
}

#[test]
fn before_anything_is_claimable_there_is_no_leaf() {
    let states = closes(&[(
        Amounts::from([(0, Micros(5))]),
        Micros(1),
        Amounts::new(),
        7,
    )]);
    assert_eq!(states[0].leaves().count(), 0);
}

#[test]
fn a_payout_of_nothing_is_not_carried_along() {
    let states = closes(&[(
        Amounts::from([(0, Micros::ZERO)]),
        Micros::ZERO,
        Amounts::new(),
        7,
    )]);
    assert!(states[0].pending.is_empty());
}

fn epochs() -> impl Strategy<Value = Vec<Epoch>> {
    let paid = btree_map(ACCOUNTS, micros(1_000_000), 0..5);
    // The treasury is named in corrections too: nothing is taken from it.
    let taken = btree_map(
        prop_oneof![ACCOUNTS, Just(TREASURY)],
        micros(1_500_000),
        0..3,
    );
    vec((paid, micros(1_000_000), taken, 0..4_u64), 0..20)
}

proptest! {
    #[test]
    fn the_leaves_add_up_to_the_matured_pools(epochs in epochs()) {
        for (at, claims) in (0..).zip(closes(&epochs)) {
            let matured: Micros = (0..).zip(&epochs)
                .take_while(|(epoch, _)| *epoch <= at)
                .filter(|(epoch, (.., delay))| epoch + delay <= at)
                .map(|(_, (paid, remainder, ..))| pool(paid, *remainder))
                .sum();
            prop_assert_eq!(claims.leaves().map(|(_, amount)| amount).sum::<Micros>(), matured);
        }
    }

    #[test]
    fn no_leaf_ever_falls(epochs in epochs()) {
        for pair in closes(&epochs).windows(2) {
            for account in ACCOUNTS.chain([TREASURY]) {
                prop_assert!(leaf(&pair[0], account) <= leaf(&pair[1], account));
            }
        }
    }
}
