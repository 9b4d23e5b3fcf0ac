//! What a killed server still knows.

use std::os::unix::fs::PermissionsExt;

use wayhex_protocol::receipt::Verdict;

use crate::support::{Phone, Server};

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

#[test]
fn the_keys_are_their_owners_alone() {
    let server = Server::start(&[]);
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let keys = server.store().join("keys");
    assert_eq!(mode(&server.store()), 0o700);
    assert_eq!(mode(&keys), 0o700);
    let files: Vec<_> = std::fs::read_dir(&keys)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|path| mode(path) == 0o600));
}
