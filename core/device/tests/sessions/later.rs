//! A phone that has items in its store and only delivers them, with a clock and a patience of its own.

use std::sync::OnceLock;
use std::time::Duration;

use wayhex_device::ports::{Clock, Signer};
use wayhex_device::queue::{Queue, State};
use wayhex_device::report::Report;
use wayhex_device::session::{Ports, Session};
use wayhex_device::sign::Signed;
use wayhex_device::upload::http::HttpTransport;
use wayhex_protocol::id::ObservationId;

use crate::items::{Dice, Key, TestClock, detectors, fill, signed_items};
use crate::phone::Phone;
use crate::wire_server::WireServer;

/// Longer than a server on this computer takes to answer, however busy it is.
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(20);

/// The first of 200 signed items, which are made once.
pub fn items(count: usize) -> &'static [Signed] {
    static ITEMS: OnceLock<Vec<Signed>> = OnceLock::new();
    &ITEMS.get_or_init(|| signed_items(200, &Key::of(1)))[..count]
}

/// Puts items into a phone's store.
pub fn put(phone: &Phone, items: &[Signed]) {
    fill(&mut Queue::open(&phone.store()).unwrap(), items);
}

/// Gives a phone a store like another's.
pub fn put_copy(phone: &Phone, of: &Phone) {
    let (from, to) = (of.store(), phone.store());
    for file in std::fs::read_dir(from.as_path()).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, to.as_path().join(path.file_name().unwrap())).unwrap();
    }
}

/// One process that plays nothing: it delivers, and reports. The phone's clock is where that left it.
pub fn deliver(phone: &mut Phone) -> Report {
    deliver_within(phone, EXCHANGE_TIME_MAX)
}

/// The same, by a phone that waits so long for an answer.
pub fn deliver_within(phone: &mut Phone, time_max: Duration) -> Report {
    let clock = TestClock::at(phone.now_ms);
    let transport = HttpTransport::new().unwrap().with_time_max(time_max);
    let signer: &dyn Signer = phone.signer.as_ref();
    let ports = Ports {
        clock: &clock,
        random: &Dice,
        transport: &transport,
        network: &phone.kind,
        signer,
        detectors: detectors(),
    };
    let mut session = Session::open(phone.store(), phone.settings.clone(), ports).unwrap();
    session.connect();
    session.deliver().unwrap();
    let report = session.report().unwrap();
    drop(session);
    phone.now_ms = clock.now_ms();
    report
}

/// Time passes, for the phone and for the server.
pub fn pass(phone: &mut Phone, server: &WireServer, ms: u64) {
    phone.now_ms += ms;
    server.seen.lock().unwrap().now_ms = phone.now_ms;
}

/// The state of each item that is still known by its id.
pub fn states<'a>(phone: &Phone, ids: impl IntoIterator<Item = &'a ObservationId>) -> Vec<State> {
    let queue = Queue::open(&phone.store()).unwrap();
    let state = |id: &ObservationId| queue.item(*id).unwrap().unwrap().state;
    ids.into_iter().map(state).collect()
}

pub fn ids(items: &[Signed]) -> Vec<ObservationId> {
    items.iter().map(Signed::id).collect()
}

pub fn codes(report: &Report) -> Vec<&str> {
    report.errors.iter().map(|it| it.code.as_str()).collect()
}
