//! Coverage in a box: every cell once, exactly those that meet it, and nothing that is too young.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use wayhex_protocol::cells::cell_boundary;
use wayhex_protocol::unit::{CellId, Quadrant};
use wayhex_server::clock::now_ms;

use crate::ledger::{DAY_MS, Ledger, OPEN_POLICY, Seen, cells, seen};
use crate::server::Server;

type Point = [f64; 2];

fn pages(server: &Server, bbox: &str, limit: usize) -> Vec<Value> {
    let mut features = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.json(&format!("/v1/coverage?bbox={bbox}&limit={limit}{cursor}"));
        assert_eq!(page["type"], "FeatureCollection");
        let found = page["features"].as_array().expect("features");
        assert!(found.len() <= limit);
        features.extend(found.iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return features,
        }
    }
}

fn names(features: &[Value]) -> Vec<String> {
    let name = |feature: &Value| feature["properties"]["cell"].as_str().map(str::to_owned);
    features
        .iter()
        .map(|feature| name(feature).expect("a cell"))
        .collect()
}

/// Whether two convex shapes have a point in common: no line along a side of either keeps them apart.
fn overlap(a: &[Point], b: &[Point]) -> bool {
    let sides = |shape: &[Point]| -> Vec<Point> {
        let next = shape.iter().cycle().skip(1);
        shape
            .iter()
            .zip(next)
            .map(|(p, q)| [q[1] - p[1], p[0] - q[0]])
            .collect()
    };
    let extent = |shape: &[Point], axis: Point| {
        shape
            .iter()
            .fold((f64::MAX, f64::MIN), |(least, most), point| {
                let at = point[0] * axis[0] + point[1] * axis[1];
                (least.min(at), most.max(at))
            })
    };
    [sides(a), sides(b)].concat().into_iter().all(|axis| {
        let (a, b) = (extent(a, axis), extent(b, axis));
        a.0 <= b.1 && b.0 <= a.1
    })
}

fn meets(cell: CellId, [west, south, east, north]: [f64; 4]) -> bool {
    let hexagon: Vec<Point> = cell_boundary(cell)
        .into_iter()
        .map(|(lat, lon)| [lon, lat])
        .collect();
    let corners = [[west, south], [east, south], [east, north], [west, north]];
    overlap(&hexagon, &corners)
}

fn served(all: &[Seen]) -> (Ledger, Server) {
    let mut ledger = Ledger::new(OPEN_POLICY);
    ledger.add_all(all);
    let server = Server::start(ledger.folder(), OPEN_POLICY);
    (ledger, server)
}

#[test]
fn pages_hold_every_cell_of_the_box_exactly_once() {
    let town = cells(37.7749, -122.4194, 9);
    let driven: Vec<Seen> = town.chunks(3).map(|few| seen(1, 500_000, few)).collect();
    let (_ledger, server) = served(&driven);
    let mut expected: Vec<String> = town.iter().map(|cell| cell.to_hex()).collect();
    expected.sort_unstable();
    let whole = "-122.5,37.7,-122.3,37.8";
    for limit in [1_000, 271, 270, 50, 7] {
        assert_eq!(
            names(&pages(&server, whole, limit)),
            expected,
            "limit {limit}"
        );
    }
    let first = &pages(&server, whole, 100)[0];
    assert_eq!(first["geometry"]["type"], "Polygon");
    assert_eq!(first["properties"]["quadrants"], serde_json::json!([1]));
    let ring = first["geometry"]["coordinates"][0]
        .as_array()
        .expect("a ring");
    assert_eq!(ring.first(), ring.last());
}

#[test]
fn a_box_answers_the_hexagons_that_meet_it_and_no_others() {
    let centre = [37.7749, -122.4194];
    let town = cells(centre[0], centre[1], 6);
    let (_ledger, server) = served(&[seen(1, 500_000, &town)]);
    let side = -0.0012..0.0012_f64;
    let mut runner = TestRunner::new(Config::with_cases(60));
    let boxes = (side.clone(), side, 0.0..0.0008_f64, 0.0..0.0008_f64);
    let checked = runner.run(&boxes, |(lat, lon, height, width)| {
        let (south, west) = (centre[0] + lat, centre[1] + lon);
        let (east, north) = (west + width, south + height);
        let expected: BTreeSet<String> = town
            .iter()
            .filter(|cell| meets(**cell, [west, south, east, north]))
            .map(|cell| cell.to_hex())
            .collect();
        let found = names(&pages(
            &server,
            &format!("{west},{south},{east},{north}"),
            1_000,
        ));
        prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        Ok(())
    });
    checked.expect("every box");
}

#[test]
fn a_box_across_the_antimeridian_is_one_box() {
    let island = cells(-16.8, 180.0, 5);
    let (_ledger, server) = served(&[seen(1, 500_000, &island)]);
    let across = pages(&server, "179.99,-16.81,-179.99,-16.79", 20);
    assert_eq!(across.len(), island.len());
    for feature in &across {
        let ring = feature["geometry"]["coordinates"][0]
            .as_array()
            .expect("a ring");
        let longitudes: Vec<f64> = ring
            .iter()
            .filter_map(|corner| corner[0].as_f64())
            .collect();
        let most = longitudes.iter().copied().fold(f64::MIN, f64::max);
        let least = longitudes.iter().copied().fold(f64::MAX, f64::min);
        assert!(most - least < 0.001, "{longitudes:?}");
    }
    let east = names(&pages(&server, "-180,-16.81,-179.99,-16.79", 1_000));
    let west = names(&pages(&server, "179.99,-16.81,180,-16.79", 1_000));
    let on_both = east.iter().filter(|cell| west.contains(cell)).count();
    assert!(on_both > 0 && east.len() > on_both && west.len() > on_both);
    let both: BTreeSet<&String> = east.iter().chain(&west).collect();
    assert_eq!(both.len(), island.len());
    assert_eq!(pages(&server, "179.8,-16.81,179.9,-16.79", 10).len(), 0);
}

#[test]
fn a_wrong_box_is_refused_by_the_part_that_is_wrong() {
    let (_ledger, server) = served(&[]);
    let check = |query: &str, code: &str, part: &str| {
        let (found, detail) = server.problem(&format!("/v1/coverage{query}"), 400);
        assert_eq!(found, code, "{query}: {detail}");
        assert!(detail.contains(part), "{query}: {detail}");
    };
    check("?bbox=1,2,3", "bbox_malformed", "3 parts");
    check("?bbox=x,2,3,4", "bbox_malformed", "west \"x\"");
    check("?bbox=1,NaN,3,4", "bbox_malformed", "south");
    check("?bbox=1,2,181,4", "bbox_malformed", "east");
    check("?bbox=1,2,inf,4", "bbox_malformed", "east");
    check("?bbox=1,2,3,90.5", "bbox_malformed", "north");
    check(
        "?bbox=1,4,3,2",
        "bbox_malformed",
        "south 4 is above north 2",
    );
    check("?bbox=1,2,3,4", "bbox_too_large", "10000");
    check("?bbox=-180,-90,180,90", "bbox_too_large", "km2");
    check("", "malformed", "bbox");
    check("?bbox=1,2,1,2&limit=0", "malformed", "limit");
    check("?bbox=1,2,1,2&limit=10001", "malformed", "limit");
    check("?bbox=1,2,1,2&limit=many", "malformed", "limit");
    check("?bbox=1,2,1,2&cursor=8c", "malformed", "cursor");
    check("?bbox=1,2,1,2&colour=red", "malformed", "colour");
}

#[test]
fn young_coverage_is_hidden_and_times_are_told_in_days() {
    let now = now_ms();
    let road = cells(37.7749, -122.4194, 2);
    let mut ledger = Ledger::new(&[]);
    let at = |days: u64, cells: &[CellId]| Seen {
        at_ms: now - days * DAY_MS,
        ..seen(1, 500_000, cells)
    };
    ledger.add_all(&[at(0, &road[..5]), at(3, &road[2..8]), at(4, &road[2..3])]);
    ledger.close(None, now).expect("a close");
    let server = Server::start(ledger.folder(), &[]);
    let found = pages(&server, "-122.5,37.7,-122.3,37.8", 1_000);
    let mut expected: Vec<String> = road[2..8].iter().map(|cell| cell.to_hex()).collect();
    expected.sort_unstable();
    assert_eq!(names(&found), expected);
    for feature in &found {
        let properties = &feature["properties"];
        let time = |key: &str| properties[key].as_u64().expect("a time");
        let both_days = properties["cell"] == road[2].to_hex();
        assert_eq!(properties["observations"], if both_days { 2 } else { 1 });
        assert_eq!(time("first_ms") % DAY_MS, 0);
        assert_eq!(
            time("last_ms") - time("first_ms"),
            if both_days { DAY_MS } else { 0 }
        );
    }
    assert_eq!(
        server.problem("/v1/epochs/1/units", 404).0,
        "not_public_yet"
    );
}

#[test]
fn a_single_place_names_its_cell_and_no_direction() {
    let road = cells(37.7749, -122.4194, 1);
    let place = Seen {
        quadrant: None,
        ..seen(1, 500_000, &road[..1])
    };
    let west = Seen {
        quadrant: Some(Quadrant::W),
        ..seen(2, 500_000, &road[1..2])
    };
    let (_ledger, server) = served(&[place, west, seen(1, 1, &road[1..2])]);
    let found = pages(&server, "-122.5,37.7,-122.3,37.8", 1_000);
    for feature in &found {
        let single = feature["properties"]["cell"] == road[0].to_hex();
        let expected = if single { vec![] } else { vec![1, 3] };
        assert_eq!(
            feature["properties"]["quadrants"],
            serde_json::json!(expected)
        );
    }
    assert_eq!(found.len(), 2);
}

#[test]
fn the_table_of_units_comes_in_pages_too() {
    let town = cells(37.7749, -122.4194, 3);
    let mut ledger = Ledger::new(OPEN_POLICY);
    ledger.add_all(&[seen(1, 800_000, &town), seen(2, 200_000, &town[..10])]);
    ledger.close(None, now_ms()).expect("a close");
    let server = Server::start(ledger.folder(), OPEN_POLICY);
    let mut found = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let page = server.json(&format!("/v1/epochs/1/units?limit=10{cursor}"));
        for unit in page["units"].as_array().expect("units") {
            let cell = unit["cell"].as_str().expect("a cell").to_owned();
            let both = town[..10].iter().any(|shared| shared.to_hex() == cell);
            assert_eq!(unit["greatest_micros"], "800000");
            assert_eq!(unit["sum_micros"], if both { "1000000" } else { "800000" });
            assert_eq!(unit["observations"], if both { 2 } else { 1 });
            assert_eq!(
                (&unit["class"], &unit["quadrant"]),
                (&"high".into(), &1.into())
            );
            assert_eq!(unit["freshness_micros"], "1000000");
            assert!(found.insert(cell));
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found.len(), town.len());
}
