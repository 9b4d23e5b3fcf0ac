//! The spacing law: 7.5 m from the last kept frame, doubled above 24 m/s until below 22 m/s; and which fixes are believed.

use proptest::prelude::*;
use wayhex_device::source::{Event, Fix};

use crate::scene::{captured, fix, fix_event, frame, position, straight};

/// East with these speeds, a second each; a frame with every fix.
fn ride(speeds: &[f64]) -> (Vec<Event>, Vec<(f64, f64)>) {
    let (mut east_m, mut t_s) = (0.0, 1.0);
    let (mut events, mut passed) = (Vec::new(), Vec::new());
    for speed in std::iter::once(&0.0).chain(speeds) {
        east_m += speed;
        events.extend([fix_event(t_s, east_m, 0.0), frame(t_s)]);
        passed.push((east_m, *speed));
        t_s += 1.0;
    }
    (events, passed)
}

/// The law, written down a second time.
fn kept_by_law(passed: &[(f64, f64)]) -> Vec<String> {
    let (mut is_fast, mut last): (bool, Option<f64>) = (false, None);
    let mut kept = Vec::new();
    for (i, (east_m, speed)) in passed.iter().enumerate() {
        is_fast = if is_fast {
            *speed >= 22.0
        } else {
            *speed > 24.0
        };
        let spacing_m = if is_fast { 15.0 } else { 7.5 };
        let stands = i > 0 && *speed < 0.5;
        if !stands && last.is_none_or(|last| east_m - last >= spacing_m) {
            last = Some(*east_m);
            kept.push(format!(
                "at-{:.1}",
                f64::from(u32::try_from(i).unwrap()) + 1.0
            ));
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn frames_are_kept_by_the_spacing_law(tenths in prop::collection::vec(0_u16..300, 1..40)) {
        // Off the thresholds by more than a fix is rounded.
        let speeds: Vec<f64> = tenths.iter().map(|tenths| f64::from(*tenths) / 10.0 + 0.03).collect();
        let (events, passed) = ride(&speeds);
        let seen = captured(events);
        prop_assert_eq!(seen.sources(), kept_by_law(&passed));
    }

    #[test]
    fn every_segment_is_lawful_and_begins_where_the_last_ended(speeds in prop::collection::vec(8.0_f64..30.0, 2..30)) {
        let seen = captured(ride(&speeds).0);
        for pair in seen.kept.windows(2) {
            prop_assert!(pair[1].segment().facts().is_ok());
            prop_assert_eq!(pair[1].segment().vertices()[0].position, pair[0].place());
        }
    }
}

#[test]
fn the_spacing_is_doubled_above_24_and_single_again_below_22() {
    let sources = |speeds: &[f64]| captured(ride(speeds).0).kept.len();
    // 12 m a frame at half-second steps would be too close; here each step is a second, so 14 m need the doubled spacing.
    assert_eq!(
        sources(&[25.0, 14.0, 14.0]),
        4,
        "below 22 m/s every 14 m are kept"
    );
    let (events, passed) = ride(&[25.0, 23.0, 21.9, 23.9, 24.1]);
    assert_eq!(captured(events).sources(), kept_by_law(&passed));
}

/// Frames with every fix, a second apart, at these places east of the origin.
fn kept_at(places_m: &[f64]) -> Vec<usize> {
    let events = places_m.iter().zip(1_u8..).flat_map(|(east_m, t)| {
        let t_s = f64::from(t);
        [fix_event(t_s, *east_m, 0.0), frame(t_s)]
    });
    let seen = captured(events);
    let others: Vec<_> = seen
        .reasons()
        .into_iter()
        .filter(|(_, reason)| *reason != "implausible_position")
        .collect();
    assert_eq!(others, []);
    seen.kept
        .iter()
        .map(|kept| usize::try_from(kept.index()).unwrap())
        .collect()
}

#[test]
fn a_fix_that_cannot_follow_from_its_neighbours_is_not_believed() {
    assert_eq!(
        kept_at(&[0.0, 10.0, 900.0, 30.0, 40.0]),
        [0, 1, 3, 4],
        "one in the middle"
    );
    assert_eq!(kept_at(&[900.0, 10.0, 20.0, 30.0]), [1, 2, 3], "the first");
    assert_eq!(kept_at(&[0.0, 10.0, 20.0, 900.0]), [0, 1, 2], "the last");
    assert_eq!(
        kept_at(&[0.0, 10.0, 900.0, 910.0, 920.0, 60.0, 70.0]),
        [0, 1, 5, 6],
        "a run there and back"
    );
    assert_eq!(
        kept_at(&[0.0, 10.0, 900.0, -900.0, 40.0, 50.0]),
        [0, 1, 4, 5],
        "two that do not agree either"
    );
    assert_eq!(kept_at(&[0.0, 900.0]), [] as [usize; 0], "of two, neither");
    assert_eq!(kept_at(&[0.0]), [0], "one alone contradicts nothing");
}

#[test]
fn a_long_run_is_believed_against_the_one_before() {
    let wrong = [0.0, 10.0, 20.0];
    let right = (0..12_u8).map(|step| 5_000.0 + 10.0 * f64::from(step));
    let places: Vec<f64> = wrong.into_iter().chain(right).collect();
    assert_eq!(kept_at(&places), (3..15).collect::<Vec<_>>());
}

#[test]
fn a_leap_that_lasts_is_believed_with_the_way_before_it() {
    let before = (0..12_u8).map(|step| 10.0 * f64::from(step));
    let after = (0..12_u8).map(|step| 300.0 + 10.0 * f64::from(step));
    let places: Vec<f64> = before.chain(after).collect();
    assert_eq!(
        kept_at(&places),
        (0..24).collect::<Vec<_>>(),
        "each has a neighbour that it follows from"
    );
    let far = (0..12_u8).map(|step| 5_000.0 + 10.0 * f64::from(step));
    let places: Vec<f64> = (0..12_u8)
        .map(|step| 10.0 * f64::from(step))
        .chain(far)
        .collect();
    assert_eq!(kept_at(&places), (0..24).collect::<Vec<_>>());
}

#[test]
fn a_fix_too_far_from_one_neighbour_alone_is_believed() {
    assert_eq!(kept_at(&[0.0, 10.0, 100.0, 60.0, 75.0]), [0, 1, 2, 3, 4]);
}

#[test]
fn a_way_that_goes_on_far_behind_a_gap_is_believed_at_once() {
    // Four minutes without satellites, six kilometres: 25 m/s.
    let mut events = straight(100.0, 10.0, 1.0);
    for step in 0..3_u8 {
        let t_s = 251.0 + f64::from(step);
        events.extend([
            fix_event(t_s, 6_100.0 + 10.0 * f64::from(step), 0.0),
            frame(t_s),
        ]);
    }
    let seen = captured(events);
    assert_eq!(
        seen.sources()[seen.kept.len() - 3..],
        ["at-251.0", "at-252.0", "at-253.0"]
    );
    assert!(seen.dropped.is_empty(), "{:?}", seen.reasons());
}

#[test]
fn a_place_cut_to_a_whole_degree_is_not_believed() {
    let mut events = Vec::new();
    for t in 1..=6_u8 {
        let fix = fix(f64::from(t), 10.0 * f64::from(t), 10.0 * f64::from(t));
        let cut = if t % 3 == 0 {
            Fix {
                lon_deg: fix.lon_deg.trunc(),
                ..fix
            }
        } else {
            fix
        };
        events.extend([Event::Fix(cut), frame(f64::from(t))]);
    }
    let seen = captured(events);
    assert_eq!(seen.sources(), ["at-1.0", "at-2.0", "at-4.0", "at-5.0"]);
    assert_eq!(
        seen.reasons(),
        [
            ("at-3.0", "implausible_position"),
            ("at-6.0", "implausible_position")
        ]
    );
}

#[test]
fn a_drive_cut_to_whole_degrees_altogether_leaves_nothing() {
    let cut = |event| match event {
        Event::Fix(fix) => Event::Fix(Fix {
            lon_deg: fix.lon_deg.trunc(),
            ..fix
        }),
        other => other,
    };
    let seen = captured(straight(300.0, 10.0, 1.0).into_iter().map(cut));
    assert!(seen.kept.is_empty());
    assert!(
        seen.reasons()
            .iter()
            .all(|(_, reason)| *reason == "implausible_position")
    );
}

#[test]
fn no_segment_leads_through_a_fix_that_is_not_believed() {
    let mut events = vec![
        fix_event(1.0, 0.0, 0.0),
        frame(1.0),
        fix_event(1.5, 5.0, 0.0),
    ];
    let poor = Fix {
        accuracy_m: Some(500.0),
        ..fix(1.8, 8.0, 120.0)
    };
    events.extend([
        fix_event(1.6, 6.0, 300.0),
        Event::Fix(poor),
        fix_event(2.0, 10.0, 0.0),
        frame(2.0),
    ]);
    let seen = captured(events);
    let vertices: Vec<_> = seen.kept[1]
        .segment()
        .vertices()
        .iter()
        .map(|vertex| vertex.position)
        .collect();
    assert_eq!(
        vertices,
        [position(0.0, 0.0), position(5.0, 0.0), position(10.0, 0.0)]
    );
}
