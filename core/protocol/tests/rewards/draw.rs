//! Random epochs, small enough that accounts meet in the same units all the time.

use std::collections::BTreeMap;
use std::ops::Range;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use wayhex_protocol::micros::Micros;
use wayhex_protocol::params::ScoringParams;
use wayhex_protocol::score::EpochWeights;
use wayhex_protocol::unit::{CellId, Quadrant, Unit};
use wayhex_protocol::weight::Class;

pub const ACCOUNTS: Range<u8> = 0..5;

/// One observation's cover of one unit.
pub type Cover = (Class, Unit, u8, Micros);

/// One of seven neighbouring cells in San Francisco, 0 to 6.
pub fn cell(number: u8) -> CellId {
    let centre = h3o::LatLng::new(37.7749, -122.4194).expect("a legal position");
    let cells = centre
        .to_cell(wayhex_protocol::unit::CELL_RESOLUTION)
        .grid_disk::<Vec<_>>(1);
    CellId::from(cells[usize::from(number)])
}

pub fn unit() -> impl Strategy<Value = Unit> {
    (0..3_u8, 0..4_u8).prop_map(|(number, quadrant)| Unit {
        cell: cell(number),
        quadrant: Quadrant::from_number(quadrant).expect("0 to 3"),
    })
}

pub fn micros(most: u64) -> impl Strategy<Value = Micros> {
    prop_oneof![3 => 0..=most, 1 => Just(most), 1 => Just(0)].prop_map(Micros)
}

pub fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::High), Just(Class::Low)]
}

pub fn covers() -> impl Strategy<Value = Vec<Cover>> {
    vec((class(), unit(), ACCOUNTS, micros(1_000_000)), 0..40)
}

/// F for some of the units; the others are 1.0.
pub fn freshness() -> impl Strategy<Value = BTreeMap<Unit, Micros>> {
    btree_map(unit(), micros(1_000_000), 0..12)
}

/// Policies in which sometimes the rate binds, sometimes the pool, sometimes the cap.
pub fn params() -> impl Strategy<Value = ScoringParams> {
    let cap = prop_oneof![Just(5_000_000_000), 0..3_000_000_u64];
    let emission = prop_oneof![Just(10_000_000_000), 0..3_000_000_u64];
    (cap, emission, 0..3_000_000_u64, 0..=1_000_000_u64, 0..=4_u8).prop_map(
        |(cap, emission, rate, high, quadrants)| ScoringParams {
            cap_micros: cap,
            emission_micros: emission,
            rate_micros: rate,
            high_share_micros: high,
            quadrants_paid: quadrants,
            ..ScoringParams::default()
        },
    )
}

pub fn table(covers: &[Cover]) -> EpochWeights<u8> {
    let mut weights = EpochWeights::new();
    for (class, unit, account, weight) in covers {
        weights.add(*class, *unit, account, *weight);
    }
    weights
}

pub fn at(freshness: &BTreeMap<Unit, Micros>) -> impl Fn(Unit) -> Micros {
    |unit| freshness.get(&unit).copied().unwrap_or(Micros::ONE)
}
