//! Disks that are full, turn read-only, or are slow: real small file systems, each in a mount namespace of its server's own.

use std::fs;
use std::path::PathBuf;

use wayhex_protocol::id::SessionId;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Verdict;
use wayhex_server::failpoints;

use crate::support::{Draft, Phone, Server, can_mount, files};

/// A file that leaves no room on a server's disk.
fn filler(server: &Server) -> PathBuf {
    server.store_within().join("filler")
}

fn fill(server: &Server) {
    let mut file = fs::File::create(filler(server)).expect("a file");
    let block = [0; 4_096];
    while std::io::Write::write_all(&mut file, &block).is_ok() {}
}

fn verdicts(server: &Server, phone: &Phone, drafts: &[Draft]) -> Vec<Verdict> {
    let answers = phone.upload(server, drafts);
    let receipts = answers.iter().map(|answer| server.verified(answer).verdict);
    receipts.collect()
}

const PENDING: Verdict = Verdict::Refused(Reason::StorageUnavailable);

#[test]
fn a_full_disk_leaves_items_pending_and_heals_with_its_space() {
    if !can_mount() {
        return;
    }
    let server = Server::start_on_small_disk("6m", &[]);
    let phone = Phone::new(1).register(&server);
    let first: Vec<Draft> = (0..4).map(|sequence| phone.draft(sequence)).collect();
    let kept = phone.upload(&server, &first);
    let objects = server.store_within().join("objects");
    let whole = files(&objects).len();
    fill(&server);
    let pending: Vec<Draft> = (4..8).map(|sequence| phone.draft(sequence)).collect();
    for _again in 0..3 {
        assert_eq!(verdicts(&server, &phone, &pending), [PENDING; 4]);
        assert_eq!(files(&objects).len(), whole, "what failed does not stay");
    }
    let repeated = phone.upload(&server, &first);
    for (kept, repeated) in kept.iter().zip(&repeated) {
        assert_eq!(kept.receipt, repeated.receipt, "what was acknowledged is");
    }

    fs::remove_file(filler(&server)).unwrap();
    assert_eq!(
        verdicts(&server, &phone, &pending),
        [Verdict::Accepted; 4],
        "without a restart"
    );
}

#[test]
fn a_disk_that_fills_up_while_phones_upload_keeps_what_it_acknowledged() {
    if !can_mount() {
        return;
    }
    let server = Server::start_on_small_disk("3m", &[]);
    let mut phone = Phone::new(1).register(&server);
    let mut accepted = Vec::new();
    let pending = loop {
        let session = u8::try_from(accepted.len() / 32 + 1).expect("the disk is small");
        phone.session = SessionId([session; 16]);
        let drafts: Vec<Draft> = (0..32).map(|sequence| phone.draft(sequence)).collect();
        let given = verdicts(&server, &phone, &drafts);
        assert!(
            given
                .iter()
                .all(|verdict| [Verdict::Accepted, PENDING].contains(verdict))
        );
        let (kept, left): (Vec<_>, Vec<_>) = drafts
            .into_iter()
            .zip(given)
            .partition(|(_, verdict)| *verdict == Verdict::Accepted);
        accepted.extend(kept.into_iter().map(|(draft, _)| (phone.session, draft)));
        if let Some((draft, _)) = left.into_iter().next() {
            break draft;
        }
    };
    println!("{} items fitted", accepted.len());
    let closed = server.run_beside(&["close-epoch"]);
    println!("a close on the full disk: {}", closed.status);
    let session = phone.session;
    for (session, draft) in accepted {
        phone.session = session;
        let answers = phone.upload(&server, &[draft]);
        assert!(answers[0].replayed);
        assert_eq!(server.verified(&answers[0]).verdict, Verdict::Accepted);
    }
    // Some space again, as an operator would make it.
    server.in_its_place("mount -o remount,size=8m .");
    phone.session = session;
    assert_eq!(verdicts(&server, &phone, &[pending]), [Verdict::Accepted]);
    assert!(server.run_beside(&["close-epoch"]).status.success());
    let unfinished = files(&server.store_within())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "tmp"));
    assert_eq!(unfinished.count(), 0);
}

#[test]
fn an_epoch_that_cannot_be_closed_for_want_of_space_stays_open_whole() {
    if !can_mount() {
        return;
    }
    let server = Server::start_on_small_disk("6m", &[]);
    let phone = Phone::new(1).register(&server);
    let drafts: Vec<Draft> = (0..20).map(|sequence| phone.draft(sequence)).collect();
    phone.upload(&server, &drafts);
    fill(&server);
    let failed = server.run_beside(&["close-epoch"]);
    assert!(!failed.status.success());
    let evidence = server.store_within().join("evidence");
    let left = evidence.exists().then(|| files(&evidence));
    assert!(
        left.is_none_or(|left| left.is_empty()),
        "nothing unfinished"
    );

    fs::remove_file(filler(&server)).unwrap();
    let closed = server.run_beside(&["close-epoch", "--json"]);
    assert!(closed.status.success());
    let said: serde_json::Value = serde_json::from_slice(&closed.stdout).unwrap();
    assert_eq!(
        (&said["number"], &said["observations"]),
        (&1.into(), &20.into())
    );
}

#[test]
fn pictures_on_a_disk_that_turned_read_only_leave_items_pending() {
    if !can_mount() {
        return;
    }
    let server = Server::start_on_small_disk("6m", &[]);
    let phone = Phone::new(1).register(&server);
    let draft = phone.draft(0);
    server.in_its_place("mount --bind objects objects && mount -o remount,ro,bind objects");
    assert_eq!(
        verdicts(&server, &phone, std::slice::from_ref(&draft)),
        [PENDING]
    );
    assert_eq!(server.get("/health").status, 200, "it can still answer");
    server.in_its_place("umount objects");
    assert_eq!(verdicts(&server, &phone, &[draft]), [Verdict::Accepted]);
}

#[test]
fn a_slow_disk_is_slow_and_nothing_else() {
    let server = Server::start_with(&[("WAYHEX_FAILPOINT", "*=sleep:20")], &[]);
    let phone = Phone::new(1).register(&server);
    let drafts: Vec<Draft> = (0..6).map(|sequence| phone.draft(sequence)).collect();
    assert_eq!(verdicts(&server, &phone, &drafts), [Verdict::Accepted; 6]);
    let answers = server.answers(&phone.batch_of(&drafts));
    assert_eq!(answers.len(), 6);
}

#[test]
fn every_step_has_a_name_of_its_own() {
    let mut names: Vec<_> = failpoints::ALL.iter().map(|step| step.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), failpoints::ALL.len());
    assert!(names.iter().all(|name| name.starts_with("server.")));
}
