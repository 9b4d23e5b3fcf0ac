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
