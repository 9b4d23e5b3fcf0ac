//! A device whose key is lost goes on with a new one, and policies that ask for another app or are out of date.

use wayhex_device::queue::{Queue, State, WaitUntil};
use wayhex_protocol::key::Signer;
use wayhex_protocol::reason::Reason;

use crate::items::{Key, signed_items};
use crate::later::{codes, deliver, ids, put, states};
use crate::phone::Phone;
use crate::wire_server::{Fate, WireServer};

/// A phone that has used its first key on this store, and holds items that it signed.
fn phone_of_key_one(server: &WireServer) -> Phone {
    let mut phone = Phone::with_server(&server.url(), None);
    let there = phone.settings.server.take();
    deliver(&mut phone);
    phone.settings.server = there;
    put(&phone, &signed_items(3, &Key::of(1)));
    phone
}

/// Notes that all items were sent once.
fn send_in_vain(phone: &Phone) {
    let mut queue = Queue::open(&phone.store()).unwrap();
    let items = ids(&signed_items(3, &Key::of(1)));
    let task = queue.freeze(&items, "http://server", Vec::new()).unwrap();
    queue.mark_doubtful(&task).unwrap();
    queue.settle(&task, &[], WaitUntil::default()).unwrap();
}

#[test]
fn what_a_lost_key_signed_and_nobody_saw_is_signed_by_the_new_one_and_accepted() {
    let server = WireServer::start();
    let mut phone = phone_of_key_one(&server);
    phone.signer = Box::new(Key::of(2));
    let report = deliver(&mut phone);
    assert_eq!(codes(&report), ["key_changed"], "it is told once");
    assert_eq!(report.store.pending, 0);
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.accepted.len(), 3);
    assert_eq!(seen.devices.len(), 1, "the old key was never registered");
    let sequences: Vec<u64> = seen.accepted.iter().map(|it| it.sequence).collect();
    assert_eq!(sequences, [0, 1, 2]);
    drop(seen);
    assert!(deliver(&mut phone).ok);
}

#[test]
fn the_new_key_is_registered_at_once_and_the_old_ones_items_are_sent_as_they_are() {
    let server = WireServer::start();
    let mut phone = Phone::with_server(&server.url(), None);
    deliver(&mut phone);
    put(&phone, &signed_items(3, &Key::of(1)));
    send_in_vain(&phone);
    phone.signer = Box::new(Key::of(2));
    let report = deliver(&mut phone);
    assert_eq!(codes(&report), ["key_changed"]);
    let accepted = states(&phone, &ids(&signed_items(3, &Key::of(1))));
    assert_eq!(accepted, [State::Accepted; 3]);
    let devices = server.seen.lock().unwrap().devices.len();
    assert_eq!(devices, 2);
}

#[test]
fn what_was_sent_by_a_lost_key_that_the_server_does_not_know_is_given_up_and_told() {
    let server = WireServer::start();
    let mut phone = phone_of_key_one(&server);
    send_in_vain(&phone);
    phone.signer = Box::new(Key::of(2));
    let report = deliver(&mut phone);
    assert_eq!(report.store.evicted.get("key_lost"), Some(&3));
    let ended = states(&phone, &ids(&signed_items(3, &Key::of(1))));
    assert_eq!(ended, [State::Evicted(Reason::KeyLost); 3]);
}

#[test]
fn a_policy_that_is_older_than_the_one_seen_before_is_not_taken() {
    let server = WireServer::start();
    let mut phone = Phone::with_server(&server.url(), None);
    server.seen.lock().unwrap().policy_version = 3;
    assert_eq!(deliver(&mut phone).policy.version, 3);
    server.seen.lock().unwrap().policy_version = 2;
    put(&phone, &signed_items(1, &Key::of(1)));
    let report = deliver(&mut phone);
    assert_eq!(report.policy.version, 3);
    assert!(report.ok, "it is sent all the same: {:?}", report.errors);
    server.seen.lock().unwrap().policy_version = 4;
    assert_eq!(deliver(&mut phone).policy.version, 4);
}

#[test]
fn a_phone_that_is_too_old_for_the_policy_says_so_and_sends_nothing() {
    let server = WireServer::start();
    let mut phone = Phone::with_server(&server.url(), None);
    put(&phone, &signed_items(2, &Key::of(1)));
    server.seen.lock().unwrap().version_min = 2;
    let report = deliver(&mut phone);
    assert_eq!(codes(&report), ["version_too_old"]);
    assert_eq!(report.store.pending, 2);
    let requests = server.seen.lock().unwrap().requests.clone();
    assert!(requests.iter().all(|it| it.starts_with("GET /v1/policy")));

    // It remembers, and says so where the server cannot be met, too.
    server.seen.lock().unwrap().key_seed = 10;
    let report = deliver(&mut phone);
    assert_eq!(codes(&report), ["server_key_mismatch", "version_too_old"]);

    server.seen.lock().unwrap().key_seed = 9;
    server.seen.lock().unwrap().version_min = 1;
    server.seen.lock().unwrap().policy_version = 2;
    assert!(deliver(&mut phone).ok);
}

#[test]
fn the_time_of_an_answer_from_a_cache_is_not_believed() {
    let server = WireServer::start();
    let mut phone = Phone::with_server(&server.url(), None);
    server.seen.lock().unwrap().cached_s = Some(86_400);
    server.seen.lock().unwrap().now_ms -= 20 * 86_400_000;
    server.seen.lock().unwrap().fates = vec![Fate::Problem(503, "busy")];
    put(&phone, &signed_items(1, &Key::of(1)));
    let report = deliver(&mut phone);
    assert_eq!(report.store.held, 0);
    let queue = Queue::open(&phone.store()).unwrap();
    let stored = queue.server(&server.url()).unwrap().unwrap();
    let thumbprint = Key::of(1).public_key().thumbprint();
    assert_eq!(queue.device().unwrap(), Some(thumbprint));
    assert!(report.ok, "{:?}", report.errors);
    let by_receipt_ms = stored.clock_ahead_ms.unwrap();
    assert!(by_receipt_ms < 0, "{by_receipt_ms}");
}
