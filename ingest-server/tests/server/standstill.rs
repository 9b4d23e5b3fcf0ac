//! Standing still does not pay, however it is dressed up.

use serde_json::Value;
use wayhex_protocol::position::Position;
use wayhex_protocol::receipt::Verdict;
use wayhex_protocol::segment::{Segment, Vertex};

use crate::support::{Draft, Phone, Server};

const OPEN_POLICY: &[(&str, &str)] = &[
    ("POLICY__CLAIM_DELAY_EPOCHS", "0"),
    ("POLICY__COVERAGE_DELAY_S", "0"),
    ("POLICY__EPOCH_LENGTH_S", "0"),
];

/// A draft whose way is so many 1e-7 degrees north and east of the place of the phone's first one.
fn beside(phone: &Phone, sequence: u64, from: (i32, i32), to: (i32, i32)) -> Draft {
    let home = phone.draft(0).observation.segment.place();
    let vertex = |(north, east), before_ms| Vertex {
        position: Position::from_e7(home.lat_e7() + north, home.lon_e7() + east)
            .expect("a position"),
        before_ms,
    };
    let mut draft = phone.draft(sequence);
    draft.observation.segment =
        Segment::from_vertices(vec![vertex(from, 800), vertex(to, 0)]).expect("a segment");
    draft
}

fn points(server: &Server, phone: &Phone) -> (String, String) {
    let paid: Value = server
        .get(&format!("/v1/epochs/1/payouts/{}", phone.account))
        .json();
    let text = |value: &Value| value["total"].as_str().expect("an amount").to_owned();
    (text(&paid["score"]), text(&paid["points"]))
}

#[test]
fn a_parked_phone_that_turns_on_the_spot_earns_nothing() {
    let server = Server::start(OPEN_POLICY);
    let parked = Phone::new(1).register(&server);
    let driving = Phone::new(2).register(&server);
    // A finger's breadth in each direction, then as far as a phone's fixes wander.
    let ways = [1, 100, 250].into_iter().flat_map(|reach| {
        [(reach, 0), (0, reach), (-reach, 0), (0, -reach)].map(|to| ((0, 0), to))
    });
    let turns: Vec<Draft> = (0..)
        .zip(ways)
        .map(|(sequence, (from, to))| beside(&parked, sequence, from, to))
        .collect();
    let drive: Vec<Draft> = (0..4).map(|sequence| driving.draft(sequence)).collect();
    for (phone, drafts) in [(&parked, &turns), (&driving, &drive)] {
        for answer in phone.upload(&server, drafts) {
            assert_eq!(server.verified(&answer).verdict, Verdict::Accepted);
        }
    }
    let closed = server.close_epoch();
    assert_eq!(closed["observations"], 16);
    assert_eq!(points(&server, &parked), ("0".to_owned(), "0".to_owned()));
    let (score, paid) = points(&server, &driving);
    assert!(score != "0" && paid != "0");

    let units = server.get("/v1/epochs/1/units?limit=1000").json();
    let units = units["units"].as_array().expect("units");
    assert!(
        !units.is_empty() && units.iter().all(|unit| unit["quadrant"] == 0),
        "north only"
    );
}
