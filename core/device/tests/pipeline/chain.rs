//! The chain up to the signature: what is signed, and that the same input gives the same bytes.

use wayhex_device::privacy::Zones;
use wayhex_device::sign::{SignedParts, SoftwareKey, sign};
use wayhex_device::source::DriveHash;
use wayhex_device::system::SystemRandom;
use wayhex_device::tag::{DeviceSecret, TagError, Tagged, Tagger};
use wayhex_protocol::cells::cells_along;
use wayhex_protocol::id::{NetworkId, PolicyHash, SessionId};
use wayhex_protocol::observation::{Kind, REDACTION_FACES_ONLY, Role, TimeSource};
use wayhex_vision::{Detection, quality_of_jpeg};

use crate::scene::{
    Finds, Told, ZERO_MS, captured_with, open_privacy, privacy_with, settings, straight, told,
    told_with, untrimmed,
};

const SHIFT_MS: i64 = 5_000_000;

pub fn network() -> NetworkId {
    NetworkId::parse("test").unwrap()
}

pub fn tagger() -> Tagger {
    let secret = DeviceSecret::new([5; 32]);
    Tagger {
        session: secret.session_of_replay(&DriveHash([1; 32]), SHIFT_MS),
        shift_ms: SHIFT_MS,
        server_offset_ms: None,
        policy: PolicyHash([2; 32]),
        secret,
    }
}

fn tag_all(told: Told, tagger: &Tagger) -> Vec<Tagged> {
    told.released
        .into_iter()
        .zip(0..)
        .map(|(released, sequence)| tagger.tag(released, sequence).unwrap())
        .collect()
}

pub fn tagged() -> Vec<Tagged> {
    tag_all(told(open_privacy(), straight(100.0, 10.0, 2.0)), &tagger())
}

#[test]
fn the_observation_says_what_was_captured() {
    let face = Detection {
        left: 32.0,
        top: 32.0,
        right: 64.0,
        bottom: 64.0,
        score: 0.9,
    };
    let told = told(
        privacy_with(untrimmed(), Zones::default(), Finds(vec![face; 2])),
        straight(100.0, 10.0, 2.0),
    );
    let pictures: Vec<Vec<u8>> = told
        .released
        .iter()
        .map(|released| released.picture().jpeg().to_vec())
        .collect();
    let tagged = tag_all(told, &tagger());
    for (sequence, (tagged, picture)) in (0..).zip(tagged.iter().zip(&pictures)) {
        let observation = tagged.observation();
        assert_eq!(
            (observation.kind, observation.sequence),
            (Kind::Picture, sequence)
        );
        assert_eq!(observation.time_source, TimeSource::Gnss);
        let recorded_ms = observation.captured_at_ms - SHIFT_MS.unsigned_abs();
        assert!((ZERO_MS..ZERO_MS + 60_000).contains(&recorded_ms));
        assert_eq!(
            usize::try_from(observation.media[0].size_bytes).unwrap(),
            picture.len()
        );
        assert_eq!(
            (observation.media[0].width, observation.media[0].height),
            (160, 90)
        );
        assert_eq!(observation.quality, quality_of_jpeg(picture).unwrap().value);
        assert_eq!(
            (observation.redaction.version, observation.redaction.faces),
            (REDACTION_FACES_ONLY, 2)
        );
        assert_eq!(observation.redaction.models[0].role, Role::Face);
        let path: Vec<_> = observation
            .segment
            .vertices()
            .iter()
            .map(|vertex| vertex.position)
            .collect();
        assert_eq!(tagged.facts().cells, cells_along(&path));
    }
}

#[test]
fn the_phones_time_is_corrected_by_the_servers() {
    let phone = wayhex_device::capture::CaptureSettings {
        unix_ms_at_zero: Some(i64::try_from(ZERO_MS).unwrap()),
        ..settings()
    };
    let without_utc = || {
        straight(30.0, 10.0, 1.0)
            .into_iter()
            .map(|event| match event {
                wayhex_device::source::Event::Fix(fix) => {
                    wayhex_device::source::Event::Fix(wayhex_device::source::Fix {
                        utc_ms: None,
                        ..fix
                    })
                }
                other => other,
            })
    };
    assert_eq!(captured_with(phone, without_utc()).kept.len(), 3);
    let time = |server_offset_ms| {
        let told = told_with(phone, open_privacy(), without_utc());
        let tagged = tag_all(
            told,
            &Tagger {
                server_offset_ms,
                ..tagger()
            },
        );
        (
            tagged[0].observation().captured_at_ms - ZERO_MS - SHIFT_MS.unsigned_abs(),
            tagged[0].observation().time_source,
        )
    };
    assert_eq!(time(None), (1_500, TimeSource::Phone));
    assert_eq!(time(Some(-200)), (1_300, TimeSource::Server));
}

#[test]
fn the_servers_time_is_taken_as_soon_as_it_is_known_and_never_sets_a_session_back() {
    let mut tagger = tagger();
    let mut heard = |ahead_ms, is_first| {
        tagger.hear_offset(ahead_ms, is_first);
        tagger.server_offset_ms
    };
    assert_eq!(heard(None, true), None);
    assert_eq!(heard(Some(-60_000), true), Some(-60_000));
    assert_eq!(heard(Some(5_000), false), Some(5_000));
    assert_eq!(heard(Some(-5_000), false), Some(5_000));
    assert_eq!(heard(None, false), Some(5_000));
}

#[test]
fn a_time_that_the_wire_cannot_hold_makes_no_observation() {
    let told = told(open_privacy(), straight(20.0, 10.0, 1.0));
    let tagger = Tagger {
        shift_ms: i64::MIN,
        ..tagger()
    };
    let error = tagger
        .tag(told.released.into_iter().next().unwrap(), 0)
        .unwrap_err();
    assert_eq!(error, TagError::Time);
}

#[test]
fn the_same_drive_gives_the_same_bytes() {
    let dir = tempfile::TempDir::new().unwrap();
    let key = SoftwareKey::open(&dir.path().join("key"), &SystemRandom::default()).unwrap();
    let run = || -> Vec<SignedParts> {
        tagged()
            .into_iter()
            .map(|tagged| sign(tagged, &network(), &key).unwrap().into_parts())
            .collect()
    };
    let (one, two) = (run(), run());
    assert!(one.len() >= 9);
    assert_eq!(one, two);
}

#[test]
fn sessions_and_salts_differ_by_device_drive_shift_and_place() {
    let (one, other) = (DeviceSecret::new([5; 32]), DeviceSecret::new([6; 32]));
    let (drive, another) = (DriveHash([1; 32]), DriveHash([2; 32]));
    let sessions: std::collections::BTreeSet<SessionId> = [
        one.session_of_replay(&drive, 1),
        one.session_of_replay(&drive, 2),
        one.session_of_replay(&another, 1),
        other.session_of_replay(&drive, 1),
    ]
    .into();
    assert_eq!(sessions.len(), 4);
    let session = one.session_of_replay(&drive, 1);
    assert_eq!(one.salt(&session, 3), one.salt(&session, 3));
    assert_ne!(one.salt(&session, 3), one.salt(&session, 4));
    assert_ne!(one.salt(&session, 3), other.salt(&session, 3));
    assert_ne!(one.zone_seed(), other.zone_seed());
    assert_eq!(format!("{one:?}"), "DeviceSecret");
}
