//! What holds whatever happens to the processes of a store: one server, one close, nothing left lying about.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use rusqlite::TransactionBehavior;
use tempfile::TempDir;
use wayhex_protocol::cbor::decode_exact;
use wayhex_protocol::evidence::Evidence;
use wayhex_protocol::id::ObservationId;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Verdict;
use wayhex_server::failpoints;
use wayhex_server::keys::Keys;
use wayhex_server::store::{Store, StoreError, connect};

use crate::support::{Draft, Phone, Server, command_in, files, network};

#[test]
fn a_store_has_one_server_and_an_epoch_can_be_closed_beside_it() {
    let server = Server::start(&[]);
    let second = command_in(server.folder(), &[]).arg("serve").output();
    let second = second.expect("the program runs");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success());
    assert!(said.contains("another server is running on"), "{said}");

    let closed = command_in(server.folder(), &[]).arg("close-epoch").output();
    assert!(closed.expect("the program runs").status.success());
    let phone = Phone::new(1).register(&server);
    let answers = phone.upload(&server, &[phone.draft(0)]);
    assert_eq!(server.verified(&answers[0]).verdict, Verdict::Accepted);
}

#[test]
fn what_no_row_names_is_swept_at_the_start() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    phone.upload(&server, &[phone.draft(0)]);
    let store = server.store();
    let kept = files(&store.join("objects"));
    let rubbish = [
        store.join("objects/ab").join("0f".repeat(15)),
        store.join("objects/ab").join("0e".repeat(15) + ".tmp"),
        store.join("evidence/epoch-7.tmp"),
        store.join("keys/signing.tmp"),
    ];
    let foreign = [
        store.join("objects/ab/notes"),
        store.join("evidence/notes.tmp"),
        store.join("keys/notes.tmp"),
    ];
    fs::create_dir_all(store.join("evidence")).unwrap();
    for path in rubbish.iter().chain(&foreign) {
        fs::write(path, b"left behind").unwrap();
    }
    let _server = server.restart();
    let exists = |path: &PathBuf| path.exists();
    assert!(!rubbish.iter().any(exists));
    assert!(foreign.iter().all(exists) && kept.iter().all(exists));
}

#[test]
fn programs_that_begin_on_an_empty_store_at_once_agree_on_its_keys() {
    for _ in 0..5 {
        let folder = TempDir::new().unwrap();
        let store = folder.path().join("above").join("store");
        let open = || {
            let keys = Keys::open(&store).expect("the keys");
            connect(&store).expect("the database");
            (keys.signing.thumbprint(), keys.wrapping.id)
        };
        let opened: Vec<_> = scope(|threads| {
            let all: Vec<_> = (0..8).map(|_| threads.spawn(open)).collect();
            all.into_iter()
                .map(|one| one.join().expect("no panic"))
                .collect()
        });
        assert!(opened.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

#[test]
fn a_panic_in_the_writer_is_the_end_of_its_work_alone() {
    let folder = TempDir::new().unwrap();
    let keys = Arc::new(Keys::open(folder.path()).unwrap());
    let store = Store::open(folder.path(), keys, &network()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let count = "SELECT count(*) FROM accounts";
        let panicked: Result<(), StoreError> = store
            .write(failpoints::POLICY_COMMIT, |transaction| {
                transaction.execute("INSERT INTO accounts (caip10) VALUES ('half')", [])?;
                panic!("on purpose")
            })
            .await;
        assert!(matches!(panicked, Err(StoreError::Unavailable)));
        let left: Result<u64, StoreError> = store
            .write(failpoints::POLICY_COMMIT, move |transaction| {
                Ok(transaction.query_row(count, [], |row| row.get(0))?)
            })
            .await;
        assert_eq!(left.unwrap(), 0, "the work was undone, and others go on");
        store.is_writing(Duration::from_mins(1)).await.unwrap();
        store.close().await;
        let ended = store.is_writing(Duration::from_mins(1)).await;
        assert!(matches!(ended, Err(StoreError::Unavailable)));
    });
}

#[test]
fn a_store_that_another_process_holds_too_long_leaves_items_pending_and_says_so() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let drafts = [phone.draft(0)];
    let kept = phone.upload(&server, &[phone.draft(1)]);
    let mut connection = connect(&server.store()).unwrap();
    let held = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();
    let (pending, repeated, health) = scope(|threads| {
        let pending = threads.spawn(|| phone.upload(&server, &drafts));
        let repeated = threads.spawn(|| phone.upload(&server, &[phone.draft(1)]));
        while server.get("/health").status == 200 {}
        let health = server.get("/health").code();
        (pending.join().unwrap(), repeated.join().unwrap(), health)
    });
    held.rollback().unwrap();
    assert_eq!(health, "storage_unavailable");
    assert_eq!(
        server.verified(&pending[0]).verdict,
        Verdict::Refused(Reason::StorageUnavailable)
    );
    drop((repeated, kept));
    let accepted = phone.upload(&server, &drafts);
    assert_eq!(server.verified(&accepted[0]).verdict, Verdict::Accepted);
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn refusals_and_batches_are_remembered_up_to_a_limit() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let mut refused = phone.draft(0);
    refused.observation.quality ^= 0x40;
    let good = phone.draft(1);
    for batch in 0..20 {
        // The same two items, in batches that each have another first item.
        let drafts = [phone.draft(2 + batch), refused.clone(), good.clone()];
        phone.upload(&server, &drafts);
    }
    let connection = connect(&server.store()).unwrap();
    let most: u32 = connection
        .query_row(
            "SELECT max(batches) FROM (SELECT count(*) AS batches FROM batch_verdicts GROUP BY verdict)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(most, 16);

    // As if the device had been refused ten thousand other things before, each in a batch of its own.
    let refusals =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)";
    for insert in [
        "INSERT INTO verdicts (device, item, reason, epoch, decided_ms, receipt)
             SELECT 1, CAST('item' || i AS BLOB), 101, 1, 1, x'00' FROM n",
        "INSERT INTO batches (batch, begun_ms) SELECT CAST('batch' || i AS BLOB), 9e15 FROM n",
        "INSERT INTO batch_verdicts (batch, verdict)
             SELECT batches.id, verdicts.id FROM n
             JOIN batches ON batch = CAST('batch' || i AS BLOB)
             JOIN verdicts ON device = 1 AND item = CAST('item' || i AS BLOB)",
    ] {
        connection
            .execute(&[refusals, insert].join(" "), [])
            .unwrap();
    }
    let count = |of: &str| -> u32 {
        let query = format!("SELECT count(*) FROM {of}");
        connection.query_row(&query, [], |row| row.get(0)).unwrap()
    };
    let mut another = phone.draft(30);
    another.observation.quality ^= 0x40;
    phone.upload(&server, &[another]);
    assert_eq!(count("verdicts WHERE reason IS NOT NULL"), 10_000);
    assert_eq!(
        count("batches WHERE NOT EXISTS (SELECT 1 FROM batch_verdicts WHERE batch = batches.id)"),
        0
    );
    assert_eq!(count("observations"), 21, "nothing accepted is forgotten");
    let again = phone.upload(&server, &[good]);
    assert!(again[0].replayed);
}

/// Uploads batches until it has sent so many; the receipts' epochs by observation.
fn keep_uploading(server: &Server, number: u8) -> BTreeMap<ObservationId, u64> {
    let phone = Phone::new(number).register(server);
    let mut epochs = BTreeMap::new();
    for batch in 0..12 {
        let drafts: Vec<Draft> = (0..4).map(|item| phone.draft(4 * batch + item)).collect();
        for answer in phone.upload(server, &drafts) {
            let receipt = server.verified(&answer);
            assert_eq!(receipt.verdict, Verdict::Accepted);
            assert_eq!(epochs.insert(receipt.id, receipt.epoch), None);
        }
    }
    epochs
}

fn close_epoch(server: &Server) -> Child {
    command_in(server.folder(), &[])
        .arg("close-epoch")
        .stdout(Stdio::null())
        .spawn()
        .expect("the program runs")
}

/// The observations of all evidence, each with its epoch.
fn evidence_of(store: &Path) -> BTreeMap<ObservationId, u64> {
    let mut epochs = BTreeMap::new();
    for file in files(&store.join("evidence")) {
        let evidence: Evidence = decode_exact(&fs::read(&file).expect("a file")).expect("evidence");
        let facts = evidence.facts;
        let observations = facts.tables.accounts.iter();
        for id in observations.flat_map(|account| &account.observations) {
            assert_eq!(epochs.insert(*id, facts.epoch), None, "counted twice");
        }
    }
    epochs
}

#[test]
fn epochs_that_are_closed_under_load_by_several_processes_count_each_receipt_once() {
    // The schedule closes an epoch each second, two other processes close whenever they can, and some of them are killed.
    let server = Server::start(&[("POLICY__EPOCH_LENGTH_S", "1")]);
    let is_over = AtomicBool::new(false);
    let mut given = BTreeMap::new();
    scope(|threads| {
        threads.spawn(|| {
            let mut round = 0;
            while !is_over.load(Ordering::Relaxed) {
                let mut closers = [close_epoch(&server), close_epoch(&server)];
                sleep(Duration::from_millis(7 * (round % 9)));
                closers[0].kill().expect("a closer can be killed");
                for closer in &mut closers {
                    closer.wait().expect("a closer ends");
                }
                round += 1;
            }
        });
        let uploads: Vec<_> = (1..=3)
            .map(|number| {
                let server = &server;
                threads.spawn(move || keep_uploading(server, number))
            })
            .collect();
        let done: Vec<_> = uploads
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        is_over.store(true, Ordering::Relaxed);
        given.extend(done.into_iter().flat_map(|one| one.expect("no panic")));
    });
    assert!(
        close_epoch(&server)
            .wait()
            .expect("a closer ends")
            .success()
    );
    assert_eq!(given.len(), 3 * 48);
    let epochs: std::collections::BTreeSet<_> = given.values().collect();
    println!("{} receipts in {} epochs", given.len(), epochs.len());
    let evidence = evidence_of(&server.store());
    for (id, epoch) in &given {
        assert_eq!(evidence.get(id), Some(epoch), "{id}");
    }
    assert_eq!(evidence.len(), given.len());
}
