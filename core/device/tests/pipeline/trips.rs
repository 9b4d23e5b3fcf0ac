//! The trimmed ends of trips.

use wayhex_device::capture::Capture;
use wayhex_device::privacy::{
    BrokenOff, Going, Privacy, PrivacyOutcome, Trim, TrimError, TripKind, Zones,
};
use wayhex_device::source::Event;

use crate::scene::{
    Finds, Told, fix_event, frame, ns, position, privacy_with, settings, straight, told, untrimmed,
};

fn trimmed(trim: Trim, events: Vec<Event>) -> Told {
    told(
        privacy_with(trim, Zones::default(), Finds(Vec::new())),
        events,
    )
}

fn exact(metres: u32) -> Trim {
    Trim::exact(metres, TripKind::Live).unwrap()
}

#[test]
fn both_ends_of_a_trip_are_cut() {
    let told = trimmed(exact(100), straight(500.0, 10.0, 2.0));
    let (start, end) = (position(0.0, 0.0), position(500.0, 0.0));
    assert!(!told.released.is_empty());
    for released in &told.released {
        for vertex in released.segment().vertices() {
            assert!(
                vertex.position.distance_m(start) >= 100.0,
                "{}",
                released.source()
            );
        }
        assert!(
            released.segment().place().distance_m(end) >= 100.0,
            "{}",
            released.source()
        );
    }
    let places = told
        .released
        .iter()
        .map(|released| released.segment().place().distance_m(start));
    let (first, last) = (
        places.clone().fold(f64::MAX, f64::min),
        places.fold(0.0, f64::max),
    );
    assert!(
        first < 115.0 && last > 385.0,
        "no more than that: {first} to {last}"
    );
}

#[test]
fn a_way_that_leads_by_the_end_is_not_told_either() {
    // East, a frame each 50 m, and then in a bow back to beside the way: far from the last frame, near what its segment tells.
    let east = (0..=35_u8).map(|step| (10.0 * f64::from(step), 0.0));
    let bow = [
        (343.0, 30.0),
        (337.0, 60.0),
        (330.0, 90.0),
        (320.0, 90.0),
        (310.0, 90.0),
        (300.0, 90.0),
        (290.0, 87.0),
        (280.0, 83.0),
        (270.0, 80.0),
    ];
    let mut events = Vec::new();
    for (step, (east_m, north_m)) in (0..45_u8).zip(east.chain(bow)) {
        let t_s = 1.0 + f64::from(step);
        events.push(fix_event(t_s, east_m, north_m));
        if step <= 35 && step % 5 == 0 {
            events.push(frame(t_s));
        }
    }
    let told = trimmed(exact(100), events);
    let (start, end) = (position(0.0, 0.0), position(270.0, 80.0));
    assert!(position(350.0, 0.0).distance_m(end) > 100.0);
    let ways = told.released.iter().map(|it| it.segment().vertices());
    let east_m = ways
        .flatten()
        .map(|vertex| vertex.position.distance_m(start))
        .fold(0.0, f64::max);
    assert!((249.0..251.0).contains(&east_m), "{east_m}");
}

#[test]
fn what_was_cut_is_told_by_its_index_alone() {
    let told = trimmed(exact(100), straight(500.0, 10.0, 2.0));
    assert!(told.count("trip_trimmed") > 20);
    let start_and_end = told
        .dropped
        .iter()
        .filter(|dropped| dropped.reason.name() == "trip_trimmed");
    assert!(
        start_and_end
            .clone()
            .all(|dropped| dropped.time_ms.is_none() && dropped.source.parse::<u64>().is_ok())
    );
    // Frames that were too close have names in the middle of the trip, and none at its ends.
    let east_m = |name: &str| 10.0 * (name.trim_start_matches("at-").parse::<f64>().unwrap() - 1.0);
    let named: Vec<f64> = told
        .dropped
        .iter()
        .filter(|it| it.time_ms.is_some())
        .map(|it| east_m(&it.source))
        .collect();
    assert!(
        named.iter().all(|east_m| (95.0..405.0).contains(east_m)),
        "{named:?}"
    );
}

#[test]
fn a_frame_lost_between_two_fixes_is_told_when_both_are_far_from_the_ends() {
    // Gaps from 200 to 250 m, in the middle, and from 350 to 450 m, into the trimmed end.
    let lost = |east_m: f64| {
        (205.0..245.0).contains(&east_m) || (355.0..445.0).contains(&east_m) || east_m > 505.0
    };
    let mut events = Vec::new();
    for step in 0..60_u8 {
        let (t_s, east_m) = (f64::from(step) + 1.0, f64::from(step) * 10.0);
        if !lost(east_m) {
            events.push(fix_event(t_s, east_m, 0.0));
        }
        events.push(frame(t_s));
    }
    let told = trimmed(exact(100), events);
    let gaps = told
        .dropped
        .iter()
        .filter(|it| it.reason.name() == "gnss_gap" || it.reason.name() == "no_fix");
    let names: Vec<&str> = gaps.map(|it| it.source.as_str()).collect();
    let middle = ["at-22.0", "at-23.0", "at-24.0", "at-25.0"];
    assert_eq!(names[..4], middle);
    assert_eq!(names.len(), 22);
    assert!(
        names[4..].iter().all(|name| name.parse::<u64>().is_ok()),
        "{names:?}"
    );
}

#[test]
fn a_trip_shorter_than_its_ends_leaves_nothing() {
    let told = trimmed(Trim::default(), straight(560.0, 10.0, 1.0));
    assert_eq!(told.released.len(), 0);
    assert_eq!(told.count("trip_trimmed"), told.dropped.len());
}

#[test]
fn circling_a_block_is_not_leaving() {
    // 2 km around a square of 60 m: never 100 m from anywhere.
    let corner = |i: u32| {
        [(0.0, 0.0), (60.0, 0.0), (60.0, 60.0), (0.0, 60.0)][usize::try_from(i % 4).unwrap()]
    };
    let mut events = Vec::new();
    for step in 0..200_u32 {
        let ((x0, y0), (x1, y1)) = (corner(step / 6), corner(step / 6 + 1));
        let share = f64::from(step % 6) / 6.0;
        let t_s = 1.0 + f64::from(step);
        events.extend([
            fix_event(t_s, x0 + (x1 - x0) * share, y0 + (y1 - y0) * share),
            frame(t_s),
        ]);
    }
    assert_eq!(trimmed(exact(100), events).released.len(), 0);
}

#[test]
fn five_minutes_of_standstill_end_a_trip() {
    let mut events = straight(400.0, 10.0, 1.0);
    for t in 42..360_u16 {
        events.push(fix_event(f64::from(t), 400.0 + 0.3 * f64::from(t % 3), 0.0));
    }
    for step in 0..40_u8 {
        let t_s = 360.0 + f64::from(step);
        events.extend([
            fix_event(t_s, 400.0 + 10.0 * f64::from(step), 0.0),
            frame(t_s),
        ]);
    }
    let east_m: Vec<f64> = trimmed(exact(100), events)
        .released
        .iter()
        .map(|released| released.segment().place().distance_m(position(0.0, 0.0)))
        .collect();
    assert!(
        east_m.iter().any(|east_m| *east_m < 300.0) && east_m.iter().any(|east_m| *east_m > 500.0)
    );
    assert!(
        !east_m.iter().any(|east_m| (301.0..499.0).contains(east_m)),
        "{east_m:?}"
    );
}

#[test]
fn four_minutes_at_a_level_crossing_do_not() {
    let mut events = straight(400.0, 10.0, 1.0);
    for t in 42..282_u16 {
        events.push(fix_event(f64::from(t), 400.0 + 0.3 * f64::from(t % 3), 0.0));
    }
    for step in 0..40_u8 {
        let t_s = 282.0 + f64::from(step);
        events.extend([
            fix_event(t_s, 400.0 + 10.0 * f64::from(step), 0.0),
            frame(t_s),
        ]);
    }
    let told = trimmed(exact(100), events);
    let at_crossing = |released: &&wayhex_device::privacy::Released| {
        released.segment().place().distance_m(position(400.0, 0.0)) < 50.0
    };
    assert!(told.released.iter().filter(at_crossing).count() >= 8);
}

#[test]
fn lengths_are_drawn_from_t_to_one_and_a_half_t_anew_for_each_trip() {
    let trim = Trim::default();
    let drawn: Vec<f64> = (0..200)
        .flat_map(|trip| trim.lengths_m(&[3; 32], trip))
        .collect();
    assert!(drawn.iter().all(|metres| (500.0..=750.0).contains(metres)));
    let spread = |from: f64, to: f64| {
        drawn
            .iter()
            .filter(|metres| (from..to).contains(*metres))
            .count()
    };
    assert!(
        spread(500.0, 560.0) > 40 && spread(690.0, 750.0) > 40,
        "evenly"
    );
    let bits = |trip| trim.lengths_m(&[3; 32], trip).map(f64::to_bits);
    assert_eq!(bits(7), bits(7));
    assert_ne!(bits(7), bits(8));
    let exactly = exact(500).lengths_m(&[3; 32], 7).map(f64::to_bits);
    assert_eq!(exactly, [500.0_f64.to_bits(); 2]);
}

#[test]
fn a_length_that_hides_nothing_is_refused() {
    assert_eq!(
        Trim::exact(0, TripKind::Live),
        Err(TrimError::NotARecording)
    );
    for metres in [1, 50, 99] {
        assert_eq!(
            Trim::exact(metres, TripKind::Recording),
            Err(TrimError::TooShort(metres))
        );
        assert_eq!(
            Trim::exact(metres, TripKind::Live),
            Err(TrimError::TooShort(metres))
        );
    }
    assert_eq!(exact(100).metres(), 100);
    assert_eq!(untrimmed().metres(), 0);
    assert_eq!(Trim::default().metres(), 500);
}

/// What is told of a trip behind one that broke off 3 km before, so long ago, by a process that begins at one second.
fn after_a_break(ago_s: f64, events: Vec<Event>) -> Vec<f64> {
    after_a_break_at(1.0, ago_s, events)
}

fn after_a_break_at(now_s: f64, ago_s: f64, events: Vec<Event>) -> Vec<f64> {
    let broken_off = BrokenOff {
        told: position(-3_000.0, 0.0),
        told_ago_ns: ns(ago_s),
        under_way_ago_ns: ns(ago_s),
        now_ns: ns(now_s),
    };
    let private = privacy_with(exact(100), Zones::default(), Finds(Vec::new()));
    let (mut capture, mut privacy) = (
        Capture::new(settings()),
        Privacy::new(private).after(broken_off),
    );
    let mut told = Vec::new();
    for event in events {
        capture.push(event);
        while let Some(step) = capture.next_step() {
            privacy.take(step, &mut capture);
            let undecided = privacy.going() == Going::Undecided;
            while let Some(outcome) = privacy.next_outcome() {
                if let PrivacyOutcome::Released(released) = outcome {
                    assert!(!undecided, "nothing is let go before it is decided");
                    told.push(released.segment().place().distance_m(position(0.0, 0.0)));
                }
            }
        }
    }
    told
}

#[test]
fn a_trip_goes_on_when_it_was_driven_all_along() {
    let told = after_a_break(590.0, straight(500.0, 10.0, 1.0));
    assert!((50.0..75.0).contains(&told[0]), "{told:?}");
    // The same way at the same time, and a minute more has passed in silence.
    let told = after_a_break(650.0, straight(500.0, 10.0, 1.0));
    assert!(told[0] >= 100.0, "{told:?}");
}

#[test]
fn a_trip_goes_on_at_five_metres_a_second_and_not_below() {
    for (speed_m_s, goes_on) in [(5.1, true), (4.9, false)] {
        let told = after_a_break(60.0, straight(500.0, speed_m_s, 1.0));
        assert_eq!(told[0] < 100.0, goes_on, "{speed_m_s}: {told:?}");
    }
}

#[test]
fn fixes_that_wander_at_the_start_do_not_make_a_trip_go_on() {
    // A receiver that settles: 8 m to and fro while the phone stands, and then the trip begins.
    let mut events = Vec::new();
    for t in 1..=20_u8 {
        events.extend([
            fix_event(f64::from(t), 8.0 * f64::from(t % 2), 0.0),
            frame(f64::from(t) + 0.5),
        ]);
    }
    for step in 1..60_u8 {
        let t_s = 20.0 + f64::from(step);
        events.extend([
            fix_event(t_s, 10.0 * f64::from(step), 0.0),
            frame(t_s + 0.5),
        ]);
    }
    let told = after_a_break(60.0, events);
    assert!(told[0] >= 92.0, "{told:?}");
}

#[test]
fn fixes_from_before_the_process_do_not_make_a_trip_go_on() {
    // A receiver hands out seven seconds of the drive home, and then those of a phone that is carried to the car.
    let events = || {
        let mut events = Vec::new();
        for second in 1..=100_u8 {
            let t_s = f64::from(second);
            let east_m = match second {
                ..=7 => 10.0 * (t_s - 7.0),
                8..=20 => t_s - 7.0,
                _ => 13.0 + 10.0 * (t_s - 20.0),
            };
            events.push(fix_event(t_s, east_m, 0.0));
            if second > 7 {
                events.push(frame(t_s + 0.5));
            }
        }
        events
    };
    let told = after_a_break_at(7.5, 60.0, events());
    assert!(told[0] >= 40.0, "{told:?}");
    // The same fixes of a process that lived through all of them.
    let told = after_a_break_at(0.5, 60.0, events());
    assert!(told[0] < 20.0, "{told:?}");
}

#[test]
fn a_trip_is_under_way_only_out_of_its_start_and_at_five_metres_a_second() {
    let private = privacy_with(exact(100), Zones::default(), Finds(Vec::new()));
    let (mut capture, mut privacy) = (Capture::new(settings()), Privacy::new(private));
    let mut seen = Vec::new();
    let mut east_m = 0.0;
    for second in 1..=60_u8 {
        east_m += if second <= 30 { 10.0 } else { 1.0 };
        capture.push(fix_event(f64::from(second), east_m, 0.0));
        while let Some(step) = capture.next_step() {
            privacy.take(step, &mut capture);
            seen.push((east_m, privacy.going()));
        }
    }
    for (east_m, going) in seen {
        match going {
            Going::UnderWay(_) => assert!((110.0..305.0).contains(&east_m), "{east_m}"),
            Going::Otherwise => assert!(!(130.0..300.0).contains(&east_m), "{east_m}"),
            Going::Undecided => assert!(east_m < 0.0, "nothing broke off"),
        }
    }
}
