//! Private zones: nothing of them leaves, and the trip begins anew behind them.

use std::collections::BTreeSet;

use wayhex_device::privacy::{Zone, ZoneError, Zones};
use wayhex_device::source::Event;
use wayhex_protocol::cells::cell_boundary;
use wayhex_protocol::position::Position;
use wayhex_protocol::unit::CellId;

use crate::scene::{
    Finds, degrees, fix_event, frame, position, privacy_with, straight, told, untrimmed,
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
