//! Items against a server: each gets its verdict, whatever happens on the way.

use tempfile::TempDir;
use wayhex_device::ports::{Clock, NetworkKind};
use wayhex_device::queue::{Queue, State};
use wayhex_device::sign::Signed;
use wayhex_device::upload::ask::ServerError;
use wayhex_device::upload::batches::{Batches, Counts, Progress};
use wayhex_device::upload::gate::Gate;
use wayhex_device::upload::http::HttpTransport;
use wayhex_device::upload::plan::Rules;
use wayhex_device::upload::server::Server;
use wayhex_protocol::account::Account;
use wayhex_protocol::key::Signer;
use wayhex_protocol::limits::BATCH_ITEMS_MAX;
use wayhex_protocol::reason::Reason;

use crate::items::{Dice, Key, NOON_MS, TestClock, network, queue_of, signed_items};
use crate::wire_server::{Fate, WireServer};

const STEPS_MAX: usize = 60;

fn account() -> Account {
    Account::parse("eip155:1:0x00000000000000000000000000000000000000aa").unwrap()
}

/// A device, its items in a queue, the server they are for, and the folder that the queue lives in.
fn way(count: usize) -> (Key, Vec<Signed>, Queue, WireServer, TempDir) {
    let device = Key::of(1);
    let items = signed_items(count, &device);
    let (folder, queue) = queue_of(&items);
    (device, items, queue, WireServer::start(), folder)
}

/// Meets the server and steps until nothing more is to be done; the last step's progress, and what was counted.
fn deliver(
    queue: &mut Queue,
    server: &WireServer,
    device: &Key,
) -> (Result<Progress, ServerError>, Counts) {
    let clock = TestClock::at(NOON_MS);
    let transport = HttpTransport::new().unwrap();
    let mut gate = Gate::new(&transport, &NetworkKind::Wifi, &clock, Rules::default());
    let door = Server::new(&server.url(), network(), None).unwrap();
    let visit = door.visit(&mut gate, queue).unwrap();
    door.register(&mut gate, queue, device, &account()).unwrap();
    let mut batches = Batches::new(
        door.clone(),
        visit.known.key,
        device.public_key().thumbprint(),
    );
    for _ in 0..STEPS_MAX {
        match batches.step(&mut gate, queue, &Dice) {
            Ok(Progress::Wait(wait_ms)) => {
                if wait_ms > 120_000 {
                    return (Ok(Progress::Wait(wait_ms)), batches.counts());
                }
                clock.wait_ms(wait_ms);
            }
            Ok(Progress::NotRegistered) => {
                door.register(&mut gate, queue, device, &account()).unwrap();
            }
            Ok(Progress::Moved { .. } | Progress::Known { .. } | Progress::Failed(_)) => {}
            ended => return (ended, batches.counts()),
        }
    }
    panic!("no end after {STEPS_MAX} steps");
}

fn states(queue: &Queue, items: &[Signed]) -> Vec<State> {
    let state = |item: &Signed| queue.item(item.id()).unwrap().unwrap().state;
    items.iter().map(state).collect()
}

fn all_accepted(queue: &Queue, items: &[Signed]) -> bool {
    states(queue, items)
        .iter()
        .all(|state| *state == State::Accepted)
}

#[test]
fn every_item_gets_its_receipt_and_none_is_sent_twice() {
    let (device, items, mut queue, server, _folder) = way(BATCH_ITEMS_MAX + 2);
    let (ended, counts) = deliver(&mut queue, &server, &device);
    assert!(matches!(ended, Ok(Progress::Idle)), "{ended:?}");
    assert!(all_accepted(&queue, &items));
    assert_eq!((counts.batches, counts.attempts), (2, 2));
    let bytes: usize = items.iter().map(|item| item.picture().len()).sum();
    assert_eq!(counts.picture_bytes, bytes as u64);
    let (_, counts) = deliver(&mut queue, &server, &device);
    assert_eq!(counts.attempts, 0);
    assert!(server.has_each_picture_once());
}

#[test]
fn an_upload_cut_within_its_answer_is_asked_for_and_not_sent_again() {
    let (device, items, mut queue, server, _folder) = way(3);
    server.fates(&[Fate::CutAnswer]);
    let (ended, counts) = deliver(&mut queue, &server, &device);
    assert!(matches!(ended, Ok(Progress::Idle)), "{ended:?}");
    assert!(all_accepted(&queue, &items));
    assert_eq!(counts.attempts, 1);
    assert_eq!(counts.replayed, 3);
    assert!(server.has_each_picture_once());
}

#[test]
fn an_upload_cut_on_its_way_is_sent_on_from_where_the_server_has_it() {
    let (device, items, mut queue, server, _folder) = way(4);
    let first_two: usize = items[..2]
        .iter()
        .map(|item| item.picture().len() + item.envelope().len() + 12)
        .sum();
    server.fates(&[Fate::CutRequestAfter(first_two)]);
    let (ended, _) = deliver(&mut queue, &server, &device);
    assert!(matches!(ended, Ok(Progress::Idle)), "{ended:?}");
    assert!(all_accepted(&queue, &items));
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.pictures.len(), 4);
    assert!(
        seen.pictures.values().all(|&times| times == 1),
        "{:?}",
        seen.pictures
    );
}

#[test]
fn a_captive_portal_ends_no_item() {
    let (device, items, mut queue, server, _folder) = way(2);
    server.fates(&[Fate::Portal, Fate::Problem(503, "busy")]);
    let (ended, _) = deliver(&mut queue, &server, &device);
    assert!(matches!(ended, Ok(Progress::Idle)), "{ended:?}");
    assert!(all_accepted(&queue, &items));
}

#[test]
fn receipts_of_another_key_end_no_item() {
    let (device, items, mut queue, server, _folder) = way(2);
    server.fates(&[Fate::ForeignReceipts; 64]);
    let clock = TestClock::at(NOON_MS);
    let transport = HttpTransport::new().unwrap();
    let mut gate = Gate::new(&transport, &NetworkKind::Wifi, &clock, Rules::default());
    let door = Server::new(&server.url(), network(), None).unwrap();
    let visit = door.visit(&mut gate, &mut queue).unwrap();
    door.register(&mut gate, &mut queue, &device, &account())
        .unwrap();
    let mut batches = Batches::new(door, visit.known.key, device.public_key().thumbprint());
    for _ in 0..8 {
        let progress = batches.step(&mut gate, &mut queue, &Dice).unwrap();
        assert!(
            !matches!(
                progress,
                Progress::Moved { ended: 1.. } | Progress::Known { ended: 1.. }
            ),
            "{progress:?}"
        );
        clock.wait_ms(600_000);
    }
    assert!(
        states(&queue, &items)
            .iter()
            .all(|state| state.is_pending())
    );
    assert!(batches.counts().unverified > 0);
}

#[test]
fn a_refusal_for_ever_is_kept_with_its_reason() {
    let (device, items, mut queue, server, _folder) = way(2);
    server.fates(&[Fate::Refuse(Reason::DuplicatePicture)]);
    let (ended, _) = deliver(&mut queue, &server, &device);
    assert!(matches!(ended, Ok(Progress::Idle)), "{ended:?}");
    assert_eq!(
        states(&queue, &items),
        [State::Refused(Reason::DuplicatePicture); 2]
    );
}

#[test]
fn later_leaves_an_item_pending_and_it_is_accepted_later() {
    let (device, items, mut queue, server, _folder) = way(2);
    server.fates(&[
        Fate::Refuse(Reason::ServerBusy),
        Fate::Refuse(Reason::StorageUnavailable),
    ]);
    let (ended, counts) = deliver(&mut queue, &server, &device);
    assert!(matches!(ended, Ok(Progress::Idle)), "{ended:?}");
    assert!(all_accepted(&queue, &items));
    assert_eq!(counts.unverified, 0);
}

#[test]
fn a_device_that_the_server_forgot_registers_again() {
    let device = Key::of(1);
    let items = signed_items(2, &device);
    let (_folder, mut queue) = queue_of(&items[..1]);
    let server = WireServer::start();
    assert!(matches!(
        deliver(&mut queue, &server, &device).0,
        Ok(Progress::Idle)
    ));
    server.seen.lock().unwrap().registered = None;
    queue
        .put(&crate::items::note(1, &items[1]), &items[1])
        .unwrap();
    assert!(matches!(
        deliver(&mut queue, &server, &device).0,
        Ok(Progress::Idle)
    ));
    assert!(all_accepted(&queue, &items));
}

#[test]
fn one_item_that_the_server_cannot_take_does_not_hold_up_the_others() {
    let (device, items, mut queue, server, _folder) = way(9);
    server.seen.lock().unwrap().poison = Some((items[3].id(), Fate::Problem(400, "malformed")));
    let (ended, _) = deliver(&mut queue, &server, &device);
    assert!(matches!(ended, Ok(Progress::Wait(_))), "{ended:?}");
    for (i, state) in states(&queue, &items).into_iter().enumerate() {
        assert_eq!(
            state,
            if i == 3 {
                State::Queued
            } else {
                State::Accepted
            },
            "item {i}"
        );
    }
}

#[test]
fn a_server_that_wants_a_newer_app_discards_nothing() {
    let (device, items, mut queue, server, _folder) = way(2);
    server.fates(&[Fate::Problem(426, "version_too_old")]);
    let (ended, _) = deliver(&mut queue, &server, &device);
    let error = ended.unwrap_err();
    assert_eq!(error.code(), "version_too_old");
    assert_eq!(states(&queue, &items), [State::Queued; 2]);
    assert!(queue.has_picture(items[0].id()).unwrap());
}

#[test]
fn a_server_whose_key_is_not_the_pinned_one_gets_nothing() {
    let device = Key::of(1);
    let items = signed_items(1, &device);
    let (_folder, mut queue) = queue_of(&items[..0]);
    let server = WireServer::start();
    assert!(matches!(
        deliver(&mut queue, &server, &device).0,
        Ok(Progress::Idle)
    ));
    server.seen.lock().unwrap().key_seed = 10;
    let clock = TestClock::at(NOON_MS);
    let transport = HttpTransport::new().unwrap();
    let mut gate = Gate::new(&transport, &NetworkKind::Wifi, &clock, Rules::default());
    let pinned_at_first = Server::new(&server.url(), network(), None).unwrap();
    let pinned_by_hand = Key::of(11).public_key().thumbprint();
    let pinned_by_hand = Server::new(&server.url(), network(), Some(pinned_by_hand)).unwrap();
    for door in [pinned_at_first, pinned_by_hand] {
        let error = door.visit(&mut gate, &mut queue).unwrap_err();
        assert_eq!(error.code(), "server_key_mismatch");
    }
}

#[test]
fn an_address_is_a_scheme_a_host_and_a_port() {
    for address in [
        "",
        "ingest.example",
        "ftp://ingest.example",
        "http://a/b",
        "http://u@a",
        "http://a?b",
    ] {
        assert!(Server::new(address, network(), None).is_err(), "{address}");
    }
    let server = Server::new("HTTPS://Ingest.Example:443/", network(), None).unwrap();
    assert_eq!(server.origin(), "https://ingest.example");
    let server = Server::new("http://127.0.0.1:8080", network(), None).unwrap();
    assert_eq!(server.origin(), "http://127.0.0.1:8080");
}

#[test]
fn an_upload_frozen_for_another_server_is_never_sent_there() {
    let device = Key::of(1);
    for doubtful in [false, true] {
        let items = signed_items(2, &device);
        let (_folder, mut queue) = queue_of(&items);
        let (old, new) = (WireServer::start(), WireServer::start());
        let url = format!("{}/v1/batches", old.url());
        let ids: Vec<_> = items.iter().map(Signed::id).collect();
        let task = queue.freeze(&ids, &url, Vec::new()).unwrap();
        if doubtful {
            queue.mark_doubtful(&task).unwrap();
        }
        let (ended, _) = deliver(&mut queue, &new, &device);
        assert!(matches!(ended, Ok(Progress::Idle)), "{ended:?}");
        assert!(all_accepted(&queue, &items));
        assert_eq!(old.seen.lock().unwrap().bytes, 0);
    }
}
