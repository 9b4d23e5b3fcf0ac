//! The laws of scoring, one property each.

use std::collections::BTreeMap;

use proptest::prelude::*;
use wayhex_protocol::micros::Micros;
use wayhex_protocol::params::ScoringParams;
use wayhex_protocol::score::{EpochWeights, Scores, account_units, capped_sum, score};
use wayhex_protocol::unit::{Quadrant, Unit};
use wayhex_protocol::weight::Class;

use crate::draw::{
    ACCOUNTS, Cover, at, cell, class, covers, freshness, micros, params, table, unit,
};

fn own_weights(weights: &EpochWeights<u8>, class: Class, account: u8) -> BTreeMap<Unit, Micros> {
    let own = weights
        .iter()
        .filter(|(of, _, who, _)| *of == class && **who == account);
    own.map(|(_, unit, _, weight)| (unit, weight)).collect()
}

fn score_of(scores: &Scores<u8>, account: u8, class: Class) -> Micros {
    scores
        .accounts
        .get(&account)
        .map_or(Micros::ZERO, |of| *of.get(class))
}

#[test]
fn of_a_cells_quadrants_the_two_that_pay_most_are_taken_and_ties_go_to_the_lower() {
    let params = ScoringParams::default();
    let check = |weights: [u64; 4], expect: &[(Quadrant, u64)]| {
        let covers: Vec<Cover> = Quadrant::ALL
            .into_iter()
            .zip(weights)
            .map(|(quadrant, weight)| {
                (
                    Class::Low,
                    Unit {
                        cell: cell(0),
                        quadrant,
                    },
                    0,
                    Micros(weight),
                )
            })
            .collect();
        let weights = table(&covers);
        let rows = score(&weights, |_| Micros::ONE, &params).units;
        let own = own_weights(&weights, Class::Low, 0);
        let paid = account_units(&own, |unit| rows.get(&(Class::Low, unit)).copied(), &params);
        let paid: Vec<_> = paid
            .into_iter()
            .map(|(unit, pays)| (unit.quadrant, pays.get()))
            .collect();
        assert_eq!(paid, expect);
    };
    check([1, 2, 3, 4], &[(Quadrant::W, 4), (Quadrant::S, 3)]);
    check([7, 7, 7, 7], &[(Quadrant::N, 7), (Quadrant::E, 7)]);
    check([1, 9, 1, 1], &[(Quadrant::E, 9), (Quadrant::N, 1)]);
}

#[test]
fn a_unit_without_a_weight_pays_nothing() {
    let covers = [(
        Class::High,
        Unit {
            cell: cell(0),
            quadrant: Quadrant::N,
        },
        0,
        Micros::ZERO,
    )];
    let scores = score(&table(&covers), |_| Micros::ONE, &ScoringParams::default());
    assert_eq!(score_of(&scores, 0, Class::High), Micros::ZERO);
}

#[test]
fn a_freshness_or_weight_above_one_counts_as_one() {
    let unit = Unit {
        cell: cell(0),
        quadrant: Quadrant::N,
    };
    let weights = table(&[(Class::High, unit, 0, Micros(u64::MAX))]);
    let scores = score(&weights, |_| Micros(u64::MAX), &ScoringParams::default());
    assert_eq!(score_of(&scores, 0, Class::High), Micros::ONE);
}

proptest! {
    #[test]
    fn any_order_of_observations_gives_the_same_table(
        (given, shuffled) in covers().prop_flat_map(|covers| (Just(covers.clone()), Just(covers).prop_shuffle())),
    ) {
        prop_assert_eq!(table(&given), table(&shuffled));
    }

    #[test]
    fn an_observation_scored_twice_changes_nothing(covers in covers(), again in any::<prop::sample::Index>()) {
        let once = table(&covers);
        let mut twice = covers.clone();
        twice.extend(covers.get(again.index(covers.len().max(1))));
        prop_assert_eq!(once, table(&twice));
    }

    #[test]
    fn more_or_better_cover_never_lowers_ones_own_score(
        covers in covers(), more in (class(), unit(), ACCOUNTS, micros(1_000_000)), freshness in freshness(), params in params(),
    ) {
        let before = score(&table(&covers), at(&freshness), &params);
        let mut with_more = covers;
        with_more.push(more);
        let after = score(&table(&with_more), at(&freshness), &params);
        for class in Class::ALL {
            prop_assert!(score_of(&after, more.2, class) >= score_of(&before, more.2, class));
        }
    }

    #[test]
    fn a_lighter_observation_never_raises_ones_own_score(
        covers in covers(), which in any::<prop::sample::Index>(), lighter in micros(1_000_000), freshness in freshness(), params in params(),
    ) {
        prop_assume!(!covers.is_empty());
        let (class, _, account, weight) = covers[which.index(covers.len())];
        let before = score(&table(&covers), at(&freshness), &params);
        let mut earlier = covers.clone();
        earlier[which.index(covers.len())].3 = weight.min(lighter);
        let after = score(&table(&earlier), at(&freshness), &params);
        prop_assert!(score_of(&after, account, class) <= score_of(&before, account, class));
    }

    /// Floored, the bound of each unit is the stranger's share and one millionth.
    #[test]
    fn a_strangers_cover_costs_at_most_its_share(
        covers in covers(), class in class(), strange in prop::collection::btree_map(unit(), micros(1_000_000), 0..12),
        freshness in freshness(), params in params(),
    ) {
        let uncapped = ScoringParams { cap_micros: u64::MAX, ..params };
        let stranger = ACCOUNTS.end;
        let alone = table(&covers);
        let mut together = alone.clone();
        for (unit, weight) in &strange {
            together.add(class, *unit, &stranger, *weight);
        }
        let before = score(&alone, at(&freshness), &uncapped);
        let after = score(&together, at(&freshness), &uncapped);
        for account in ACCOUNTS {
            let own = own_weights(&alone, class, account);
            let paid = account_units(&own, |unit| before.units.get(&(class, unit)).copied(), &uncapped);
            let share = |unit| {
                let weight = strange.get(&unit).copied()?;
                Some(after.units.get(&(class, unit))?.share(weight).saturating_add(Micros(1)))
            };
            let bound: Micros = paid.iter().filter_map(|(unit, _)| share(*unit)).sum();
            prop_assert!(score_of(&after, account, class).saturating_add(bound) >= score_of(&before, account, class));
        }
    }

    #[test]
    fn a_unit_never_pays_more_than_freshness_times_the_greatest_weight(
        covers in covers(), freshness in freshness(), params in params(),
    ) {
        let weights = table(&covers);
        let scores = score(&weights, at(&freshness), &params);
        for ((class, unit), row) in &scores.units {
            let shares: Micros = weights.iter()
                .filter(|(of, at, _, _)| of == class && at == unit)
                .map(|(_, _, _, weight)| row.share(weight))
                .sum();
            prop_assert!(shares <= row.pays());
        }
        for class in Class::ALL {
            let bound: Micros = scores.units.iter().filter(|((of, _), _)| *of == class).map(|(_, row)| row.pays()).sum();
            let total: Micros = scores.accounts.values().map(|of| *of.get(class)).sum();
            prop_assert!(total <= bound);
        }
    }

    #[test]
    fn a_driver_repeats_his_score_from_his_weights_and_the_public_table(
        covers in covers(), freshness in freshness(), params in params(),
    ) {
        let weights = table(&covers);
        let scores = score(&weights, at(&freshness), &params);
        for account in ACCOUNTS {
            for class in Class::ALL {
                let own = own_weights(&weights, class, account);
                let paid = account_units(&own, |unit| scores.units.get(&(class, unit)).copied(), &params);
                prop_assert_eq!(capped_sum(&paid, &params), score_of(&scores, account, class));
            }
        }
    }
}
