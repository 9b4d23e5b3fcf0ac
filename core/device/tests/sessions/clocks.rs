//! Clocks that are wrong by days, in both directions: nothing is lost by them.

use std::sync::atomic::{AtomicI64, Ordering};

use wayhex_device::ports::{Clock, Exchange, Method, NetworkKind, Request, Transport};
use wayhex_device::queue::{Bounds, Queue, State};
use wayhex_device::session::{Ports, Session};
use wayhex_device::sign::Signed;
use wayhex_device::upload::http::HttpTransport;
use wayhex_protocol::observation::TimeSource;

use crate::drives::{record, record_from};
use crate::items::{Dice, Key, NOON_MS, TestClock, detectors, items_begun, signed_items};
use crate::later::{codes, deliver, ids, put, states};
use crate::phone::{Phone, check_identities};
use crate::wire_server::WireServer;

const DAY_MS: u64 = 24 * 3_600 * 1_000;
const HOUR_MS: u64 = 3_600 * 1_000;

/// A server that refuses times that cannot be, at noon.
fn judge() -> WireServer {
    let server = WireServer::start();
    server.seen.lock().unwrap().judges_time = true;
    server
}

/// Items of an hour before noon, as a phone dates them whose clock is wrong by so much.
fn trip(wrong_ms: i64) -> Vec<Signed> {
    let begun_ms = (NOON_MS - HOUR_MS).saturating_add_signed(wrong_ms);
    items_begun(4, &Key::of(1), begun_ms, |_at_ns| None)
}

#[test]
fn a_trip_dated_by_a_clock_that_is_wrong_by_days_is_dated_anew_and_accepted() {
    let day_ms = i64::try_from(DAY_MS).unwrap();
    for wrong_ms in [12 * day_ms, -12 * day_ms, 3 * day_ms, 400 * day_ms] {
        let server = judge();
        let mut phone = Phone::with_server(&server.url(), None);
        phone.now_ms = NOON_MS.saturating_add_signed(wrong_ms);
        put(&phone, &trip(wrong_ms));
        let report = deliver(&mut phone);
        assert!(report.ok, "{wrong_ms}: {:?}", report.errors);
        assert_eq!(report.store.pending, 0);
        assert!(report.store.evicted.is_empty());
        let seen = server.seen.lock().unwrap();
        assert_eq!(seen.accepted.len(), 4, "{wrong_ms}");
        for (i, observation) in seen.accepted.iter().enumerate() {
            let true_ms = NOON_MS - HOUR_MS + 1_000 * (i as u64 + 1);
            assert!(observation.captured_at_ms.abs_diff(true_ms) < 5_000);
            assert_eq!(observation.time_source, TimeSource::Server);
            assert_eq!(observation.sequence, i as u64);
        }
    }
}

#[test]
fn a_drive_that_was_shifted_by_a_wrong_clock_ends_now_and_is_accepted() {
    for (offline_ms, online_ms) in [
        (NOON_MS + 12 * DAY_MS, NOON_MS + 12 * DAY_MS),
        (NOON_MS - 12 * DAY_MS, NOON_MS - 12 * DAY_MS),
        // The clock was set right in between.
        (NOON_MS + 12 * DAY_MS, NOON_MS),
    ] {
        let server = judge();
        let mut phone = Phone::new();
        record_from(NOON_MS - 30 * DAY_MS, &phone.beside("drive"), 6);
        phone.now_ms = offline_ms;
        assert_eq!(phone.run(&phone.beside("drive")).queue.pending, 6);
        phone.settings.server = Phone::with_server(&server.url(), None).settings.server;
        phone.now_ms = online_ms;
        let report = phone.run(&phone.beside("drive"));
        check_identities(&report);
        assert!(report.ok, "{:?}", report.errors);
        assert_eq!(report.queue.accepted, 6);
    }
}

#[test]
fn what_cannot_be_dated_anew_is_kept_and_told_and_not_sent() {
    // The phone's clock was 12 days ahead, and is right now: by how much it was wrong is not known any more.
    let server = judge();
    let mut phone = Phone::with_server(&server.url(), None);
    let items = trip(12 * i64::try_from(DAY_MS).unwrap());
    put(&phone, &items);
    let report = deliver(&mut phone);
    assert_eq!((report.store.pending, report.store.held), (4, 4));
    assert!(codes(&report).contains(&"clock"), "{:?}", codes(&report));
    assert_eq!(report.upload.attempts, 0);
    assert_eq!(states(&phone, &ids(&items)), [State::Queued; 4]);
}

#[test]
fn a_clock_that_was_set_right_since_is_told_by_what_it_was_wrong_before() {
    let day_ms = i64::try_from(DAY_MS).unwrap();
    for wrong_ms in [12 * day_ms, -12 * day_ms] {
        let server = judge();
        let mut phone = Phone::with_server(&server.url(), None);
        phone.now_ms = NOON_MS.saturating_add_signed(wrong_ms);
        deliver(&mut phone);
        let items = trip(wrong_ms);
        put(&phone, &items);
        phone.now_ms = NOON_MS;
        let report = deliver(&mut phone);
        assert!(report.ok, "{wrong_ms}: {:?}", report.errors);
        assert_eq!(server.seen.lock().unwrap().accepted.len(), 4);
    }
}

#[test]
fn a_clock_that_is_set_as_soon_as_there_is_a_network_loses_nothing() {
    let day_ms = i64::try_from(DAY_MS).unwrap();
    for wrong_ms in [12 * day_ms, -12 * day_ms] {
        let server = judge();
        let mut phone = Phone::with_server(&server.url(), None);
        put(&phone, &trip(wrong_ms));
        let clock = Settable {
            passed: TestClock::at(NOON_MS),
            wrong_ms: wrong_ms.into(),
        };
        let transport = SetsTheClock(HttpTransport::new().unwrap(), &clock);
        let ports = Ports {
            clock: &clock,
            random: &Dice,
            transport: &transport,
            network: &NetworkKind::Wifi,
            signer: &Key::of(1),
            detectors: detectors(),
        };
        phone.kind = NetworkKind::Wifi;
        let mut session = Session::open(phone.store(), phone.settings.clone(), ports).unwrap();
        session.connect();
        session.deliver().unwrap();
        let report = session.report().unwrap();
        assert!(report.ok, "{wrong_ms}: {:?}", report.errors);
        assert_eq!(server.seen.lock().unwrap().accepted.len(), 4);
    }
}

/// A clock that somebody sets while time passes.
struct Settable {
    passed: TestClock,
    wrong_ms: AtomicI64,
}

impl Clock for Settable {
    fn now_ms(&self) -> u64 {
        let wrong_ms = self.wrong_ms.load(Ordering::SeqCst);
        self.passed.now_ms().saturating_add_signed(wrong_ms)
    }

    fn monotonic_ns(&self) -> u64 {
        self.passed.monotonic_ns()
    }

    fn wait_ms(&self, ms: u64) {
        self.passed.wait_ms(ms);
    }
}

/// A network that sets the phone's clock right after the first answer that came over it.
struct SetsTheClock<'c>(HttpTransport, &'c Settable);

impl Transport for SetsTheClock<'_> {
    fn exchange(&self, request: &Request<'_>) -> Exchange {
        if request.method == Method::Post {
            self.1.wrong_ms.store(0, Ordering::SeqCst);
        }
        self.0.exchange(request)
    }
}

#[test]
fn a_server_whose_clock_is_wrong_ends_nothing_that_satellites_dated() {
    let day_ms = i64::try_from(DAY_MS).unwrap();
    for wrong_ms in [12 * day_ms, -12 * day_ms] {
        let server = judge();
        let mut phone = Phone::with_server(&server.url(), None);
        let begun_ms = NOON_MS - HOUR_MS;
        let by_satellites = |at_ns: u64| Some(begun_ms + at_ns / 1_000_000);
        let items = items_begun(4, &Key::of(1), begun_ms, by_satellites);
        assert_eq!(items[0].observation().time_source, TimeSource::Gnss);
        put(&phone, &items);
        server.seen.lock().unwrap().now_ms = NOON_MS.saturating_add_signed(wrong_ms);
        let report = deliver(&mut phone);
        assert_eq!((report.store.pending, report.store.held), (4, 4));
        assert_eq!(states(&phone, &ids(&items)), [State::Queued; 4]);
        server.seen.lock().unwrap().now_ms = NOON_MS;
        let report = deliver(&mut phone);
        assert!(report.ok, "{:?}", report.errors);
        assert_eq!(states(&phone, &ids(&items)), [State::Accepted; 4]);
    }
}

#[test]
fn nothing_ages_out_by_a_clock_that_no_server_confirmed() {
    let items = signed_items(3, &Key::of(1));
    let mut phone = Phone::new();
    put(&phone, &items);
    phone.now_ms = NOON_MS + 30 * DAY_MS;
    let report = deliver(&mut phone);
    assert_eq!(report.store.pending, 3);
    assert_eq!(states(&phone, &ids(&items)), [State::Queued; 3]);
}

#[test]
fn items_age_out_by_the_servers_time_and_the_report_says_how_many() {
    let items = signed_items(3, &Key::of(1));
    let server = judge();
    let mut phone = Phone::with_server(&server.url(), None);
    put(&phone, &items);
    phone.now_ms = NOON_MS + Bounds::default().age_max_ms;
    server.seen.lock().unwrap().now_ms = phone.now_ms;
    let report = deliver(&mut phone);
    assert_eq!(report.store.evicted.get("queue_age"), Some(&3));
    assert_eq!(report.store.pending, 0);
}

#[test]
fn items_of_a_phone_that_was_offline_for_nine_days_are_accepted_under_the_policy_of_their_capture()
{
    let server = judge();
    let mut phone = Phone::with_server(&server.url(), None);
    record(&phone.beside("drive"), 4);
    let named = server.seen.lock().unwrap().policy().hash();
    assert!(
        phone.run(&phone.beside("drive")).ok,
        "it met the server once"
    );
    record(&phone.beside("later"), 5);
    let there = phone.settings.server.take();
    assert_eq!(phone.run(&phone.beside("later")).queue.pending, 5);
    phone.settings.server = there;
    phone.now_ms = NOON_MS + 9 * DAY_MS;
    server.seen.lock().unwrap().now_ms = phone.now_ms;
    server.seen.lock().unwrap().policy_version = 2;
    let report = phone.run(&phone.beside("later"));
    assert!(report.ok, "{:?}", report.errors);
    assert_eq!(report.queue.accepted, 5);
    let seen = server.seen.lock().unwrap();
    assert!(seen.accepted.iter().all(|it| it.policy == named));
    assert_ne!(seen.policy().hash(), named);
}

#[test]
fn a_store_remembers_what_its_server_was_ahead() {
    let server = judge();
    let mut phone = Phone::with_server(&server.url(), None);
    phone.now_ms = NOON_MS - 5 * DAY_MS;
    deliver(&mut phone);
    let queue = Queue::open(&phone.store()).unwrap();
    let stored = queue.server(&server.url()).unwrap().unwrap();
    assert_eq!(stored.clock_ahead_ms, i64::try_from(5 * DAY_MS).ok());
}
