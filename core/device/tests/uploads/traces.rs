//! What has ended leaves nothing on the disk, while the queue is open still.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use wayhex_device::ports::StoragePath;
use wayhex_device::queue::{Bounds, Now, Queue, VerifiedReceipt, WaitUntil};
use wayhex_device::sign::Signed;
use wayhex_protocol::cbor::Wire;
use wayhex_protocol::envelope::seal;
use wayhex_protocol::id::{ObservationId, SessionId};
use wayhex_protocol::key::Signer;
use wayhex_protocol::receipt::{Receipt, Verdict};

use crate::items::{Key, NOON_MS, SESSION, fill, network, signed_items, store};

/// Bytes of a piece that is looked for: too many to be there by chance, few enough to lie on one page.
const PIECE_BYTES: usize = 24;
/// What SQLite's log may grow to between two times that it is emptied: its own 1,000 pages, and what one commit adds.
const LOG_BYTES_MAX: u64 = 8 * 1_024 * 1_024;

/// Every byte that a store has written.
fn written(store: &StoragePath) -> Vec<u8> {
    let mut all = Vec::new();
    for folder in [store.as_path(), &store.uploads()] {
        let Ok(files) = fs::read_dir(folder) else {
            continue;
        };
        for file in files {
            let path = file.unwrap().path();
            if path.is_file() {
                all.extend(fs::read(path).unwrap());
            }
        }
    }
    all
}

/// How many pieces of `secret` are in what was written.
fn pieces(store: &StoragePath, secret: &[u8]) -> usize {
    let written = written(store);
    let pieces: std::collections::HashSet<&[u8]> = secret
        .chunks_exact(PIECE_BYTES)
        .skip(30)
        .step_by(7)
        .collect();
    assert!(pieces.len() > 10);
    let found: std::collections::HashSet<&[u8]> = written
        .windows(PIECE_BYTES)
        .filter(|window| pieces.contains(window))
        .collect();
    found.len()
}

fn accept(queue: &mut Queue, items: &[Signed]) {
    let ids: Vec<ObservationId> = items.iter().map(Signed::id).collect();
    let task = queue.freeze(&ids, "http://server", Vec::new()).unwrap();
    queue.mark_doubtful(&task).unwrap();
    let server = Key::of(9);
    let receipts = ids.iter().map(|&id| {
        let receipt = Receipt {
            id,
            verdict: Verdict::Accepted,
            epoch: 3,
            server_time_ms: NOON_MS,
        };
        let envelope = seal(&receipt, &network(), &server).unwrap();
        let opened = VerifiedReceipt::open(&envelope, &network(), &server.public_key());
        (id, opened.unwrap())
    });
    let receipts: Vec<_> = receipts.collect();
    let wait = WaitUntil::default();
    assert_eq!(queue.settle(&task, &receipts, wait).unwrap(), ids.len());
}

#[test]
fn an_accepted_picture_is_nowhere_on_the_disk() {
    let items = signed_items(3, &Key::of(1));
    let (_folder, store) = store();
    let mut queue = Queue::open(&store).unwrap();
    fill(&mut queue, &items);
    assert!(pieces(&store, items[1].picture()) > 10, "it was there");
    accept(&mut queue, &items);
    for item in &items {
        assert_eq!(pieces(&store, item.picture()), 0);
    }
    assert!(queue.item(items[0].id()).unwrap().is_some());
}

#[test]
fn an_evicted_picture_is_nowhere_on_the_disk() {
    let items = signed_items(4, &Key::of(1));
    let (_folder, store) = store();
    let bounds = Bounds {
        items_max: 2,
        ..Bounds::default()
    };
    let mut queue = Queue::open_bounded(&store, bounds).unwrap();
    fill(&mut queue, &items);
    for (item, is_kept) in items.iter().zip([false, false, true, true]) {
        assert_eq!(pieces(&store, item.picture()) > 0, is_kept);
    }
    let too_late_ms = NOON_MS + bounds.age_max_ms;
    assert_eq!(queue.evict_aged(too_late_ms).unwrap(), 2);
    for item in &items {
        assert_eq!(pieces(&store, item.picture()), 0);
    }
}

#[test]
fn a_forgotten_sessions_positions_are_nowhere_on_the_disk() {
    let items = signed_items(3, &Key::of(1));
    let (_folder, store) = store();
    let bounds = Bounds {
        sessions_max: 1,
        ..Bounds::default()
    };
    let mut queue = Queue::open_bounded(&store, bounds).unwrap();
    fill(&mut queue, &items);
    accept(&mut queue, &items);
    queue.end(SESSION, "{}").unwrap();
    let place = |item: &Signed| {
        let vertices = item.observation().segment.vertices();
        let last = vertices[vertices.len() - 1].position;
        [last.lat_e7().to_be_bytes(), last.lon_e7().to_be_bytes()]
    };
    let count = |item: &Signed| {
        let written = written(&store);
        let [lat, lon] = place(item);
        // In an envelope the longitude stands a byte behind the latitude.
        let near =
            |at: usize| written[at..].starts_with(&lat) && written[at + 5..].starts_with(&lon);
        (0..written.len() - 16).filter(|&at| near(at)).count()
    };
    assert!(count(&items[1]) > 0, "the row is kept for the report");
    queue.begin(SessionId([6; 16]), None, "{}").unwrap();
    for item in &items {
        assert_eq!(count(item), 0);
        let payload = item.observation().to_bytes();
        let written = written(&store);
        let tail = &payload[payload.len() - 40..];
        assert!(!written.windows(tail.len()).any(|window| window == tail));
    }
}

#[test]
fn it_is_secure_delete_that_overwrites_a_picture() {
    for (secure, is_there) in [("OFF", true), ("ON", false)] {
        let items = signed_items(3, &Key::of(1));
        let (_folder, store) = store();
        let mut queue = Queue::open(&store).unwrap();
        fill(&mut queue, &items);
        drop(queue);
        let connection = Connection::open(store.queue()).unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA secure_delete = {secure};
                 DELETE FROM pictures;
                 PRAGMA wal_checkpoint(TRUNCATE);"
            ))
            .unwrap();
        assert_eq!(pieces(&store, items[1].picture()) > 0, is_there, "{secure}");
    }
}

#[test]
fn a_log_that_a_killed_process_left_is_emptied_at_the_next_start() {
    let items = signed_items(2, &Key::of(1));
    let (folder, first) = store();
    let mut queue = Queue::open(&first).unwrap();
    fill(&mut queue, &items);
    // What a kill leaves: the files as they are, the log with them.
    let copy = StoragePath::create(&folder.path().join("copy")).unwrap();
    for file in fs::read_dir(first.as_path()).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, copy.as_path().join(path.file_name().unwrap())).unwrap();
    }
    assert!(log_bytes(copy.as_path()) > 0);
    let again = Queue::open(&copy).unwrap();
    assert_eq!(log_bytes(copy.as_path()), 0);
    assert_eq!(again.pending().unwrap(), 2);
}

fn log_bytes(store: &Path) -> u64 {
    let log = store.join("queue.sqlite-wal");
    fs::metadata(log).map_or(0, |found| found.len())
}

#[test]
fn what_is_given_up_all_at_once_goes_in_steps_and_its_space_comes_back() {
    let items = signed_items(150, &Key::of(1));
    let (_folder, store) = store();
    let mut queue = Queue::open(&store).unwrap();
    fill(&mut queue, &items);
    let bytes = |store: &StoragePath| fs::metadata(store.queue()).unwrap().len();
    assert!(log_bytes(store.as_path()) <= LOG_BYTES_MAX);
    let pictures: u64 = items.iter().map(|it| it.picture().len() as u64).sum();
    drop(queue);
    let full = bytes(&store);
    let mut queue = Queue::open(&store).unwrap();
    let evicted = queue.evict_aged(NOON_MS + Bounds::default().age_max_ms);
    assert_eq!(evicted.unwrap(), 150);
    assert_eq!(log_bytes(store.as_path()), 0);
    let left = bytes(&store);
    assert!(
        left + pictures * 9 / 10 < full,
        "{left} of {full} bytes are left"
    );
    assert_eq!(queue.evicted().values().sum::<u64>(), 150);
    assert_eq!(queue.sendable(Now::Unconfirmed(NOON_MS)).unwrap(), []);
}

#[test]
fn what_ended_items_leave_is_bounded_too() {
    let items = signed_items(20, &Key::of(1));
    let envelopes: u64 = items.iter().map(|it| it.envelope().len() as u64).sum();
    let (_folder, store) = store();
    let bounds = Bounds {
        bytes_max: 7 * envelopes,
        ..Bounds::default()
    };
    let pictures: u64 = items.iter().map(|it| it.picture().len() as u64).sum();
    assert!(pictures > bounds.bytes_max, "not all of them fit");
    let mut queue = Queue::open_bounded(&store, bounds).unwrap();
    fill(&mut queue, &items);
    queue.end(SESSION, "{}").unwrap();
    assert_eq!(queue.fates(SESSION).unwrap().len(), 20, "all are told of");
    let sendable = queue.sendable(Now::Unconfirmed(NOON_MS)).unwrap();
    let pending: u64 = sendable.iter().map(|it| it.size_bytes).sum();
    assert!(pending + envelopes / 2 <= bounds.bytes_max);
    queue.evict_aged(NOON_MS + bounds.age_max_ms).unwrap();
    queue.begin(SessionId([6; 16]), None, "{}").unwrap();
    let left = queue.fates(SESSION).unwrap().len();
    assert_eq!(left, 0, "it was forgotten for its bytes");
}
