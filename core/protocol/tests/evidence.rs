//! The evidence of an epoch: one encoding, recomputed from itself alone, and every contradiction named.

use std::collections::BTreeMap;

use proptest::prelude::*;
use wayhex_protocol::account::Account;
use wayhex_protocol::cbor::{Wire, decode_exact};
use wayhex_protocol::claims::Claims;
use wayhex_protocol::evidence::{Counted, Evidence, EvidenceFault, Facts, Tables, recompute};
use wayhex_protocol::id::{NetworkId, ObservationId};
use wayhex_protocol::micros::Micros;
use wayhex_protocol::policy::Policy;
use wayhex_protocol::unit::{CELL_RESOLUTION, CellId, Quadrant, Unit};
use wayhex_protocol::weight::Class;

const OPENED_MS: u64 = 1_790_000_000_000;
const DAY_MS: u64 = 86_400_000;

fn account(number: u8) -> Account {
    Account::parse(&format!("eip155:1:0x{number:040x}")).expect("CAIP-10")
}

fn unit(number: usize) -> Unit {
    let centre = h3o::LatLng::new(37.7749, -122.4194).expect("a legal position");
    let cells = centre.to_cell(CELL_RESOLUTION).grid_disk::<Vec<_>>(3);
    Unit {
        cell: CellId::from(cells[number]),
        quadrant: Quadrant::E,
    }
}

fn counted(id: u8, of: u8, class: Class, weight: u64, units: &[usize]) -> Counted {
    Counted {
        id: ObservationId([id; 32]),
        account: account(of),
        class: Some(class),
        weight: Micros(weight),
        units: units.iter().map(|number| unit(*number)).collect(),
    }
}

fn two_drivers() -> Vec<Counted> {
    vec![
        counted(1, 1, Class::High, 800_000, &[0, 1, 2]),
        counted(2, 1, Class::High, 500_000, &[2, 3]),
        counted(3, 2, Class::Low, 250_000, &[3, 4]),
        counted(4, 2, Class::Low, 200_000, &[]),
        counted(5, 3, Class::High, 400_000, &[2]),
    ]
}

fn facts(observations: &[Counted]) -> Facts {
    let network = NetworkId::parse("test").expect("a network id");
    let mut policy = Policy::genesis(network.clone());
    policy.parameters.claim_delay_epochs = 1;
    Facts {
        network,
        epoch: 1,
        opened_ms: OPENED_MS,
        closed_ms: OPENED_MS + DAY_MS + 999,
        policy,
        previous: None,
        burnt: Micros::ZERO,
        corrections: BTreeMap::new(),
        claims: Claims::default(),
        tables: Tables::of(observations, |_| Micros::ONE),
    }
}

fn evidence(facts: Facts) -> Evidence {
    let claimed = facts.conclude().expect("facts that agree").results;
    Evidence { facts, claimed }
}

fn following(first: &Evidence) -> Evidence {
    let left = recompute(first).expect("facts that agree").outcome;
    let opening = |unit| left.freshness.get(&unit).copied().unwrap_or(Micros::ONE);
    let observations = [counted(9, 1, Class::High, 900_000, &[2, 7])];
    evidence(Facts {
        epoch: 2,
        opened_ms: first.facts.closed_ms,
        closed_ms: first.facts.closed_ms + DAY_MS,
        previous: Some(first.sealed().1),
        corrections: BTreeMap::from([(account(2), Micros(10))]),
        claims: left.claims.clone(),
        tables: Tables::of(&observations, opening),
        ..facts(&[])
    })
}

fn faulty(change: impl FnOnce(&mut Facts)) -> EvidenceFault {
    let mut changed = evidence(facts(&two_drivers()));
    change(&mut changed.facts);
    recompute(&changed).expect_err("facts that contradict themselves")
}

#[test]
fn evidence_is_read_back_as_it_was_written_and_recomputes_to_its_claims() {
    let first = evidence(facts(&two_drivers()));
    for document in [following(&first), first, evidence(facts(&[]))] {
        let (bytes, _) = document.sealed();
        let read: Evidence = decode_exact(&bytes).expect("its own encoding");
        assert_eq!(read, document);
        let recomputed = recompute(&read).expect("facts that agree");
        assert_eq!(read.claimed.difference(&recomputed.results), None);
    }
}

#[test]
fn length_and_number_of_observations_follow_from_the_facts() {
    let facts = facts(&two_drivers());
    assert_eq!(facts.length_s(), 86_400);
    assert_eq!(facts.observations(), 5);
    let results = facts.conclude().expect("facts that agree").results;
    assert_eq!(
        results.paid().saturating_add(results.treasury),
        results.pool
    );
}

proptest! {
    #[test]
    fn any_order_of_observations_gives_the_same_bytes(order in Just(two_drivers()).prop_shuffle(), again in 0..5_usize) {
        let mut observations = order;
        observations.push(observations[again].clone());
        prop_assert_eq!(
            evidence(facts(&observations)).to_bytes(),
            evidence(facts(&two_drivers())).to_bytes()
        );
    }

    #[test]
    fn a_flipped_byte_never_passes_as_the_same_evidence(place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let document = evidence(facts(&two_drivers()));
        let (mut bytes, hash) = document.sealed();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        prop_assert_ne!(Evidence::hash_of(&bytes), hash);
        if let Ok(read) = decode_exact::<Evidence>(&bytes) {
            prop_assert_ne!(read, document);
        }
    }

    #[test]
    fn evidence_cut_short_is_refused(place in any::<prop::sample::Index>()) {
        let (bytes, _) = evidence(facts(&two_drivers())).sealed();
        prop_assert!(decode_exact::<Evidence>(&bytes[..place.index(bytes.len())]).is_err());
    }
}

#[test]
fn the_first_difference_is_named() {
    let check = |change: fn(&mut Evidence), expect: &str| {
        let mut document = evidence(facts(&two_drivers()));
        change(&mut document);
        let recomputed = recompute(&document).expect("facts that agree");
        let difference = document.claimed.difference(&recomputed.results);
        let subject = difference.expect("a difference").subject;
        assert!(subject.starts_with(expect), "{subject}");
    };
    check(|e| e.claimed.treasury = Micros(1), "treasury");
    check(|e| e.claimed.root[0] ^= 1, "root");
    check(|e| e.claimed.freshness.clear(), "next freshness of");
    check(
        |e| e.claimed.accounts.retain(|of, _| *of != account(2)),
        "scores and payouts of eip155:1:0x0000000000000000000000000000000000000002",
    );
    check(|e| e.facts.burnt = Micros(4_000_000), "pool");
}

#[test]
fn what_contradicts_itself_is_an_error_of_the_evidence() {
    assert_eq!(
        faulty(|facts| facts.tables.accounts[1].observations[0] = ObservationId([1; 32])),
        EvidenceFault::CountedTwice {
            id: ObservationId([1; 32])
        }
    );
    assert_eq!(
        faulty(|facts| {
            let low = facts.tables.units[&unit(0)].covers.high.clone();
            facts
                .tables
                .units
                .get_mut(&unit(1))
                .expect("touched")
                .covers
                .low = low;
        }),
        EvidenceFault::CountedTwice {
            id: ObservationId([1; 32])
        }
    );
    assert_eq!(
        faulty(|facts| {
            let of = facts.tables.units.get_mut(&unit(0)).expect("touched");
            of.covers.high[0].weight = Micros(1_000_001);
        }),
        EvidenceFault::AboveOne {
            unit: unit(0),
            micros: Micros(1_000_001)
        }
    );
    assert_eq!(
        faulty(|facts| {
            let of = facts.tables.units.get_mut(&unit(0)).expect("touched");
            of.covers.high[0].observations.clear();
        }),
        EvidenceFault::Baseless { unit: unit(0) }
    );
    assert_eq!(
        faulty(|facts| facts.closed_ms = 0),
        EvidenceFault::Backwards
    );
    assert_eq!(
        faulty(|facts| facts.policy.valid_from_ms = OPENED_MS + 1),
        EvidenceFault::Policy
    );
    let dangling = |change: fn(&mut Facts)| {
        assert!(matches!(faulty(change), EvidenceFault::Order { .. }));
    };
    dangling(|facts| facts.tables.accounts.reverse());
    dangling(|facts| facts.tables.accounts.truncate(1));
    dangling(|facts| facts.tables.accounts[0].observations.reverse());
    dangling(|facts| facts.tables.accounts[0].observations.truncate(1));
}

#[test]
fn evidence_begins_with_what_the_one_before_it_left() {
    let first = evidence(facts(&two_drivers()));
    let (_, hash) = first.sealed();
    let second = following(&first);
    assert_eq!(second.break_after(&first, hash), Ok(None));
    let check = |change: fn(&mut Facts), expect: &str| {
        let mut second = second.clone();
        change(&mut second.facts);
        let found = second.break_after(&first, hash).expect("facts that agree");
        let subject = found.expect("a difference").subject;
        assert!(subject.starts_with(expect), "{subject}");
    };
    check(
        |facts| facts.previous = None,
        "hash of the previous evidence",
    );
    check(|facts| facts.epoch = 3, "epoch");
    check(|facts| facts.opened_ms += 1, "opening time");
    check(
        |facts| facts.claims.pending.clear(),
        "opening claims, pending until 2 for",
    );
    check(
        |facts| facts.claims.balances.clear(),
        "opening claims, balance of",
    );
    check(
        |facts| {
            facts
                .tables
                .units
                .get_mut(&unit(2))
                .expect("touched")
                .freshness = Micros::ONE;
        },
        "opening freshness of",
    );
}
