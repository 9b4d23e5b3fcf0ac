//! Freshness over many epochs.

use proptest::collection::vec;
use proptest::prelude::*;
use wayhex_protocol::freshness::{StoredFreshness, close, recovery};
use wayhex_protocol::micros::Micros;
use wayhex_protocol::params::ScoringParams;

use crate::draw::micros;

const DAY_S: u64 = 86_400;

#[test]
fn a_unit_covered_whole_is_back_after_a_week() {
    let params = ScoringParams::default();
    assert_eq!(
        close(Micros::ONE, Micros::ONE, DAY_S, &params),
        Micros(142_857)
    );
    let after_a_week = close(Micros::ONE, Micros::ONE, 7 * DAY_S, &params);
    assert_eq!(after_a_week, Micros::ONE);
    let next_day = close(Micros(300_000), Micros(500_000), DAY_S, &params);
    assert_eq!(
        next_day,
        Micros(292_857),
        "half of what was left is paid, and a seventh of the whole comes back"
    );
}

#[test]
fn a_unit_without_a_record_is_whole() {
    assert_eq!(StoredFreshness::opening_at(None, Micros(5)), Micros::ONE);
}

proptest! {
    #[test]
    fn freshness_stays_between_nothing_and_one(opening in micros(1_000_000), greatest in micros(u64::MAX), length_s: u64, recovery_s: u64) {
        let params = ScoringParams { freshness_recovery_s: recovery_s, ..ScoringParams::default() };
        prop_assert!(close(opening, greatest, length_s, &params) <= Micros::ONE);
    }

    #[test]
    fn a_unit_that_nobody_covers_only_recovers(opening in micros(1_000_000), length_s: u64) {
        prop_assert!(close(opening, Micros::ZERO, length_s, &ScoringParams::default()) >= opening);
    }

    /// What a unit pays over any number of epochs is what it was and what it recovered, whoever covers it and how well.
    #[test]
    fn a_unit_pays_no_more_than_it_was_and_recovered(greatest in vec(micros(1_000_000), 0..60)) {
        let params = ScoringParams::default();
        let (mut opening, mut paid) = (Micros::ONE, Micros::ZERO);
        for &weight in &greatest {
            paid = paid.saturating_add(opening.times(weight));
            opening = close(opening, weight, DAY_S, &params);
        }
        let given: Micros = greatest.iter().map(|_| recovery(DAY_S, &params)).sum();
        prop_assert!(paid.saturating_add(opening) <= Micros::ONE.saturating_add(given));
    }

    /// One who covers a unit every day never earns less for covering it better.
    #[test]
    fn better_cover_every_day_earns_no_less_in_the_long_run(
        worse in 0..1_000_000_u64, better in 0..1_000_000_u64, days in 1..100_usize,
    ) {
        let params = ScoringParams::default();
        let earned = |weight: u64| {
            let mut opening = Micros::ONE;
            (0..days).map(|_| {
                let pays = opening.times(Micros(weight));
                opening = close(opening, Micros(weight), DAY_S, &params);
                pays
            }).sum::<Micros>()
        };
        // Each day's floors may differ by a millionth.
        let slack = Micros(2 * u64::try_from(days).unwrap());
        prop_assert!(earned(worse.min(better)) <= earned(worse.max(better)).saturating_add(slack));
    }

    /// A store that writes only units that were covered opens every epoch with the same F as one that writes all.
    #[test]
    fn recovery_read_off_a_running_sum_equals_recovery_epoch_by_epoch(
        epochs in vec((prop_oneof![2 => Just(None), 1 => micros(1_000_000).prop_map(Some)], 0..3 * DAY_S), 0..60),
    ) {
        let params = ScoringParams::default();
        let mut stepwise = Micros::ONE;
        let mut recovered = Micros::ZERO;
        let mut stored = None;
        for (covered, length_s) in epochs {
            let opening = StoredFreshness::opening_at(stored, recovered);
            prop_assert_eq!(opening, stepwise);
            stepwise = close(stepwise, covered.unwrap_or_default(), length_s, &params);
            recovered = recovered.saturating_add(recovery(length_s, &params));
            if let Some(greatest) = covered {
                stored = Some(StoredFreshness { opening: close(opening, greatest, length_s, &params), recovered });
            }
        }
        prop_assert_eq!(StoredFreshness::opening_at(stored, recovered), stepwise);
    }
}
