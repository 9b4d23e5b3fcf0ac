//! Repeating a close from its evidence, here and in another language.

use std::process::Command;

use serde_json::Value;
use wayhex_server::reward::audit;

use crate::ledger::{
    DAY_MS, Ledger, OPEN_POLICY, OPENED_MS, cells, closed_ledger, seen, three_drivers,
};
use crate::server::{Server, run};

#[test]
fn evidence_alone_gives_the_root_again() {
    let mut ledger = closed_ledger();
    let road = cells(37.7749, -122.4194, 2);
    ledger.add(&seen(2, 500_000, &road[..5]));
    ledger
        .close(None, OPENED_MS + 2 * DAY_MS)
        .expect("the next close");
    let server = Server::start(ledger.folder(), OPEN_POLICY);
    let files = [1, 2].map(|epoch| format!("evidence/epoch-{epoch}.cbor"));
    let [first, second] = files.map(|file| ledger.folder().join(file));
    let [first, second] = [&first, &second].map(|path| path.to_str().expect("a path"));
    let empty = tempfile::TempDir::new().expect("a temporary folder");
    for (arguments, epoch) in [
        (vec!["audit", first, "--json"], 1),
        (vec!["audit", second, "--previous", first, "--json"], 2),
    ] {
        let summary = server.json(&format!("/v1/epochs/{epoch}"));
        let root = summary["root"].as_str().expect("a root");
        let output = run(
            empty.path(),
            &[arguments.as_slice(), &["--root", root]].concat(),
        );
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(said["match"], true);
        assert_eq!(said["epoch"], epoch);
        for key in [
            "evidence_sha256",
            "observations",
            "pool",
            "paid",
            "treasury",
        ] {
            assert_eq!(said[key], summary[key], "{key}");
        }
        assert_eq!(said["root_recomputed"], summary["root"]);
        assert_eq!(said["root_claimed"], summary["root"]);
    }
    let wrong = "00".repeat(32);
    let code = |arguments: &[&str]| run(empty.path(), arguments).status.code();
    assert_eq!(code(&["audit", first, "--root", &wrong]), Some(6));
    assert_eq!(code(&["audit", first, "--previous", second]), Some(6));
    assert_eq!(code(&["audit", first, "--root", "zz"]), Some(2));
    assert_eq!(code(&["audit", "nowhere.cbor"]), Some(1));
}

#[test]
fn an_auditor_in_another_language_finds_the_same_root() {
    let auditor = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../core/protocol/vectors/audit.py"
    );
    let mut ledger = Ledger::new(&[("claim_delay_epochs", 1), ("quadrants_paid", 1)]);
    for day in 1..=3 {
        ledger.add_all(&three_drivers());
        let closed = ledger
            .close(None, OPENED_MS + day * DAY_MS)
            .expect("a close");
        let output = Command::new("python3")
            .arg(auditor)
            .arg(&closed.evidence)
            .output();
        let Ok(output) = output else {
            println!("skipped: there is no python3");
            return;
        };
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(said["match"], true, "{said}");
        assert_eq!(
            said["root_recomputed"].as_str(),
            closed.summary.totals.root.as_deref()
        );
        assert_eq!(
            said["treasury"].as_str(),
            closed.summary.totals.treasury.as_deref()
        );
    }
}

#[test]
fn a_flipped_byte_of_the_evidence_is_found() {
    let ledger = closed_ledger();
    let path = ledger.folder().join("evidence/epoch-1.cbor");
    let bytes = std::fs::read(&path).expect("evidence");
    let honest = audit(&path, None, None).expect("evidence");
    assert!(honest.matches);
    let flipped = ledger.folder().join("flipped.cbor");
    let (mut malformed, mut mismatched) = (0, 0);
    for place in (0..bytes.len()).step_by(5) {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1;
        std::fs::write(&flipped, &bytes).expect("a file");
        match audit(&flipped, None, None) {
            Err(_) => malformed += 1,
            Ok(found) if !found.matches => mismatched += 1,
            // An observation's id, for one: no sum depends on it, and the published hash tells.
            Ok(found) => assert_ne!(found.evidence_sha256, honest.evidence_sha256),
        }
    }
    assert!(malformed > 0 && mismatched > 0, "{malformed} {mismatched}");
}
