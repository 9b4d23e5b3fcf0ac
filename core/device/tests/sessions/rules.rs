//! The driver's rules, and servers that are not to be spoken to, over a whole session.

use std::net::TcpListener;
use std::sync::atomic::Ordering;

use wayhex_device::ports::NetworkKind;
use wayhex_device::upload::plan::Rules;
use wayhex_protocol::id::DeviceId;
use wayhex_protocol::reason::Reason;

use crate::drives::record;
use crate::later::pass;
use crate::phone::{Phone, check_identities};
use crate::proxy::Proxy;
use crate::wire_server::{Fate, WireServer};

#[test]
fn a_metered_or_capped_session_sends_no_byte_and_says_why() {
    let server = WireServer::start();
    let proxy = Proxy::to(server.address);
    let wifi_only = Rules {
        wifi_only: true,
        data_cap_bytes: None,
    };
    let capped = Rules {
        wifi_only: false,
        data_cap_bytes: Some(0),
    };
    let mut phone = Phone::with_server(&proxy.url(), None);
    record(&phone.beside("drive"), 3);
    for (kind, rules, code) in [
        (NetworkKind::Metered, wifi_only, "wifi_only"),
        (NetworkKind::Wifi, capped, "data_cap"),
        (NetworkKind::Offline, Rules::default(), "offline"),
    ] {
        phone.kind = kind;
        phone.settings.rules = rules;
        let report = phone.run(&phone.beside("drive"));
        check_identities(&report);
        assert_eq!(report.queue.pending, 3);
        assert_eq!(
            (report.upload.bytes_sent, report.upload.bytes_received),
            (0, 0)
        );
        assert_eq!(report.errors[0].code, code);
    }
    assert_eq!(proxy.bytes(), (0, 0));
    assert_eq!(proxy.connections.load(Ordering::SeqCst), 0);
    assert_eq!(server.seen.lock().unwrap().bytes, 0);
    phone.kind = NetworkKind::Wifi;
    phone.settings.rules = wifi_only;
    let report = phone.run(&phone.beside("drive"));
    assert_eq!(report.queue.accepted, 3, "on Wi-Fi it is sent");
    assert_eq!(report.upload.bytes_sent, proxy.bytes().0);
}

#[test]
fn a_server_that_is_not_there_leaves_everything_pending() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let phone = Phone::with_server(&format!("http://{address}"), None);
    record(&phone.beside("drive"), 3);
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert_eq!(report.queue.pending, 3);
    assert_eq!(report.errors[0].code, "server_unreachable");
    assert_eq!(report.errors[0].subject, format!("http://{address}"));
}

#[test]
fn a_server_whose_key_is_not_the_pinned_one_gets_no_item() {
    let server = WireServer::start();
    let phone = Phone::with_server(&server.url(), Some(DeviceId([1; 32])));
    record(&phone.beside("drive"), 3);
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert_eq!(report.queue.pending, 3);
    assert_eq!(report.errors[0].code, "server_key_mismatch");
    let seen = server.seen.lock().unwrap();
    assert!(seen.pictures.is_empty() && seen.registered.is_none());
}

#[test]
fn a_key_pinned_at_first_use_stays_pinned() {
    let server = WireServer::start();
    let phone = Phone::with_server(&server.url(), None);
    record(&phone.beside("drive"), 3);
    assert!(phone.run(&phone.beside("drive")).ok);
    server.seen.lock().unwrap().key_seed = 10;
    record(&phone.beside("another"), 4);
    let report = phone.run(&phone.beside("another"));
    check_identities(&report);
    assert_eq!(report.queue.pending, 4);
    assert_eq!(report.errors[0].code, "server_key_mismatch");
}

#[test]
fn a_server_that_wants_a_newer_app_leaves_everything_pending() {
    let server = WireServer::start();
    server.fates(&[Fate::Problem(426, "version_too_old")]);
    let phone = Phone::with_server(&server.url(), None);
    record(&phone.beside("drive"), 3);
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert_eq!(report.queue.pending, 3);
    assert_eq!(report.errors[0].code, "version_too_old");
    assert!(
        phone.run(&phone.beside("drive")).ok,
        "after the update it is sent"
    );
}

#[test]
fn a_last_failed_step_is_reported_once() {
    let server = WireServer::start();
    let mut fates = [Fate::Problem(400, "malformed"); 64];
    // An answer of another kind comes first, so that the step after which it is given up is a failed one.
    fates[0] = Fate::Refuse(Reason::ServerBusy);
    server.fates(&fates);
    let phone = Phone::with_server(&server.url(), None);
    record(&phone.beside("drive"), 3);
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert_eq!(report.queue.pending, 3, "no item is discarded");
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
}

#[test]
fn receipts_that_cannot_be_verified_are_counted_and_told() {
    let server = WireServer::start();
    server.fates(&[Fate::ForeignReceipts]);
    let phone = Phone::with_server(&server.url(), None);
    record(&phone.beside("drive"), 3);
    let report = phone.run(&phone.beside("drive"));
    assert!(report.receipts.received > report.receipts.verified);
    assert!(!report.ok);
    let codes: Vec<&str> = report.errors.iter().map(|it| it.code.as_str()).collect();
    assert!(codes.contains(&"receipts_unverified"), "{codes:?}");
}

#[test]
fn a_server_that_only_ever_fails_is_given_up_for_now() {
    let server = WireServer::start();
    server.fates(&[Fate::Portal; 64]);
    let mut phone = Phone::with_server(&server.url(), None);
    record(&phone.beside("drive"), 3);
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert_eq!(report.queue.pending, 3);
    server.fates(&[]);
    pass(&mut phone, &server, 3_600_000);
    assert!(phone.run(&phone.beside("drive")).ok);
}
