//! The driver's cap and his Wi-Fi rule hold across restarts and calendar months, and by the server's calendar.

use wayhex_device::ports::NetworkKind;
use wayhex_device::queue::Bounds;
use wayhex_device::upload::plan::Rules;

use crate::items::NOON_MS;
use crate::later::{codes, deliver, items, put};
use crate::phone::Phone;
use crate::proxy::Proxy;
use crate::wire_server::WireServer;

const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// 2026-12-01, the day after the month of the tests' noon; the items are 9 days old then.
const NEXT_MONTH_MS: u64 = NOON_MS + 9 * DAY_MS;
const CAP_BYTES: u64 = 300_000;

fn capped(server: &str) -> Phone {
    let mut phone = Phone::with_server(server, None);
    phone.settings.rules = Rules {
        wifi_only: false,
        data_cap_bytes: Some(CAP_BYTES),
    };
    phone
}

#[test]
fn a_cap_holds_across_restarts_and_the_next_month_sends_again() {
    let server = WireServer::start();
    let proxy = Proxy::to(server.address);
    let mut phone = capped(&proxy.url());
    put(&phone, items(60));
    let crossed = || proxy.bytes().0 + proxy.bytes().1;
    let report = deliver(&mut phone);
    assert!(codes(&report).contains(&"data_cap"), "{:?}", codes(&report));
    let pending = report.store.pending;
    assert!((1..60).contains(&pending), "{pending}");
    for _ in 0..3 {
        let report = deliver(&mut phone);
        assert!(codes(&report).contains(&"data_cap"), "{:?}", codes(&report));
        assert_eq!(report.store.pending, pending);
    }
    assert!(crossed() <= CAP_BYTES, "{}", crossed());

    let before = crossed();
    phone.now_ms = NEXT_MONTH_MS;
    server.seen.lock().unwrap().now_ms = NEXT_MONTH_MS;
    let report = deliver(&mut phone);
    assert!(report.store.pending < pending, "{:?}", codes(&report));
    assert!(report.store.evicted.is_empty());
    assert!(NEXT_MONTH_MS - NOON_MS < Bounds::default().age_max_ms);
    assert!(crossed() - before <= CAP_BYTES + 65_536);
}

#[test]
fn a_clock_that_jumps_a_month_ahead_does_not_give_the_cap_anew() {
    let server = WireServer::start();
    let proxy = Proxy::to(server.address);
    let mut phone = capped(&proxy.url());
    put(&phone, items(60));
    let pending = deliver(&mut phone).store.pending;
    let crossed = || proxy.bytes().0 + proxy.bytes().1;
    let before = crossed();
    for months in [1, 2, 500] {
        phone.now_ms = NOON_MS + months * 31 * DAY_MS;
        let report = deliver(&mut phone);
        assert_eq!(report.store.pending, pending, "{:?}", codes(&report));
    }
    phone.now_ms = NOON_MS;
    assert_eq!(deliver(&mut phone).store.pending, pending);
    let asked = crossed() - before;
    assert!(asked < 3 * 8_192, "{asked} bytes to learn the time");
}

#[test]
fn a_clock_that_jumps_back_does_not_give_the_cap_anew() {
    let server = WireServer::start();
    let proxy = Proxy::to(server.address);
    let mut phone = capped(&proxy.url());
    put(&phone, items(60));
    let pending = deliver(&mut phone).store.pending;
    for now_ms in [NOON_MS - 62 * DAY_MS, NOON_MS - 31 * DAY_MS] {
        phone.now_ms = now_ms;
        assert_eq!(deliver(&mut phone).store.pending, pending);
    }
    assert!(proxy.bytes().0 + proxy.bytes().1 <= CAP_BYTES);
}

#[test]
fn the_wifi_rule_holds_across_restarts() {
    let server = WireServer::start();
    let mut phone = Phone::with_server(&server.url(), None);
    phone.settings.rules.wifi_only = true;
    phone.kind = NetworkKind::Metered;
    put(&phone, items(3));
    for _ in 0..3 {
        let report = deliver(&mut phone);
        assert_eq!(codes(&report), ["wifi_only"]);
        assert_eq!(server.seen.lock().unwrap().bytes, 0);
    }
    phone.kind = NetworkKind::Wifi;
    assert!(deliver(&mut phone).ok);
}
