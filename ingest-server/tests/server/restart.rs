//! What a killed server still knows, and what it left behind.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Verdict;
use wayhex_server::store::connect;

use crate::support::{Phone, Server, files, now_ms};

const DAY_MS: u64 = 86_400_000;

#[test]
fn a_restart_keeps_key_policy_devices_and_verdicts() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let drafts = [phone.draft(0), phone.draft(1)];
    let before = phone.upload(&server, &drafts);
    let (key, policy) = server.policy();

    let server = server.restart();
    let (key_after, policy_after) = server.policy();
    assert_eq!((key, policy.hash()), (key_after, policy_after.hash()));
    let after = phone.upload(&server, &drafts);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.receipt, after.receipt);
        assert!(after.replayed);
    }
    let fresh = phone.upload(&server, &[phone.draft(2)]);
    assert_eq!(server.verified(&fresh[0]).verdict, Verdict::Accepted);
}

#[test]
fn changed_parameters_are_a_new_policy_and_the_old_one_stays_good() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let (_, first) = server.policy();

    let server = server.restart_with(&[("POLICY__CLAIM_DELAY_EPOCHS", "0")]);
    let (_, second) = server.policy();
    assert_eq!((first.version, second.version), (1, 2));
    assert_eq!(second.parameters.claim_delay_epochs, 0);
    let named_first = phone.upload(&server, &[phone.draft(0)]);
    assert_eq!(server.verified(&named_first[0]).verdict, Verdict::Accepted);

    let server = server.restart();
    assert_eq!(server.policy().1.hash(), second.hash());
}

/// Makes a change of the store look as if it had been made 11 days ago: one more than captures may be late.
fn backdate(server: &Server, sql: &str) {
    let connection = connect(&server.store()).expect("the database");
    let changed = connection.execute(sql, [now_ms() - 11 * DAY_MS]);
    assert_eq!(changed.expect("the row is changed"), 1);
}

const SUCCESSOR_IS_OLD: &str = "UPDATE policies SET published_ms = ?1 WHERE version = 3";
const GENESIS_ENDED: &str = "UPDATE policies SET published_ms = ?1 WHERE version = 2";

#[test]
fn a_policy_ends_when_whoever_could_not_hear_of_its_successor_had_to_deliver() {
    let first = [("POLICY__CLAIM_DELAY_EPOCHS", "0")];
    let server = Server::start(&first);
    let phone = Phone::new(1).register(&server);
    let server = server.restart_with(&[("POLICY__CLAIM_DELAY_EPOCHS", "1")]);
    assert_eq!(server.policy().1.version, 3);
    backdate(&server, SUCCESSOR_IS_OLD);
    let server = server.restart();

    let mut offline = phone.draft(0);
    offline.observation.captured_at_ms = now_ms() - 2 * DAY_MS;
    let lenient = phone.draft(1);
    let answers = phone.upload(&server, &[offline, lenient]);
    let verdicts = answers.iter().map(|answer| server.verified(answer).verdict);
    assert!(verdicts.eq([Verdict::Accepted, Verdict::Refused(Reason::PolicyUnknown)]));
}

#[test]
fn the_genesis_policy_holds_for_a_device_until_it_has_met_its_server() {
    let server = Server::start(&[]);
    let known = Phone::new(1).register(&server);
    backdate(&server, "UPDATE devices SET registered_ms = ?1");
    let server = server.restart_with(&[("POLICY__CLAIM_DELAY_EPOCHS", "0")]);
    backdate(&server, GENESIS_ENDED);
    let server = server.restart();
    let mut fresh = Phone::new(2).register(&server);
    fresh.go_by(known.policy());

    let verdict = |phone: &Phone| {
        let answers = phone.upload(&server, &[phone.draft(0)]);
        server.verified(&answers[0]).verdict
    };
    assert_eq!(verdict(&known), Verdict::Refused(Reason::PolicyUnknown));
    assert_eq!(verdict(&fresh), Verdict::Accepted);
}

#[test]
fn everything_in_the_store_is_its_owners_alone() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    phone.upload(&server, &[phone.draft(0)]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let store = server.store();
    for folder in ["", "keys", "objects", "objects/00"] {
        assert_eq!(mode(&store.join(folder)), 0o700, "{folder:?}");
    }
    let files = files(&store);
    assert!(files.len() >= 4, "two keys, the database and an object");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_store_that_others_could_read_is_closed_to_them() {
    let server = Server::start(&[]);
    fs::set_permissions(server.store(), Permissions::from_mode(0o755)).unwrap();
    let server = server.restart();
    let mode = fs::metadata(server.store()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn what_a_cut_commit_left_is_swept_and_nothing_else() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    phone.upload(&server, &[phone.draft(0)]);
    let objects = server.store().join("objects");
    let kept = files(&objects);
    let unfinished = objects.join("ab").join(format!("{}.tmp", "0f".repeat(15)));
    let foreign = objects.join("ab").join("notes.tmp");
    fs::write(&unfinished, b"half a picture").unwrap();
    fs::write(&foreign, b"somebody else's").unwrap();

    let server = server.restart();
    assert!(!unfinished.exists() && foreign.exists());
    assert!(kept.iter().all(|path| path.exists()));
    let fresh = phone.upload(&server, &[phone.draft(1)]);
    assert_eq!(server.verified(&fresh[0]).verdict, Verdict::Accepted);
}
