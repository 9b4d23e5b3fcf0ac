//! The law of segments: what fits, what is refused, and which units follow.
#![expect(clippy::unwrap_used, reason = "a broken premise ends the test")]

use proptest::prelude::*;
use wayhex_protocol::cells::{cell_at, cells_along};
use wayhex_protocol::limits::{SEGMENT_CELLS_MAX, SEGMENT_LENGTH_MAX_M, SEGMENT_VERTICES_MAX};
use wayhex_protocol::position::Position;
use wayhex_protocol::segment::{Segment, SegmentFault, Vertex};
use wayhex_protocol::unit::Quadrant;

const METRES_PER_DEGREE: f64 = 111_195.0;
/// Beside a pentagon cells have 186 m², against 307 m² on average.
const BESIDE_A_PENTAGON: (f64, f64) = (23.717_6, -67.132_2);

/// A vertex so many metres north and east of a crossing in Bern, so long before the capture.
fn vertex(north_m: f64, east_m: f64, before_ms: u32) -> Vertex {
    let lat = 46.948 + north_m / METRES_PER_DEGREE;
    let lon = 7.4474 + east_m / (METRES_PER_DEGREE * 46.948_f64.to_radians().cos());
    Vertex {
        position: Position::from_degrees(lat, lon).unwrap(),
        before_ms,
    }
}

fn straight_north(metres: &[f64]) -> Vec<Vertex> {
    let last = metres.len() - 1;
    let before_ms = |i: usize| u32::try_from((last - i) * 700).unwrap();
    metres
        .iter()
        .enumerate()
        .map(|(i, &north)| vertex(north, 0.0, before_ms(i)))
        .collect()
}

fn faults(vertices: Vec<Vertex>) -> SegmentFault {
    Segment::from_vertices(vertices)
        .and_then(|segment| segment.facts())
        .unwrap_err()
}

#[test]
fn a_single_place_names_its_cell_and_earns_no_unit() {
    let facts = Segment::fit(&[vertex(0.0, 0.0, 0)])
        .unwrap()
        .facts()
        .unwrap();
    assert_eq!(
        facts.cells.into_iter().collect::<Vec<_>>(),
        [cell_at(vertex(0.0, 0.0, 0).position)]
    );
    assert_eq!(facts.quadrant, None);
}

#[test]
fn the_direction_is_from_the_first_vertex_to_the_last() {
    for (north, east, expected) in [
        (9.0, 0.0, Quadrant::N),
        (0.0, 9.0, Quadrant::E),
        (-9.0, 0.0, Quadrant::S),
        (0.0, -9.0, Quadrant::W),
    ] {
        let segment = Segment::fit(&[vertex(0.0, 0.0, 900), vertex(north, east, 0)]).unwrap();
        let facts = segment.facts().unwrap();
        assert_eq!(facts.quadrant, Some(expected));
        assert!(facts.units().count() >= 1 && facts.units().all(|unit| unit.quadrant == expected));
    }
}

#[test]
fn the_edges_of_the_quadrants_belong_to_the_later_one() {
    for (bearing, expected) in [
        (44.9, Quadrant::N),
        (45.0, Quadrant::E),
        (135.0, Quadrant::S),
        (225.0, Quadrant::W),
        (315.0, Quadrant::N),
        (0.0, Quadrant::N),
    ] {
        assert_eq!(Quadrant::of_bearing(bearing), expected);
    }
}

#[test]
fn the_longest_suffix_within_sixty_metres_is_kept() {
    let segment = Segment::fit(&straight_north(&[0.0, 30.0, 45.0, 80.0, 95.0])).unwrap();
    assert_eq!(
        segment.vertices().len(),
        3,
        "80 m and more before the end are too far, 50 m are not"
    );
}

#[test]
fn what_was_driven_more_than_ten_seconds_ago_is_left_out() {
    let path = [
        vertex(0.0, 0.0, 10_001),
        vertex(5.0, 0.0, 10_000),
        vertex(10.0, 0.0, 0),
    ];
    assert_eq!(Segment::fit(&path).unwrap().vertices(), &path[1..]);
}

#[test]
fn thinning_drops_the_vertex_that_matters_least() {
    let mut path: Vec<Vertex> = (0..9)
        .map(|i| {
            vertex(
                f64::from(i) * 5.0,
                0.0,
                u32::try_from((8 - i) * 500).unwrap(),
            )
        })
        .collect();
    for (i, vertex_there) in path.iter_mut().enumerate().skip(1).take(7) {
        let sideways = if i == 4 {
            0.1
        } else if i % 2 == 0 {
            2.0
        } else {
            -2.0
        };
        *vertex_there = vertex(
            f64::from(u32::try_from(i).unwrap()) * 5.0,
            sideways,
            vertex_there.before_ms,
        );
    }
    let dropped = path[4];
    let kept = Segment::fit(&path).unwrap();
    assert_eq!(kept.vertices().len(), SEGMENT_VERTICES_MAX);
    assert!(!kept.vertices().contains(&dropped));
}

#[test]
fn each_broken_law_has_its_own_fault() {
    assert_eq!(faults(vec![]), SegmentFault::Shape);
    assert_eq!(faults(vec![vertex(0.0, 0.0, 5)]), SegmentFault::Shape);
    assert_eq!(
        faults(vec![
            vertex(0.0, 0.0, 0),
            vertex(1.0, 0.0, 5),
            vertex(2.0, 0.0, 0)
        ]),
        SegmentFault::Shape
    );
    assert_eq!(
        faults(vec![vertex(0.0, 0.0, 10_001), vertex(9.0, 0.0, 0)]),
        SegmentFault::TooSlow
    );
    assert_eq!(
        faults(vec![vertex(0.0, 0.0, 9_000), vertex(61.0, 0.0, 0)]),
        SegmentFault::TooLong
    );
    assert_eq!(
        faults(vec![vertex(0.0, 0.0, 100), vertex(9.0, 0.0, 0)]),
        SegmentFault::Teleport
    );
    assert_eq!(
        faults(vec![vertex(0.0, 0.0, 0), vertex(9.0, 0.0, 0)]),
        SegmentFault::Teleport
    );
}

fn any_path() -> impl Strategy<Value = Vec<Vertex>> {
    prop::collection::vec((-40.0..40.0_f64, -40.0..40.0_f64, 0..3_000_u32), 1..20).prop_map(
        |steps| {
            let (mut north, mut east, mut before_ms) = (0.0, 0.0, 0);
            let mut path: Vec<Vertex> = steps
                .iter()
                .enumerate()
                .map(|(i, (to_north, to_east, after_ms))| {
                    (north, east) = (north + to_north * 0.3, east + to_east * 0.3);
                    before_ms += if i == 0 { 0 } else { *after_ms };
                    vertex(north, east, before_ms)
                })
                .collect();
            path.reverse();
            path
        },
    )
}

proptest! {
    #[test]
    fn a_fitted_segment_is_lawful_and_ends_at_the_capture(path in any_path()) {
        let segment = Segment::fit(&path).unwrap();
        let facts = segment.facts().unwrap();
        prop_assert_eq!(segment.place(), path[path.len() - 1].position);
        prop_assert!(segment.vertices().len() <= SEGMENT_VERTICES_MAX);
        prop_assert!((1..=SEGMENT_CELLS_MAX).contains(&facts.cells.len()));
        let length_m: f64 =
            segment.vertices().windows(2).map(|leg| leg[0].position.distance_m(leg[1].position)).sum();
        prop_assert!(length_m <= SEGMENT_LENGTH_MAX_M);
    }

    /// The limit on cells never cuts an honest way: it bounds the work for a message, whatever the limit on length becomes.
    #[test]
    fn sixty_metres_stay_within_the_limit_of_cells_even_where_cells_are_smallest(
        turns in prop::collection::vec((0.0..360.0_f64, 3.0..8.5_f64), 7),
    ) {
        let (mut lat, mut lon) = BESIDE_A_PENTAGON;
        let mut places = vec![Position::from_degrees(lat, lon).unwrap()];
        for (heading_deg, step_m) in turns {
            lat += step_m * heading_deg.to_radians().cos() / METRES_PER_DEGREE;
            lon += step_m * heading_deg.to_radians().sin() / (METRES_PER_DEGREE * lat.to_radians().cos());
            places.push(Position::from_degrees(lat, lon).unwrap());
        }
        prop_assert!(cells_along(&places).len() <= SEGMENT_CELLS_MAX);
    }

    #[test]
    fn a_way_crosses_the_same_cells_in_both_directions(path in any_path()) {
        let mut places: Vec<Position> = path.iter().map(|vertex| vertex.position).collect();
        let there = cells_along(&places);
        places.reverse();
        prop_assert_eq!(there, cells_along(&places));
    }

    #[test]
    fn every_vertex_lies_in_a_cell_of_the_way(path in any_path()) {
        let places: Vec<Position> = path.iter().map(|vertex| vertex.position).collect();
        let cells = cells_along(&places);
        if places.iter().any(|place| *place != places[0]) {
            prop_assert!(places.iter().all(|place| cells.contains(&cell_at(*place))));
        }
    }
}

#[test]
fn the_golden_paths_cross_the_cells_that_another_implementation_found() {
    let vectors: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../vectors/cells.json")).unwrap();
    assert!(vectors.len() >= 60);
    for vector in vectors {
        let e7 = |value: &serde_json::Value| i32::try_from(value.as_i64().unwrap()).unwrap();
        let path: Vec<Position> = vector["path"]
            .as_array()
            .unwrap()
            .iter()
            .map(|place| Position::from_e7(e7(&place[0]), e7(&place[1])).unwrap())
            .collect();
        let cells: Vec<String> = cells_along(&path)
            .iter()
            .map(|cell| cell.to_hex())
            .collect();
        assert_eq!(
            serde_json::json!(cells),
            vector["cells"],
            "{}",
            vector["place"]
        );
        let quadrant = path[0]
            .bearing_deg(path[path.len() - 1])
            .map(Quadrant::of_bearing);
        assert_eq!(
            serde_json::json!(quadrant.map(Quadrant::number)),
            vector["quadrant"],
            "{}",
            vector["place"]
        );
    }
}
