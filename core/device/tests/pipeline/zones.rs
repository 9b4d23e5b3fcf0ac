//! Private zones: nothing of them leaves, and the trip begins anew behind them.

use std::collections::BTreeSet;

use wayhex_device::privacy::{Zone, ZoneError, Zones};
use wayhex_device::source::{Event, Fix, InertialSample};
use wayhex_protocol::cells::cell_boundary;
use wayhex_protocol::position::Position;
use wayhex_protocol::unit::CellId;

use crate::chain::tagger;
use crate::scene::{
    Finds, Told, ZERO_MS, degrees, fix, fix_event, frame, ns, open_privacy, position, privacy_with,
    straight, told, untrimmed,
};

fn zone(east_m: f64, north_m: f64, radius_m: f64) -> Zone {
    let (lat, lon) = degrees(east_m, north_m);
    Zone::new(lat, lon, radius_m).unwrap()
}

fn zones(list: &[Zone], secret: u8) -> Zones {
    Zones::new(list, &[secret; 32]).unwrap()
}

fn corners(cell: CellId) -> Vec<Position> {
    cell_boundary(cell)
        .into_iter()
        .map(|(lat, lon)| Position::from_degrees(lat, lon).unwrap())
        .collect()
}

#[test]
fn no_cell_of_a_private_zone_leaves() {
    for secret in 0..8 {
        let private = zones(&[zone(500.0, 30.0, 200.0)], secret);
        let told = told(
            privacy_with(untrimmed(), private.clone(), Finds(Vec::new())),
            straight(1_000.0, 10.0, 2.0),
        );
        assert!(
            told.count("private_zone") >= 15,
            "{}",
            told.count("private_zone")
        );
        assert!(told.released.len() >= 50);
        for released in &told.released {
            let cells = released.segment().facts().unwrap().cells;
            assert!(!private.touch(&cells), "{}", released.source());
            // Whatever the jitter was, half of the radius around the true centre is in the zone.
            let centre = position(500.0, 30.0);
            assert!(
                cells
                    .iter()
                    .flat_map(|cell| corners(*cell))
                    .all(|corner| corner.distance_m(centre) > 100.0)
            );
        }
    }
}

#[test]
fn behind_a_zone_the_way_begins_anew() {
    let private = zones(&[zone(500.0, 0.0, 200.0)], 1);
    let told = told(
        privacy_with(untrimmed(), private, Finds(Vec::new())),
        straight(1_000.0, 10.0, 5.0),
    );
    let gap = told.released.windows(2).find(|pair| {
        pair[0]
            .segment()
            .place()
            .distance_m(pair[1].segment().place())
            > 100.0
    });
    let first_behind = &gap.unwrap()[1];
    assert_eq!(first_behind.segment().vertices().len(), 1);
    let single = told
        .released
        .iter()
        .filter(|released| released.segment().vertices().len() == 1)
        .count();
    assert_eq!(
        single, 2,
        "the first of the drive and the first behind the zone"
    );
}

#[test]
fn a_frame_in_a_zone_is_told_by_its_index_alone() {
    let private = zones(&[zone(500.0, 0.0, 200.0)], 1);
    let told = told(
        privacy_with(untrimmed(), private, Finds(Vec::new())),
        straight(1_000.0, 10.0, 2.0),
    );
    for dropped in told
        .dropped
        .iter()
        .filter(|dropped| dropped.reason.name() == "private_zone")
    {
        assert!(dropped.source.parse::<u64>().is_ok(), "{dropped:?}");
        assert_eq!(dropped.time_ms, None);
    }
}

#[test]
fn a_frame_that_capture_dropped_in_a_zone_is_told_by_its_index_too() {
    let private = zones(&[zone(0.0, 0.0, 200.0)], 1);
    // Standing in the zone, then losing the satellites there.
    let mut events: Vec<Event> = Vec::new();
    for t in 1..20_u8 {
        events.extend([
            fix_event(f64::from(t), 0.1 * f64::from(t % 2), 0.0),
            frame(f64::from(t) + 0.5),
        ]);
    }
    events.extend([frame(40.0), frame(41.0)]);
    let told = told(
        privacy_with(untrimmed(), private, Finds(Vec::new())),
        events,
    );
    assert_eq!(told.released.len(), 0);
    assert!(
        told.count("standing_still") > 10,
        "the reason is not a secret"
    );
    let named: Vec<_> = told
        .dropped
        .iter()
        .filter(|it| it.time_ms.is_some() || it.source.starts_with("at-"))
        .collect();
    assert!(named.is_empty(), "{named:?}");
}

/// Past a zone of 200 m around 600 m, east at 10 m/s, with a fix and a frame each second; some fixes are changed or lost.
fn past_a_zone(change: impl Fn(f64, Fix) -> Option<Fix>) -> Told {
    let private = zones(&[zone(600.0, 0.0, 200.0)], 1);
    told(
        privacy_with(untrimmed(), private, Finds(Vec::new())),
        changed(change),
    )
}

fn changed(change: impl Fn(f64, Fix) -> Option<Fix>) -> Vec<Event> {
    let mut events = Vec::new();
    for step in 0..200_u8 {
        let (t_s, east_m) = (f64::from(step) + 1.0, f64::from(step) * 10.0);
        events.extend(change(east_m, fix(t_s, east_m, 0.0)).map(Event::Fix));
        events.push(frame(t_s));
    }
    events
}

fn poor(fix: Fix) -> Fix {
    Fix {
        accuracy_m: Some(500.0),
        ..fix
    }
}

/// Where the dropped frames of that reason were by their names, metres east; a frame that is told by its index is left out.
fn named_at(told: &Told, reason: &str) -> Vec<f64> {
    let named = told
        .dropped
        .iter()
        .filter(|it| it.reason.name() == reason)
        .filter_map(|it| it.source.strip_prefix("at-"));
    named
        .map(|t_s| (t_s.parse::<f64>().unwrap() - 1.0) * 10.0)
        .collect()
}

#[test]
fn a_zone_that_is_entered_through_a_gap_is_not_told_by_the_names_in_the_gap() {
    let told = past_a_zone(|east_m, fix| {
        let is_lost = (155.0..545.0).contains(&east_m) || (1_305.0..1_345.0).contains(&east_m);
        (!is_lost).then_some(fix)
    });
    assert_eq!(told.count("gnss_gap"), 43);
    assert_eq!(
        named_at(&told, "gnss_gap"),
        [1_310.0, 1_320.0, 1_330.0, 1_340.0],
        "far from the zone a gap is no secret"
    );
    let hidden = told
        .dropped
        .iter()
        .filter(|it| it.source.parse::<u64>().is_ok());
    assert!(hidden.into_iter().all(|it| it.time_ms.is_none()));
}

#[test]
fn a_zone_that_is_entered_with_poor_fixes_is_not_told_by_the_names_of_their_frames() {
    let told = past_a_zone(|east_m, fix| {
        let is_poor = (195.0..505.0).contains(&east_m) || (1_405.0..1_415.0).contains(&east_m);
        Some(if is_poor { poor(fix) } else { fix })
    });
    assert_eq!(told.count("accuracy_too_low"), 32);
    assert_eq!(named_at(&told, "accuracy_too_low"), [1_410.0]);
}

#[test]
fn a_zone_that_may_have_been_visited_within_a_gap_is_not_told() {
    // Left and met again at one place, 400 m from the zone's centre, a minute later: time enough for the zone and back.
    let private = zones(&[zone(600.0, 0.0, 200.0)], 1);
    let told = told(
        privacy_with(untrimmed(), private, Finds(Vec::new())),
        [
            fix_event(1.0, 190.0, 0.0),
            fix_event(2.0, 200.0, 0.0),
            frame(30.0),
            fix_event(62.0, 200.0, 0.0),
            fix_event(63.0, 190.0, 0.0),
        ],
    );
    assert_eq!(told.count("gnss_gap"), 1);
    assert_eq!(named_at(&told, "gnss_gap"), [] as [f64; 0]);
}

#[test]
fn frames_that_waited_for_a_fix_keep_their_place_in_the_order() {
    let told = past_a_zone(|east_m, fix| {
        let is_lost = (155.0..545.0).contains(&east_m) || (1_305.0..1_345.0).contains(&east_m);
        (!is_lost).then_some(fix)
    });
    let number = |source: &str| match source.strip_prefix("at-") {
        Some(t_s) => t_s.parse::<f64>().unwrap() - 1.0,
        None => source.parse().unwrap(),
    };
    let of_dropped: Vec<f64> = told.dropped.iter().map(|it| number(&it.source)).collect();
    assert!(of_dropped.is_sorted_by(|a, b| a < b), "{of_dropped:?}");
    let of_released: Vec<f64> = told.released.iter().map(|it| number(it.source())).collect();
    assert!(of_released.is_sorted_by(|a, b| a < b));
    assert_eq!(of_dropped.len() + of_released.len(), 200);
}

#[test]
fn where_nothing_is_private_every_frame_is_told_by_name() {
    let told = told(
        open_privacy(),
        changed(|east_m, fix| (!(155.0..545.0).contains(&east_m)).then_some(fix)),
    );
    assert_eq!(named_at(&told, "gnss_gap").len(), 39);
    assert!(told.dropped.iter().all(|it| it.time_ms.is_some()));
}

#[test]
fn a_zone_edited_a_little_keeps_its_jitter() {
    let grid: Vec<CellId> = (-70..70_i16)
        .flat_map(|x| {
            (-70..70_i16).map(move |y| position(f64::from(x) * 10.0, f64::from(y) * 10.0))
        })
        .map(wayhex_protocol::cells::cell_at)
        .collect::<BTreeSet<CellId>>()
        .into_iter()
        .collect();
    // The middle of the hole in the coverage, which is all that the world sees of a zone.
    let hole = |zone: Zone| -> Position {
        let private = zones(&[zone], 1);
        let inside: Vec<Position> = grid
            .iter()
            .filter(|cell| private.touch(&BTreeSet::from([**cell])))
            .map(|cell| corners(*cell)[0])
            .collect();
        let count = f64::from(u32::try_from(inside.len()).unwrap());
        let mean = |of: fn(Position) -> f64| inside.iter().map(|it| of(*it)).sum::<f64>() / count;
        Position::from_degrees(mean(Position::lat_deg), mean(Position::lon_deg)).unwrap()
    };
    let (lat, lon) = degrees(20.0, 20.0);
    let first = hole(Zone::new(lat, lon, 400.0).unwrap());
    assert!(
        first.distance_m(position(20.0, 20.0)) > 15.0,
        "there is a jitter to keep"
    );
    for edit in 1..12_u8 {
        let by_deg = f64::from(edit) * 1e-7;
        let moved = hole(Zone::new(lat + by_deg, lon - by_deg, 400.0).unwrap());
        let resized = hole(Zone::new(lat, lon, 400.0 + f64::from(edit)).unwrap());
        for edited in [moved, resized] {
            let by_m = first.distance_m(edited);
            assert!(by_m < 3.0, "edit {edit} moved the hole by {by_m} m");
        }
    }
}

#[test]
fn a_zone_is_jittered_once_and_for_all() {
    let home = zone(0.0, 0.0, 400.0);
    let cells: BTreeSet<CellId> = (-80..80_i16)
        .flat_map(|x| {
            (-80..80_i16).map(move |y| position(f64::from(x) * 10.0, f64::from(y) * 10.0))
        })
        .map(wayhex_protocol::cells::cell_at)
        .collect();
    let private = |zones: &Zones| -> BTreeSet<CellId> {
        cells
            .iter()
            .copied()
            .filter(|cell| zones.touch(&BTreeSet::from([*cell])))
            .collect()
    };
    let (one, again, other) = (zones(&[home], 1), zones(&[home], 1), zones(&[home], 2));
    assert_eq!(private(&one), private(&again));
    assert_ne!(
        private(&one),
        private(&other),
        "another device has another hole"
    );
    for zones in [one, other] {
        let centre = position(0.0, 0.0);
        let inner = cells.iter().filter(|cell| {
            corners(**cell)
                .iter()
                .all(|corner| corner.distance_m(centre) < 200.0)
        });
        assert!(
            inner
                .into_iter()
                .all(|cell| zones.touch(&BTreeSet::from([*cell]))),
            "half the radius is always in it"
        );
    }
}

#[test]
fn a_zone_is_a_centre_and_a_radius() {
    let parsed: Zone = "46.95, 7.45".parse().unwrap();
    assert!((parsed.radius_m() - 200.0).abs() < f64::EPSILON);
    assert!(("46.95,7.45,350".parse::<Zone>().unwrap().radius_m() - 350.0).abs() < f64::EPSILON);
    for text in ["", "46.95", "46.95,7.45,200,1", "north,7.45"] {
        assert!(
            matches!(text.parse::<Zone>(), Err(ZoneError::Form(_))),
            "{text}"
        );
    }
    assert!(matches!(
        "91,7.45".parse::<Zone>(),
        Err(ZoneError::Centre(_))
    ));
    assert!(matches!(
        "NaN,7.45".parse::<Zone>(),
        Err(ZoneError::Centre(_))
    ));
    for text in [
        "46.95,7.45,99",
        "46.95,7.45,10001",
        "46.95,7.45,NaN",
        "46.95,7.45,-200",
    ] {
        assert!(
            matches!(text.parse::<Zone>(), Err(ZoneError::Radius(_))),
            "{text}"
        );
    }
    let many = vec![zone(0.0, 0.0, 200.0); 65];
    assert_eq!(
        Zones::new(&many, &[0; 32]).err(),
        Some(ZoneError::TooMany(65))
    );
}

/// A drive east on which the phone shakes up to a time and lies still afterwards, sampled 50 times a second.
fn shaken_until(until_s: f64) -> Vec<Event> {
    let sample = |number: u16| {
        let t_s = 1.0 + f64::from(number) / 50.0;
        let shakes = t_s <= until_s && number.is_multiple_of(2);
        Event::Inertial(InertialSample {
            at_ns: ns(t_s),
            acceleration: Some([0.0, if shakes { 13.8 } else { 9.8 }, 0.0]),
            rotation: Some([0.0; 3]),
        })
    };
    let mut events = straight(1_000.0, 10.0, 2.0);
    events.extend((0..5_000).map(sample));
    events.sort_by_key(|event| match event {
        Event::Fix(fix) => (fix.at_ns, 0),
        Event::Inertial(sample) => (sample.at_ns, 1),
        Event::Frame(frame) => (frame.at_ns, 2),
        Event::Unusable(_) => (0, 0),
    });
    events
}

#[test]
fn behind_a_zone_the_motion_is_that_of_the_way_behind_it() {
    let private = zones(&[zone(500.0, 0.0, 200.0)], 1);
    let play = |private: Zones, until_s| {
        told(
            privacy_with(untrimmed(), private, Finds(Vec::new())),
            shaken_until(until_s),
        )
    };
    let hidden = play(private.clone(), 0.0).dropped;
    let mut hidden = hidden
        .iter()
        .filter(|it| it.reason.name() == "private_zone");
    let last: f64 = hidden.next_back().unwrap().source.parse().unwrap();
    let left_s = 1.25 + last / 2.0;
    let spreads = |told: Told| -> Vec<Option<u32>> {
        let behind = told.released.into_iter().filter(|released| {
            released.time_ms() > i64::try_from(ZERO_MS + ns(left_s) / 1_000_000).unwrap()
        });
        behind
            .zip(0..)
            .map(|(released, number)| tagger().tag(released, number).unwrap())
            .map(|tagged| tagged.observation().motion.acceleration_spread_mm_s2)
            .collect()
    };
    let shaken = spreads(play(Zones::default(), f64::MAX));
    assert!(shaken[1] > Some(500), "shaking shows: {shaken:?}");
    let behind = spreads(play(private, left_s));
    assert_eq!(behind[0], None, "a place alone has no motion");
    assert!(
        behind[1..].iter().all(|spread| *spread == Some(0)),
        "{behind:?}"
    );
}
