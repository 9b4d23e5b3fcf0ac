//! What the driver's rules count is what crosses the network.

use std::sync::atomic::Ordering;

use wayhex_device::ports::{Clock, NetworkKind};
use wayhex_device::queue::{Now, Queue};
use wayhex_device::upload::ask::ServerError;
use wayhex_device::upload::batches::{Batches, Progress};
use wayhex_device::upload::gate::{Gate, GateError, Traffic};
use wayhex_device::upload::http::HttpTransport;
use wayhex_device::upload::plan::{Hold, Rules};
use wayhex_device::upload::server::Server;
use wayhex_protocol::account::Account;
use wayhex_protocol::key::Signer;

use crate::items::{Dice, Key, NOON_MS, TestClock, network, queue_of, signed_items};
use crate::proxy::Proxy;
use crate::wire_server::{Fate, WireServer};

/// Everything that a phone says to a server, through the proxy, under these rules; what the phone counted.
fn talk(queue: &mut Queue, proxy: &Proxy, kind: NetworkKind, rules: Rules) -> Traffic {
    let device = Key::of(1);
    let clock = TestClock::at(NOON_MS);
    let transport = HttpTransport::new().unwrap();
    let mut gate = Gate::new(&transport, &kind, &clock, rules);
    let door = Server::new(&proxy.url(), network(), None).unwrap();
    let account = Account::parse("eip155:1:0x00000000000000000000000000000000000000aa").unwrap();
    let key = match door.visit(&mut gate, queue) {
        Ok(visit) => visit.known.key,
        Err(error) => {
            assert!(
                matches!(error, ServerError::Gate(GateError::Held(_))),
                "{error}"
            );
            return gate.traffic();
        }
    };
    door.register(&mut gate, queue, &device, &account).unwrap();
    let mut batches = Batches::new(door, key, device.public_key().thumbprint());
    loop {
        match batches.step(&mut gate, queue, &Dice).unwrap() {
            Progress::Idle | Progress::Held(_) => return gate.traffic(),
            Progress::Wait(wait_ms) => clock.wait_ms(wait_ms),
            _ => {}
        }
    }
}

fn within_two_percent(counted: u64, crossed: u64) {
    assert!(counted >= crossed, "{counted} counted, {crossed} crossed");
    assert!(
        counted <= crossed + crossed / 50,
        "{counted} counted, {crossed} crossed"
    );
}

#[test]
fn the_phone_counts_what_a_proxy_counts() {
    let (_folder, mut queue) = queue_of(&signed_items(12, &Key::of(1)));
    let server = WireServer::start();
    let proxy = Proxy::to(server.address);
    let counted = talk(&mut queue, &proxy, NetworkKind::Wifi, Rules::default());
    let (sent, received) = proxy.bytes();
    within_two_percent(counted.sent, sent);
    within_two_percent(counted.received, received);
    assert_eq!(server.seen.lock().unwrap().bytes, sent);
    assert_eq!(
        queue.traffic_bytes(Now::Confirmed(NOON_MS)).unwrap(),
        counted.sent + counted.received
    );
}

#[test]
fn retries_count_too() {
    let (_folder, mut queue) = queue_of(&signed_items(6, &Key::of(1)));
    let server = WireServer::start();
    let proxy = Proxy::to(server.address);
    server.fates(&[Fate::Portal, Fate::CutAnswer, Fate::Problem(503, "busy")]);
    let counted = talk(&mut queue, &proxy, NetworkKind::Wifi, Rules::default());
    let (sent, received) = proxy.bytes();
    within_two_percent(counted.sent, sent);
    within_two_percent(counted.received, received);
}

#[test]
fn a_metered_or_capped_session_sends_no_byte() {
    let (_folder, mut queue) = queue_of(&signed_items(1, &Key::of(1)));
    let server = WireServer::start();
    let proxy = Proxy::to(server.address);
    let capped = |bytes| Rules {
        wifi_only: false,
        data_cap_bytes: Some(bytes),
    };
    let wifi_only = Rules {
        wifi_only: true,
        data_cap_bytes: None,
    };
    for (kind, rules) in [
        (NetworkKind::Metered, wifi_only),
        (NetworkKind::Offline, Rules::default()),
        (NetworkKind::Wifi, capped(0)),
        (NetworkKind::Metered, capped(1_000)),
    ] {
        assert_eq!(talk(&mut queue, &proxy, kind, rules), Traffic::default());
    }
    assert_eq!(proxy.bytes(), (0, 0));
    assert_eq!(proxy.connections.load(Ordering::SeqCst), 0);
    assert_eq!(server.seen.lock().unwrap().bytes, 0);
}

#[test]
fn a_cap_is_never_passed_and_what_fits_into_it_is_sent() {
    let (_folder, mut queue) = queue_of(&signed_items(12, &Key::of(1)));
    let server = WireServer::start();
    let proxy = Proxy::to(server.address);
    let cap = 300_000;
    let rules = Rules {
        wifi_only: false,
        data_cap_bytes: Some(cap),
    };
    talk(&mut queue, &proxy, NetworkKind::Metered, rules);
    let (sent, received) = proxy.bytes();
    assert!(sent + received <= cap, "{sent} and {received} of {cap}");
    let accepted = server.seen.lock().unwrap().receipts.len();
    assert!((1..12).contains(&accepted), "{accepted} accepted");
    assert_eq!(
        queue.sendable(Now::Confirmed(NOON_MS)).unwrap().len(),
        12 - accepted
    );
    let month_ms = 31 * 24 * 3_600 * 1_000;
    assert_eq!(
        queue
            .traffic_bytes(Now::Confirmed(NOON_MS + month_ms))
            .unwrap(),
        0,
        "a new month"
    );
}

#[test]
fn what_a_request_may_cost_stays_booked_when_the_process_dies_in_it() {
    let (_folder, mut queue) = queue_of(&[]);
    queue.book(Now::Unconfirmed(NOON_MS), 5_000).unwrap();
    let rules = Rules {
        wifi_only: false,
        data_cap_bytes: Some(5_000),
    };
    let room = rules.room(
        NetworkKind::Wifi,
        queue.traffic_bytes(Now::Unconfirmed(NOON_MS)).unwrap(),
    );
    assert_eq!(room, Err(Hold::DataCap));
}
