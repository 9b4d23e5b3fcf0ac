//! What an observation has to agree with: the others of its session, the day, the server's own time.

use wayhex_protocol::id::SessionId;
use wayhex_protocol::limits::TIME_AHEAD_MAX_MS;
use wayhex_protocol::position::Position;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Verdict;
use wayhex_protocol::segment::{Segment, Vertex};
use wayhex_server::store::connect;

use crate::support::{Draft, Phone, Server, now_ms};

const DAY_MS: u64 = 86_400_000;
/// Milliseconds of a draft's segment.
const SEGMENT_MS: u64 = 800;
/// Some 90 km north, in 1e-7 degree.
const ANOTHER_CITY_E7: i32 = 8_000_000;

fn verdict(server: &Server, phone: &Phone, draft: Draft) -> Verdict {
    let answers = phone.upload(server, &[draft]);
    server.verified(&answers[0]).verdict
}

fn moved_north(mut draft: Draft, by_e7: i32) -> Draft {
    let vertices = draft.observation.segment.vertices().iter();
    let vertices = vertices.map(|vertex| Vertex {
        position: Position::from_e7(vertex.position.lat_e7() + by_e7, vertex.position.lon_e7())
            .expect("a position"),
        ..*vertex
    });
    draft.observation.segment = Segment::from_vertices(vertices.collect()).expect("a segment");
    draft
}

#[test]
fn a_phone_is_not_in_two_cities_within_a_session() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let refused = Verdict::Refused(Reason::Teleport);
    let at = |sequence: u64, by_e7| moved_north(phone.draft(sequence), by_e7);
    assert_eq!(verdict(&server, &phone, at(10, 0)), Verdict::Accepted);
    for sequence in [9, 11, 40] {
        let there = at(sequence, ANOTHER_CITY_E7);
        assert_eq!(verdict(&server, &phone, there), refused, "{sequence}");
    }
    // The drive there takes 21 minutes at 70 m/s.
    let mut earlier = at(8, ANOTHER_CITY_E7);
    earlier.observation.captured_at_ms -= 1_300_000;
    assert_eq!(verdict(&server, &phone, earlier), Verdict::Accepted);
}

#[test]
fn what_a_pair_is_forgiven_does_not_add_up() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    // 130 m further each second: within the second that clocks may differ by, for one pair.
    let hop_e7 = 130 * 90;
    let hops =
        (0..8).map(|hop| moved_north(phone.draft(hop), hop_e7 * i32::try_from(hop).unwrap()));
    let verdicts: Vec<_> = hops.map(|draft| verdict(&server, &phone, draft)).collect();
    assert_eq!(verdicts[..2], [Verdict::Accepted; 2]);
    assert_eq!(verdicts[2..], [Verdict::Refused(Reason::Teleport); 6]);
}

#[test]
fn a_standstill_cannot_claim_more_driving_than_there_was_time_for() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let begun_ms = now_ms() - 60_000;
    let drafts: Vec<Draft> = (0..20)
        .map(|sequence| {
            let mut draft = phone.draft(sequence);
            draft.observation.segment = phone.draft(0).observation.segment;
            draft.observation.captured_at_ms = begun_ms + 10 * sequence;
            draft
        })
        .collect();
    let answers = phone.upload(&server, &drafts);
    let verdicts = answers.iter().map(|answer| server.verified(answer).verdict);
    let (accepted, refused): (Vec<_>, Vec<_>) =
        verdicts.partition(|verdict| *verdict == Verdict::Accepted);
    let lasting_ms = SEGMENT_MS + 10 * 19;
    let claimed_ms = SEGMENT_MS * u64::try_from(accepted.len()).unwrap();
    assert!(claimed_ms <= lasting_ms + 1_000, "{claimed_ms} ms claimed");
    assert!(!accepted.is_empty());
    assert!(
        refused
            .iter()
            .all(|verdict| *verdict == Verdict::Refused(Reason::MotionImpossible))
    );
}

#[test]
fn recorded_drives_of_one_phone_may_end_at_the_same_time() {
    let server = Server::start(&[]);
    let mut phone = Phone::new(1).register(&server);
    let first = phone.draft(0);
    phone.session = SessionId([2; 16]);
    let second = moved_north(phone.draft(0), ANOTHER_CITY_E7);
    for draft in [first, second] {
        assert_eq!(verdict(&server, &phone, draft), Verdict::Accepted);
    }
}

#[test]
fn no_phone_drives_more_than_a_day_in_a_day() {
    let server = Server::start(&[]);
    let mut phone = Phone::new(1).register(&server);
    assert_eq!(verdict(&server, &phone, phone.draft(0)), Verdict::Accepted);
    let connection = connect(&server.store()).unwrap();
    let full = connection.execute("UPDATE driven_days SET claimed_ms = ?1", [DAY_MS + 300]);
    assert_eq!(full.unwrap(), 1);
    phone.session = SessionId([3; 16]);
    assert_eq!(
        verdict(&server, &phone, phone.draft(1)),
        Verdict::Refused(Reason::MotionImpossible)
    );
}

#[test]
fn a_server_that_doubts_its_clock_ends_no_item_for_its_time() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let ahead = |sequence| {
        let mut draft = phone.draft(sequence);
        draft.observation.captured_at_ms = now_ms() + TIME_AHEAD_MAX_MS + 60_000;
        draft
    };
    let refused = Verdict::Refused(Reason::CapturedInFuture);
    assert_eq!(verdict(&server, &phone, ahead(0)), refused);

    let connection = connect(&server.store()).unwrap();
    let set = |at_ms: u64| {
        let changed = connection.execute("UPDATE latest_commit SET at_ms = ?1", [at_ms]);
        assert_eq!(changed.unwrap(), 1);
    };
    // As if receipts had been given tomorrow: the clock was set back since.
    set(now_ms() + DAY_MS);
    let pending = ahead(1);
    let doubted = Verdict::Refused(Reason::ServerClock);
    assert_eq!(verdict(&server, &phone, pending.clone()), doubted);
    assert!(!doubted.is_final());
    let honest = verdict(&server, &phone, phone.draft(2));
    assert_eq!(honest, Verdict::Accepted, "what is in order is not held up");

    set(now_ms());
    assert_eq!(verdict(&server, &phone, pending), refused);
}

#[test]
fn a_server_that_was_away_for_days_gives_its_clock_an_hour() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let late = |sequence| {
        let mut draft = phone.draft(sequence);
        draft.observation.captured_at_ms = now_ms() - 11 * DAY_MS;
        draft
    };
    assert_eq!(
        verdict(&server, &phone, late(0)),
        Verdict::Refused(Reason::TooLate)
    );
    let connection = connect(&server.store()).unwrap();
    let long_ago = now_ms() - 2 * DAY_MS;
    connection
        .execute("UPDATE latest_commit SET at_ms = ?1", [long_ago])
        .unwrap();
    let server = server.restart();
    assert_eq!(
        verdict(&server, &phone, late(1)),
        Verdict::Refused(Reason::ServerClock)
    );
}
