//! What a phone's own acceleration can say against its positions.

#![expect(clippy::unwrap_used, reason = "a broken premise ends the test")]

use wayhex_protocol::id::{PolicyHash, Salt, SessionId};
use wayhex_protocol::limits::REST_SPREAD_MAX_MM_S2;
use wayhex_protocol::observation::{
    FixQuality, Kind, Motion, Observation, REDACTION_FACES_ONLY, Redaction, TimeSource,
};
use wayhex_protocol::position::Position;
use wayhex_protocol::segment::{Segment, Vertex};

/// A segment of so many metres north in so many milliseconds, with a spread of acceleration.
fn denies(metres: i32, lasting_ms: u32, spread_mm_s2: Option<u32>) -> bool {
    let vertex = |metres: i32, before_ms| Vertex {
        position: Position::from_e7(470_000_000 + metres * 90, 74_000_000).unwrap(),
        before_ms,
    };
    let way = vec![vertex(0, lasting_ms), vertex(metres, 0)];
    let observation = Observation {
        kind: Kind::Picture,
        session: SessionId([0; 16]),
        sequence: 0,
        captured_at_ms: 1_765_835_621_771,
        time_source: TimeSource::Gnss,
        segment: Segment::from_vertices(way).unwrap(),
        fix: FixQuality::default(),
        motion: Motion {
            acceleration_spread_mm_s2: spread_mm_s2,
            ..Motion::default()
        },
        media: vec![],
        redaction: Redaction {
            version: REDACTION_FACES_ONLY,
            models: vec![],
            faces: 0,
            plates: 0,
        },
        quality: 0,
        policy: PolicyHash([0; 32]),
        salt: Salt([0; 16]),
    };
    observation.denies_its_motion()
}

#[test]
fn a_phone_that_lies_still_denies_a_drive_and_nothing_else() {
    let noise = Some(REST_SPREAD_MAX_MM_S2 - 1);
    for (metres, lasting_ms, spread, expect) in [
        (8, 800, noise, true),
        (8, 800, Some(0), true),
        (50, 10_000, noise, true),
        // Shaken, if only as much as the smoothest second of a recorded drive and less.
        (8, 800, Some(REST_SPREAD_MAX_MM_S2), false),
        (8, 800, Some(230), false),
        // Unknown.
        (8, 800, None, false),
        // Crawling, or too short to tell.
        (8, 4_000, noise, false),
        (8, 499, noise, false),
        // Standing still, and saying so.
        (0, 800, noise, false),
        (0, 0, noise, false),
    ] {
        let found = denies(metres, lasting_ms, spread);
        assert_eq!(found, expect, "{metres} m in {lasting_ms} ms, {spread:?}");
    }
}
