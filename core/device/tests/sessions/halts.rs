//! Replays that are cut off, for a key, a stop or a kill: what goes on later is what an undisturbed run makes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use wayhex_device::ports::Signer;
use wayhex_device::report::Report;
use wayhex_device::session::SessionError;
use wayhex_device::source::RecordError;
use wayhex_protocol::key::{PublicKey, SignError};
use wayhex_protocol::policy::Policy;

use crate::drives::record;
use crate::items::{Key, network};
use crate::phone::{Phone, check_identities};
use crate::wire_server::WireServer;

const FRAMES: u32 = 12;

fn phone() -> Phone {
    let phone = Phone::new();
    record(&phone.beside("drive"), FRAMES);
    phone
}

fn undisturbed() -> Report {
    let phone = phone();
    phone.run(&phone.beside("drive"))
}

/// A keystore that is locked after some signatures.
pub struct Locks(Key, AtomicU32);

impl Locks {
    pub fn after(signatures: u32) -> Self {
        Self(Key::of(1), signatures.into())
    }
}

impl Signer for Locks {
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let is_open = self
            .1
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        match is_open {
            Ok(_left) => self.0.sign(message),
            Err(_none) => Err(SignError {
                cause: "the phone is locked".to_owned(),
            }),
        }
    }
}

#[test]
fn a_key_that_is_locked_for_a_while_costs_a_replay_no_frame() {
    let mut phone = phone();
    for signatures in [0, 3, 1] {
        phone.signer = Box::new(Locks::after(signatures));
        let report = phone.run(&phone.beside("drive"));
        assert_eq!(
            report.errors[0].code, "key_unavailable",
            "{:?}",
            report.errors
        );
        assert!(!report.frames.dropped.contains_key("key_unavailable"));
    }
    phone.signer = Box::new(Key::of(1));
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert_eq!(report.errors, []);
    assert_eq!(report.items, undisturbed().items);
}

/// Each file of a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect()
}

#[test]
fn a_replay_that_is_cut_off_leaves_the_recording_of_an_undisturbed_one() {
    let mut whole = phone();
    whole.settings.record = Some(whole.beside("recording"));
    whole.run(&whole.beside("drive"));
    let expected = files(&whole.beside("recording"));
    assert_eq!(expected.len(), 1 + 2 * usize::try_from(FRAMES).unwrap());

    let mut phone = phone();
    let recording = phone.beside("recording");
    phone.settings.record = Some(recording.clone());
    for stop_after in [3, 4, 9] {
        phone.stop_after = Some(stop_after);
        phone.run(&phone.beside("drive"));
        // What a kill may leave: a file that is not whole, and a frame whose item was not queued any more.
        let next = files(&recording).len() / 2;
        std::fs::write(recording.join(format!("{next:06}.jpg")), b"of no item").unwrap();
        std::fs::write(recording.join("recording.json.new"), b"{").unwrap();
    }
    phone.stop_after = None;
    let report = phone.run(&phone.beside("drive"));
    assert_eq!(report.errors, []);
    assert!(files(&recording) == expected, "other files or bytes");
    phone.run(&phone.beside("drive"));
    assert!(files(&recording) == expected, "played once more");
}

#[test]
fn a_recording_goes_on_only_where_all_of_it_is() {
    let mut phone = phone();
    let recording = phone.beside("recording");
    phone.settings.record = Some(recording.clone());
    phone.stop_after = Some(6);
    phone.run(&phone.beside("drive"));
    phone.stop_after = None;
    std::fs::remove_file(recording.join("000001.json")).unwrap();
    let error = phone.try_run(&phone.beside("drive")).unwrap_err();
    let is_incomplete = matches!(error, SessionError::Record(RecordError::Incomplete { .. }));
    assert!(is_incomplete, "{error}");
    phone.settings.record = Some(phone.beside("another"));
    let error = phone.try_run(&phone.beside("drive")).unwrap_err();
    assert!(matches!(error, SessionError::RecordAgain { .. }), "{error}");
    assert!(!phone.beside("another").exists());
    phone.settings.record = None;
    assert_eq!(phone.run(&phone.beside("drive")).queue.pending, 12);
}

#[test]
fn a_drive_that_was_begun_unrecorded_is_not_recorded_any_more() {
    let mut phone = phone();
    let full = phone.beside("full");
    record(&full, 1);
    phone.settings.record = Some(full);
    let error = phone.try_run(&phone.beside("drive")).unwrap_err();
    assert!(matches!(error, SessionError::Record(_)), "{error}");
    phone.settings.record = None;
    phone.stop_after = Some(3);
    phone.run(&phone.beside("drive"));
    phone.stop_after = None;
    phone.settings.record = Some(phone.beside("recording"));
    let error = phone.try_run(&phone.beside("drive")).unwrap_err();
    assert!(matches!(error, SessionError::RecordAgain { .. }), "{error}");
    assert!(error.to_string().contains("recording"), "{error}");
}

#[test]
fn a_detector_that_the_policy_does_not_accept_queues_nothing_and_is_told() {
    let mut phone = phone();
    phone.model = [9; 32];
    let error = phone.try_run(&phone.beside("drive")).unwrap_err();
    assert!(
        matches!(error, SessionError::ModelNotAccepted { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("0909"), "{error}");
    phone.model = Phone::new().model;
    let report = phone.run(&phone.beside("drive"));
    assert_eq!(report.items, undisturbed().items, "it left no trace");
}

#[test]
fn a_replay_that_is_cut_off_offline_keeps_its_policy_when_the_server_has_another() {
    let server = WireServer::start();
    server.seen.lock().unwrap().policy_version = 2;
    let mut phone = phone();
    phone.stop_after = Some(5);
    phone.run(&phone.beside("drive"));
    phone.stop_after = None;
    phone.settings.server = Phone::with_server(&server.url(), None).settings.server;
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert_eq!(report.policy.version, 2);
    let ids = |report: &Report| -> Vec<Option<String>> {
        let items = report.items.iter();
        items.map(|item| item.observation.clone()).collect()
    };
    assert_eq!(ids(&report), ids(&undisturbed()));
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.accepted.len(), 12);
    let begun = Policy::genesis(network()).hash();
    assert!(seen.accepted.iter().all(|it| it.policy == begun));
}

#[test]
fn a_replay_that_an_earlier_version_began_goes_on() {
    let mut phone = phone();
    phone.stop_after = Some(5);
    phone.run(&phone.beside("drive"));
    phone.stop_after = None;
    let database = rusqlite::Connection::open(phone.store().queue()).unwrap();
    let changed = database
        .execute(
            "UPDATE sessions SET plan = json_remove(plan, '$.policy', '$.record')",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(database);
    let report = phone.run(&phone.beside("drive"));
    assert_eq!(report.items, undisturbed().items);
}
