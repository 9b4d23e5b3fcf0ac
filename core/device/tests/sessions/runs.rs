//! Whole runs: once, again, interrupted, and with what is wrong.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use wayhex_device::privacy::{Trim, TripKind};
use wayhex_device::session::SessionError;
use wayhex_protocol::key::{PublicKey, SignError, Signer};
use wayhex_protocol::reason::Reason;

use crate::drives::{RECORDED_MS, record};
use crate::items::NOON_MS;
use crate::phone::{Phone, check_identities};
use crate::wire_server::{Fate, WireServer};

const FRAMES: u32 = 12;

#[test]
fn a_drive_goes_in_and_receipts_come_out() {
    let server = WireServer::start();
    let phone = Phone::with_server(&server.url(), None);
    record(&phone.beside("drive"), FRAMES);
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert!(report.ok, "{:?}", report.errors);
    assert_eq!(report.queue.accepted, u64::from(FRAMES));
    assert_eq!(report.drive.source.as_deref(), Some("frames_json"));
    let last_ms = RECORDED_MS + u64::from(FRAMES - 1) * 1_000;
    assert_eq!(
        report.drive.time_shift_ms,
        i64::try_from(NOON_MS - last_ms).unwrap()
    );
    assert_eq!(report.upload.bytes_sent, server.seen.lock().unwrap().bytes);
    for (i, item) in report.items.iter().enumerate() {
        assert_eq!(item.source, format!("{i:04}.jpg"));
        let time_ms = RECORDED_MS + i as u64 * 1_000;
        assert_eq!(
            item.time_ms,
            i64::try_from(time_ms).ok(),
            "as recorded, not shifted"
        );
        assert_eq!(item.state, "accepted");
        assert!(!item.cells.is_empty() && item.cells.is_sorted());
    }
    let captured = server.seen.lock().unwrap().accepted[0].captured_at_ms;
    assert_eq!(captured, NOON_MS - u64::from(FRAMES - 1) * 1_000);
}

#[test]
fn the_same_drive_again_makes_no_new_items_and_sends_nothing_twice() {
    let server = WireServer::start();
    let phone = Phone::with_server(&server.url(), None);
    record(&phone.beside("drive"), FRAMES);
    let first = phone.run(&phone.beside("drive"));
    let second = phone.run(&phone.beside("drive"));
    check_identities(&second);
    assert!(second.ok);
    assert_eq!(second.items, first.items);
    assert_eq!(second.drive, first.drive);
    assert_eq!(
        (second.upload.attempts, second.upload.picture_bytes),
        (0, 0)
    );
    assert!(server.has_each_picture_once());
}

#[test]
fn a_replay_that_was_stopped_goes_on_where_it_stood() {
    let server = WireServer::start();
    let mut phone = Phone::with_server(&server.url(), None);
    record(&phone.beside("drive"), FRAMES);
    for stop_after in [3, 4, 9] {
        phone.stop_after = Some(stop_after);
        check_settled_at_least(&phone, stop_after);
    }
    phone.stop_after = None;
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert!(report.ok, "{:?}", report.errors);
    assert_eq!(report.queue.accepted, u64::from(FRAMES));
    let seen = server.seen.lock().unwrap();
    let mut sequences: Vec<u64> = seen.accepted.iter().map(|it| it.sequence).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (0..u64::from(FRAMES)).collect::<Vec<_>>());
    assert!(
        seen.accepted
            .iter()
            .all(|it| it.session == seen.accepted[0].session)
    );
}

fn check_settled_at_least(phone: &Phone, frames: u64) {
    let report = phone.run(&phone.beside("drive"));
    assert!(
        report.frames.seen >= frames - 1,
        "{} of {frames}",
        report.frames.seen
    );
    assert!(report.frames.seen < u64::from(FRAMES));
}

#[test]
fn a_drive_that_was_queued_offline_is_delivered_later() {
    let server = WireServer::start();
    let mut phone = Phone::new();
    record(&phone.beside("drive"), FRAMES);
    let offline = phone.run(&phone.beside("drive"));
    check_identities(&offline);
    assert_eq!(offline.queue.pending, u64::from(FRAMES));
    phone.settings.server = Phone::with_server(&server.url(), None).settings.server;
    let online = phone.run(&phone.beside("drive"));
    assert_eq!(online.queue.accepted, u64::from(FRAMES));
    for (before, after) in offline.items.iter().zip(&online.items) {
        assert_eq!(before.observation, after.observation);
    }
}

#[test]
fn a_p256_key_goes_the_whole_way() {
    let server = WireServer::start();
    let mut phone = Phone::with_server(&server.url(), None);
    phone.signer = Box::new(P256::new());
    record(&phone.beside("drive"), 4);
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert!(report.ok, "{:?}", report.errors);
    assert_eq!(report.queue.accepted, 4);
    let registered = server.seen.lock().unwrap().registered.clone();
    assert!(matches!(registered, Some(PublicKey::P256 { .. })));
}

#[test]
fn refusals_are_counted_by_reason_and_later_is_none() {
    let server = WireServer::start();
    server.fates(&[
        Fate::Refuse(Reason::ServerBusy),
        Fate::Refuse(Reason::QualityMismatch),
    ]);
    let phone = Phone::with_server(&server.url(), None);
    record(&phone.beside("drive"), 3);
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert_eq!(report.verdicts.refused.get("quality_mismatch"), Some(&3));
    assert_eq!(report.verdicts.refused.len(), 1);
    assert_eq!(report.items[0].reason.as_deref(), Some("quality_mismatch"));
}

#[test]
fn a_frame_in_a_private_zone_is_told_by_its_index_alone() {
    let mut phone = Phone::new();
    phone.settings.zones = vec!["47.37,8.1234,100".parse().unwrap()];
    record(&phone.beside("drive"), 40);
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    let private = report.frames.dropped["private_zone"];
    assert!((1..40).contains(&private));
    for (i, item) in report.items.iter().enumerate() {
        if item.reason.as_deref() == Some("private_zone") {
            assert_eq!(item.source, i.to_string());
            assert_eq!((item.time_ms, item.observation.as_ref()), (None, None));
            assert!(item.cells.is_empty());
        }
    }
}

#[test]
fn a_drive_trimmed_away_is_told_as_an_error() {
    let mut phone = Phone::new();
    phone.settings.trim = Trim::exact(500, TripKind::Recording).unwrap();
    record(&phone.beside("drive"), FRAMES);
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert_eq!(report.frames.dropped["trip_trimmed"], u64::from(FRAMES));
    assert_eq!(report.errors[0].code, "nothing_kept");
    assert_eq!(report.drive.trim_m, 500);
}

#[test]
fn a_folder_without_frames_is_no_drive() {
    let phone = Phone::new();
    std::fs::create_dir(phone.beside("empty")).unwrap();
    let error = phone.try_run(&phone.beside("empty")).unwrap_err();
    assert!(matches!(error, SessionError::Drive(_)), "{error}");
}

struct P256(EcdsaKeyPair);

impl P256 {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap())
    }
}

impl Signer for P256 {
    fn public_key(&self) -> PublicKey {
        let point = self.0.public_key().as_ref();
        PublicKey::P256 {
            x: point[1..33].try_into().unwrap(),
            y: point[33..].try_into().unwrap(),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = self.0.sign(&SystemRandom::new(), message);
        let signature = signature.map_err(|error| SignError {
            cause: error.to_string(),
        })?;
        Ok(signature.as_ref().try_into().unwrap())
    }
}
