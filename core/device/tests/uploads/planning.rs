//! The pure decisions.

use proptest::prelude::*;
use wayhex_device::ports::NetworkKind;
use wayhex_device::queue::Pending;
use wayhex_device::upload::plan::{
    BACKOFF_BASE_MS, BACKOFF_MAX_MS, Hold, Rules, Situation, Step, UnderWay, backoff_ms, next_step,
};
use wayhex_protocol::id::ObservationId;
use wayhex_protocol::limits::{BATCH_BYTES_MAX, BATCH_ITEMS_MAX};

fn pending(sizes: &[u64]) -> Vec<Pending> {
    let item = |(i, &size_bytes): (usize, &u64)| Pending {
        id: ObservationId([u8::try_from(i).unwrap(); 32]),
        size_bytes,
        attempts: 0,
    };
    sizes.iter().enumerate().map(item).collect()
}

fn situation(sendable: &[Pending]) -> Situation<'_> {
    Situation {
        now_ms: 1_000,
        failures: 0,
        not_before_ms: 0,
        room: Ok(u64::MAX),
        under_way: None,
        sendable,
        next_sendable_ms: (!sendable.is_empty()).then_some(0),
        held: 0,
    }
}

fn sent(situation: &Situation<'_>) -> usize {
    match next_step(situation) {
        Step::Send(items) => items.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_may_be_sent_where_a_rule_forbids_it() {
    let wifi_only = Rules {
        wifi_only: true,
        data_cap_bytes: None,
    };
    let capped = Rules {
        wifi_only: false,
        data_cap_bytes: Some(1_000),
    };
    for (rules, network, month_bytes, room) in [
        (wifi_only, NetworkKind::Wifi, 0, Ok(u64::MAX)),
        (wifi_only, NetworkKind::Metered, 0, Err(Hold::WifiOnly)),
        (Rules::default(), NetworkKind::Metered, 0, Ok(u64::MAX)),
        (
            Rules::default(),
            NetworkKind::Offline,
            0,
            Err(Hold::Offline),
        ),
        (capped, NetworkKind::Wifi, 400, Ok(600)),
        (capped, NetworkKind::Wifi, 1_000, Err(Hold::DataCap)),
    ] {
        assert_eq!(rules.room(network, month_bytes), room);
    }
    let items = pending(&[1_000]);
    let held = Situation {
        room: Err(Hold::WifiOnly),
        ..situation(&items)
    };
    assert_eq!(next_step(&held), Step::Held(Hold::WifiOnly));
    let poor = Situation {
        room: Ok(999),
        ..situation(&items)
    };
    assert_eq!(next_step(&poor), Step::Held(Hold::DataCap));
}

#[test]
fn a_batch_halves_with_each_failure_down_to_one_item() {
    let items = pending(&[1_000; BATCH_ITEMS_MAX]);
    for (failures, size) in [(0, 64), (1, 32), (2, 16), (5, 2), (6, 1), (7, 1), (200, 1)] {
        assert_eq!(
            sent(&Situation {
                failures,
                ..situation(&items)
            }),
            size
        );
    }
}

#[test]
fn an_upload_that_may_have_arrived_is_asked_for_before_anything_is_sent() {
    let items = pending(&[1_000]);
    for (under_way, step) in [
        (UnderWay::Doubtful, Step::Ask),
        (UnderWay::Unsent, Step::SendFrozen),
    ] {
        let at = Situation {
            under_way: Some(under_way),
            ..situation(&items)
        };
        assert_eq!(next_step(&at), step);
        let waiting = Situation {
            not_before_ms: 1_001,
            ..at
        };
        assert_eq!(next_step(&waiting), Step::Wait(1_001));
    }
}

#[test]
fn nothing_pending_is_idle_and_what_is_put_off_is_waited_for() {
    assert_eq!(next_step(&situation(&[])), Step::Idle);
    let put_off = Situation {
        next_sendable_ms: Some(5_000),
        ..situation(&[])
    };
    assert_eq!(next_step(&put_off), Step::Wait(5_000));
}

#[test]
fn the_bound_of_a_wait_doubles_up_to_a_quarter_of_an_hour() {
    for (failures, bound_ms) in [
        (1, 1_000),
        (2, 2_000),
        (3, 4_000),
        (10, 512_000),
        (11, BACKOFF_MAX_MS),
        (12, BACKOFF_MAX_MS),
        (64, BACKOFF_MAX_MS),
        (65, BACKOFF_MAX_MS),
        (u32::MAX, BACKOFF_MAX_MS),
    ] {
        assert_eq!(backoff_ms(failures, bound_ms), bound_ms, "{failures}");
        assert_eq!(backoff_ms(failures, bound_ms + 1), 0, "{failures}");
    }
}

proptest! {
    #[test]
    fn a_batch_keeps_its_limits_and_is_never_empty(
        sizes in prop::collection::vec(1_u64..3_000_000, 1..64),
        failures in 0_u32..10,
    ) {
        let items = pending(&sizes);
        let count = sent(&Situation { failures, ..situation(&items) });
        let bytes: u64 = sizes[..count].iter().sum();
        prop_assert!((1..=BATCH_ITEMS_MAX).contains(&count));
        prop_assert!(count == 1 || bytes <= (BATCH_BYTES_MAX >> failures) as u64);
    }

    #[test]
    fn a_batch_costs_no_more_than_the_room_that_is_left(
        sizes in prop::collection::vec(1_u64..500_000, 1..64),
        room in 100_000_u64..10_000_000,
    ) {
        let items = pending(&sizes);
        match next_step(&Situation { room: Ok(room), ..situation(&items) }) {
            Step::Send(sent) => {
                let bytes: u64 = sizes[..sent.len()].iter().sum();
                prop_assert!(bytes < room);
            }
            step => prop_assert_eq!(step, Step::Held(Hold::DataCap)),
        }
    }

    #[test]
    fn a_wait_is_drawn_from_nothing_to_a_bound_that_doubles(failures in 1_u32..100, dice: u64) {
        let doubled = BACKOFF_BASE_MS.saturating_mul(1_u64.checked_shl(failures - 1).unwrap_or(u64::MAX));
        let longest = doubled.min(BACKOFF_MAX_MS);
        prop_assert!(backoff_ms(failures, dice) <= longest);
        prop_assert_eq!(backoff_ms(failures, dice % (longest + 1)), dice % (longest + 1));
        prop_assert_eq!(backoff_ms(failures, longest), longest);
        prop_assert_eq!(backoff_ms(failures, longest + 1), 0);
        prop_assert_eq!(backoff_ms(0, dice), 0);
    }
}
