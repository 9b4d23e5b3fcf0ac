//! The weight of one observation.

use proptest::prelude::*;
use wayhex_protocol::micros::Micros;
use wayhex_protocol::params::ScoringParams;
use wayhex_protocol::weight::{Class, Trust, latency, quality_micros, weight};

const HOUR_MS: i64 = 3_600_000;

fn trust() -> impl Strategy<Value = Trust> {
    prop_oneof![
        Just(Trust::Failed),
        Just(Trust::Quarter),
        Just(Trust::Half),
        Just(Trust::Full)
    ]
}

#[test]
fn latency_is_whole_for_a_day_and_half_at_ten() {
    let params = ScoringParams::default();
    let check =
        |age_ms, expect| assert_eq!(latency(age_ms, &params), Micros(expect), "{age_ms} ms");
    check(-1, 0);
    check(i64::MIN, 0);
    check(0, 1_000_000);
    check(24 * HOUR_MS, 1_000_000);
    check(24 * HOUR_MS + 1, 999_999);
    check(132 * HOUR_MS, 750_000);
    check(240 * HOUR_MS, 500_000);
    check(i64::MAX, 500_000);
}

#[test]
fn the_least_ground_of_trust_decides_the_class() {
    assert_eq!(Trust::Full.min(Trust::Quarter).class(), Some(Class::Low));
    assert_eq!(Trust::Full.min(Trust::Half).class(), Some(Class::High));
    assert_eq!(Trust::Quarter.min(Trust::Failed).class(), None);
    assert_eq!(Trust::Half.micros(), Micros(500_000));
}

#[test]
fn a_perfect_observation_weighs_one() {
    assert_eq!(quality_micros(255), Micros::ONE);
    assert_eq!(quality_micros(1), Micros(3_921));
    assert_eq!(
        weight(255, Trust::Full, 0, &ScoringParams::default()),
        Micros::ONE
    );
    assert_eq!(
        weight(
            128,
            Trust::Quarter,
            132 * HOUR_MS,
            &ScoringParams::default()
        ),
        Micros(94_117)
    );
}

proptest! {
    #[test]
    fn a_capture_time_claimed_earlier_never_weighs_more(quality: u8, trust in trust(), age in 0..i64::MAX / 2, earlier in 0..20 * 24 * HOUR_MS) {
        let params = ScoringParams::default();
        prop_assert!(weight(quality, trust, age + earlier, &params) <= weight(quality, trust, age, &params));
    }

    #[test]
    fn more_quality_and_more_trust_never_weigh_less(a: u8, b: u8, ta in trust(), tb in trust(), age in 0..10 * 24 * HOUR_MS) {
        let params = ScoringParams::default();
        let less = weight(a.min(b), ta.min(tb), age, &params);
        prop_assert!(less <= weight(a.max(b), ta.max(tb), age, &params));
    }

    #[test]
    fn no_policy_makes_a_weight_above_one(quality: u8, trust in trust(), age: i64, full: u64, last: u64, floor: u64) {
        let params = ScoringParams { latency_full_ms: full, latency_floor_at_ms: last, latency_floor_micros: floor, ..ScoringParams::default() };
        prop_assert!(weight(quality, trust, age, &params) <= Micros::ONE);
    }
}
