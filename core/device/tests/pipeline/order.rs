//! The order of a drive's times.

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use wayhex_device::source::{Drive, Event};

use crate::scene::ZERO_MS;

/// What is played of pictures with these seconds, named in this order: seconds, and those that are told to go backwards.
fn played(seconds: &[u16]) -> (Vec<u64>, usize) {
    let dir = TempDir::new().unwrap();
    for (i, second) in seconds.iter().enumerate() {
        let json =
            json!({ "time": ZERO_MS + u64::from(*second) * 1_000, "lat": 46.95, "lon": 7.45 });
        std::fs::write(dir.path().join(format!("{i}.json")), json.to_string()).unwrap();
        std::fs::write(dir.path().join(format!("{i}.jpg")), "").unwrap();
    }
    let (mut times, mut backwards) = (Vec::new(), 0);
    for event in Drive::open(dir.path(), ZERO_MS + 100_000_000)
        .unwrap()
        .events()
    {
        match event {
            Event::Frame(frame) => times.push(frame.at_ns / 1_000_000_000 - ZERO_MS / 1_000),
            Event::Unusable(unusable) => {
                assert_eq!(unusable.reason.name(), "time_backwards");
                backwards += 1;
            }
            Event::Fix(_) | Event::Inertial(_) => {}
        }
    }
    (times, backwards)
}

#[test]
fn what_goes_back_is_dropped_and_not_what_it_went_back_behind() {
    assert_eq!(
        played(&[10, 20, 30, 40, 35, 50, 60]),
        (vec![10, 20, 30, 40, 50, 60], 1)
    );
}

/// When each of these pictures was captured, seconds, where the satellites say so many seconds beside the recorder's clock.
fn captured(ahead_s: &[i64]) -> Vec<i64> {
    let dir = TempDir::new().unwrap();
    for (i, ahead_s) in (0_i64..).zip(ahead_s) {
        let time = i64::try_from(ZERO_MS).unwrap() + i * 1_000;
        let json =
            json!({ "time": time, "gnss_time": time + ahead_s * 1_000, "lat": 46.95, "lon": 7.45 });
        std::fs::write(dir.path().join(format!("{i}.json")), json.to_string()).unwrap();
        std::fs::write(dir.path().join(format!("{i}.jpg")), "").unwrap();
    }
    let drive = Drive::open(dir.path(), ZERO_MS + 100_000_000).unwrap();
    let fixes = drive.events().filter_map(|event| match event {
        Event::Fix(fix) => fix.utc_ms,
        _ => None,
    });
    fixes
        .map(|utc_ms| {
            i64::try_from(utc_ms / 1_000).unwrap() - i64::try_from(ZERO_MS).unwrap() / 1_000
        })
        .collect()
}

#[test]
fn a_satellite_time_that_does_not_go_with_the_others_is_not_believed() {
    assert_eq!(captured(&[0, 0, 3_600, 0, 0]), [0, 1, 3, 4]);
    assert_eq!(captured(&[0, 0, -3_600, 0, 0]), [0, 1, 3, 4]);
    assert_eq!(captured(&[0, 0, 0, 0, -300_000_000]), [0, 1, 2, 3]);
    assert_eq!(
        captured(&[7_200, 7_200, 7_200, 0]),
        [7_200, 7_201, 7_202],
        "the recorder's clock was not set"
    );
    assert_eq!(
        captured(&[0, -2, -4, -6, -8]),
        [-1],
        "a clock that stands or runs back tells no time"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn times_are_played_rising_and_every_frame_is_told(seconds in prop::collection::vec(0_u16..50, 1..25)) {
        let (times, backwards) = played(&seconds);
        prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        prop_assert_eq!(times.len() + backwards, seconds.len());
        prop_assert!(!times.is_empty());
    }

    #[test]
    fn one_wrong_time_costs_one_frame(at in 0_usize..20, wrong in 0_u16..10_000) {
        let mut seconds: Vec<u16> = (0..20).map(|i| 1_000 + 10 * i).collect();
        seconds[at] = wrong;
        let (times, backwards) = played(&seconds);
        prop_assert!(times.len() >= 19, "{seconds:?}");
        prop_assert_eq!(times.len() + backwards, 20);
    }
}
