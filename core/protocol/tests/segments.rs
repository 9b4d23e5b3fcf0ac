//! The law of segments: what fits, what is refused, and which units follow.
#![expect(clippy::unwrap_used, reason = "a broken premise ends the test")]

use proptest::prelude::*;
use wayhex_protocol::cells::{cell_at, cells_along};
use wayhex_protocol::limits::{
    SEGMENT_CELLS_MAX, SEGMENT_LENGTH_MAX_M, SEGMENT_SPAN_MIN_M, SEGMENT_VERTICES_MAX,
};
use wayhex_protocol::position::Position;
use wayhex_protocol::segment::{Segment, SegmentFault, Vertex, direction};
use wayhex_protocol::unit::Quadrant;

const METRES_PER_DEGREE: f64 = 111_195.0;
/// Beside a pentagon cells have 186 m², against 307 m² on average.
const BESIDE_A_PENTAGON: (f64, f64) = (23.717_6, -67.132_2);

/// From corner to corner of the cells beside that pentagon, around each: 59.8 m that meet as many cells as can be.
const MOST_CELLS: [(i32, i32); 6] = [
    (237_176_767, -671_323_626),
    (237_176_798, -671_323_648),
    (237_177_818, -671_323_063),
    (237_177_826, -671_323_015),
    (237_175_153, -671_319_568),
    (237_175_153, -671_319_581),
];

fn length_m(way: &[Position]) -> f64 {
    way.windows(2).map(|leg| leg[0].distance_m(leg[1])).sum()
}

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
fn a_phone_that_stands_and_turns_has_no_direction_and_covers_no_unit() {
    for (north_m, east_m) in [(0.011, 0.0), (0.0, 0.011), (-1.5, 1.5), (0.0, -2.9)] {
        let path = [vertex(0.0, 0.0, 900), vertex(north_m, east_m, 0)];
        let facts = Segment::fit(&path).unwrap().facts().unwrap();
        assert_eq!(facts.quadrant, None, "{north_m} m north, {east_m} m east");
        assert_eq!(facts.units().count(), 0);
        assert!(!facts.cells.is_empty(), "it still names where it was");
    }
    let there_and_back = [
        vertex(0.0, 0.0, 4_000),
        vertex(20.0, 0.0, 2_000),
        vertex(2.0, 0.0, 0),
    ];
    let facts = Segment::fit(&there_and_back).unwrap().facts().unwrap();
    assert_eq!(
        facts.quadrant, None,
        "the ends count, not the way between them"
    );
}

/// About the slowest way that is captured (0.5 m/s), with a fix each second. Within 10 s it is long enough for a direction, so that
/// a traffic jam earns what it crosses, segment by segment.
#[test]
fn a_slow_crawl_still_earns() {
    let path: Vec<Vertex> = (0..=30)
        .map(|second| {
            let north_m = f64::from(second) * 0.51;
            vertex(north_m, 0.0, u32::try_from(30 - second).unwrap() * 1_000)
        })
        .collect();
    let mut earned = 0;
    for end in 1..path.len() {
        let here = path[end].before_ms;
        let way: Vec<Vertex> = path[..=end]
            .iter()
            .map(|vertex| Vertex {
                before_ms: vertex.before_ms - here,
                ..*vertex
            })
            .collect();
        let facts = Segment::fit(&way).unwrap().facts().unwrap();
        let is_long_enough = f64::from(u32::try_from(end).unwrap()) * 0.51 > SEGMENT_SPAN_MIN_M;
        assert_eq!(facts.quadrant, is_long_enough.then_some(Quadrant::N));
        earned += facts.units().count();
    }
    assert!(earned > 20);
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

#[test]
fn a_way_around_the_corners_of_the_smallest_cells_meets_just_as_many_as_the_limit() {
    let way = MOST_CELLS.map(|(lat, lon)| Position::from_e7(lat, lon).unwrap());
    assert!((59.0..=SEGMENT_LENGTH_MAX_M).contains(&length_m(&way)));
    assert_eq!(cells_along(&way).len(), SEGMENT_CELLS_MAX);
    let vertices = way.iter().zip((0..6_u32).rev());
    let vertices = vertices.map(|(position, left)| Vertex {
        position: *position,
        before_ms: left * 2_000,
    });
    let segment = Segment::from_vertices(vertices.collect()).unwrap();
    assert_eq!(segment.facts().unwrap().cells.len(), SEGMENT_CELLS_MAX);
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

    /// No lawful way meets more cells than the limit: random ways beside a pentagon, and small changes of the way that meets
    /// as many as can be. The reckoning is at [`SEGMENT_CELLS_MAX`].
    #[test]
    fn sixty_metres_stay_within_the_limit_of_cells_even_where_cells_are_smallest(
        turns in prop::collection::vec((0.0..360.0_f64, 3.0..8.5_f64), 7),
        moves in prop::collection::vec((-400..400_i32, -400..400_i32), 6),
        reach in 0..=400_i32,
    ) {
        let (mut lat, mut lon) = BESIDE_A_PENTAGON;
        let mut places = vec![Position::from_degrees(lat, lon).unwrap()];
        for (heading_deg, step_m) in turns {
            lat += step_m * heading_deg.to_radians().cos() / METRES_PER_DEGREE;
            lon += step_m * heading_deg.to_radians().sin() / (METRES_PER_DEGREE * lat.to_radians().cos());
            places.push(Position::from_degrees(lat, lon).unwrap());
        }
        prop_assert!(cells_along(&places).len() <= SEGMENT_CELLS_MAX);

        let near = MOST_CELLS.iter().zip(moves).map(|((lat, lon), (north, east))| {
            Position::from_e7(lat + north * reach / 400, lon + east * reach / 400).unwrap()
        });
        let near: Vec<Position> = near.collect();
        if length_m(&near) <= SEGMENT_LENGTH_MAX_M {
            prop_assert!(cells_along(&near).len() <= SEGMENT_CELLS_MAX);
        }
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
        let quadrant = direction(path[0], path[path.len() - 1]);
        assert_eq!(
            serde_json::json!(quadrant.map(Quadrant::number)),
            vector["quadrant"],
            "{}",
            vector["place"]
        );
    }
}
