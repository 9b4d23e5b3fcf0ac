//! How long items wait, by whose clock, and what time the phone takes it for.

use wayhex_device::ports::NetworkKind;
use wayhex_device::queue::{Now, Queue, WAIT_LONGEST_MS, WaitUntil};
use wayhex_device::sign::Signed;
use wayhex_device::upload::batches::{Batches, Progress};
use wayhex_device::upload::gate::Gate;
use wayhex_device::upload::http::HttpTransport;
use wayhex_device::upload::plan::Rules;
use wayhex_device::upload::server::Server;
use wayhex_protocol::account::Account;
use wayhex_protocol::id::ObservationId;
use wayhex_protocol::key::Signer;

use crate::items::{Dice, Key, NOON_MS, TestClock, network, queue_of, signed_items};
use crate::wire_server::{Fate, WireServer};

fn first(queue: &Queue, now_ms: u64) -> Vec<ObservationId> {
    let sendable = queue.sendable(Now::Confirmed(now_ms)).unwrap();
    sendable.into_iter().map(|it| it.id).collect()
}

fn put_off(queue: &mut Queue, items: &[Signed], until_ms: u64) {
    let ids: Vec<ObservationId> = items.iter().map(Signed::id).collect();
    let task = queue.freeze(&ids, "http://server", Vec::new()).unwrap();
    let wait = WaitUntil {
        later_ms: 0,
        unanswered_ms: until_ms,
    };
    queue.settle(&task, &[], wait).unwrap();
}

#[test]
fn what_was_put_off_goes_behind_the_others_and_is_waited_for() {
    let items = signed_items(3, &Key::of(1));
    let (_folder, mut queue) = queue_of(&items);
    put_off(&mut queue, &items[..1], NOON_MS + 60_000);
    assert_eq!(first(&queue, NOON_MS), [items[1].id(), items[2].id()]);
    let later = first(&queue, NOON_MS + 60_000);
    assert_eq!(later, [items[1].id(), items[2].id(), items[0].id()]);
    put_off(&mut queue, &items[1..], NOON_MS + 90_000);
    let now = Now::Confirmed(NOON_MS);
    assert_eq!(queue.next_sendable_ms(now).unwrap(), Some(NOON_MS + 60_000));
}

#[test]
fn a_wait_that_a_clock_made_that_was_ahead_is_over() {
    let items = signed_items(2, &Key::of(1));
    let (_folder, mut queue) = queue_of(&items);
    let ahead_ms = 12 * 24 * 3_600 * 1_000;
    put_off(&mut queue, &items, NOON_MS + ahead_ms);
    assert_eq!(first(&queue, NOON_MS), [items[0].id(), items[1].id()]);
    put_off(&mut queue, &items, NOON_MS + WAIT_LONGEST_MS);
    assert!(first(&queue, NOON_MS).is_empty());
}

#[test]
fn an_item_that_never_left_does_not_count_as_sent() {
    let items = signed_items(1, &Key::of(1));
    let (_folder, mut queue) = queue_of(&items);
    let attempts = |queue: &Queue| queue.sendable(Now::Unconfirmed(0)).unwrap()[0].attempts;
    for (leaves, expected) in [(false, 0), (true, 0)] {
        let task = queue
            .freeze(&[items[0].id()], "http://server", Vec::new())
            .unwrap();
        if leaves {
            queue.mark_doubtful(&task).unwrap();
        }
        queue.release(&task).unwrap();
        assert_eq!(attempts(&queue), expected);
    }
}

#[test]
fn a_server_that_was_cut_off_is_given_a_second_before_it_is_asked() {
    let device = Key::of(1);
    let items = signed_items(2, &device);
    let (_folder, mut queue) = queue_of(&items);
    let server = WireServer::start();
    server.fates(&[Fate::CutRequestAfter(300)]);
    let clock = TestClock::at(NOON_MS);
    let transport = HttpTransport::new().unwrap();
    let mut gate = Gate::new(&transport, &NetworkKind::Wifi, &clock, Rules::default());
    let door = Server::new(&server.url(), network(), None).unwrap();
    let visit = door.visit(&mut gate, &mut queue).unwrap();
    let account = Account::parse("eip155:1:0x00000000000000000000000000000000000000aa").unwrap();
    door.register(&mut gate, &mut queue, &device, &account)
        .unwrap();
    let mut batches = Batches::new(door, visit.known.key, device.public_key().thumbprint());
    let cut = batches.step(&mut gate, &mut queue, &Dice).unwrap();
    assert!(matches!(cut, Progress::Failed(_)), "{cut:?}");
    let wait = batches.step(&mut gate, &mut queue, &Dice).unwrap();
    assert!(matches!(wait, Progress::Wait(1_000..)), "{wait:?}");
}

#[test]
fn a_receipt_tells_the_time_better_than_a_date_and_a_repeated_one_does_not_tell_it() {
    let device = Key::of(1);
    let items = signed_items(2, &device);
    let hour_ms = 3_600 * 1_000;
    for (fate, expected) in [(None, hour_ms), (Some(Fate::CutAnswer), 0)] {
        let (_folder, mut queue) = queue_of(&items);
        let server = WireServer::start();
        server.seen.lock().unwrap().late_ms = hour_ms;
        server.fates(fate.as_slice());
        let clock = TestClock::at(NOON_MS);
        let transport = HttpTransport::new().unwrap();
        let mut gate = Gate::new(&transport, &NetworkKind::Wifi, &clock, Rules::default());
        let door = Server::new(&server.url(), network(), None).unwrap();
        let visit = door.visit(&mut gate, &mut queue).unwrap();
        assert_eq!(gate.ahead_ms(), Some(0));
        let account =
            Account::parse("eip155:1:0x00000000000000000000000000000000000000aa").unwrap();
        door.register(&mut gate, &mut queue, &device, &account)
            .unwrap();
        let mut batches = Batches::new(door, visit.known.key, device.public_key().thumbprint());
        loop {
            match batches.step(&mut gate, &mut queue, &Dice).unwrap() {
                Progress::Idle => break,
                Progress::Wait(wait_ms) => {
                    use wayhex_device::ports::Clock;
                    clock.wait_ms(wait_ms);
                }
                _ => {}
            }
        }
        assert_eq!(gate.ahead_ms(), i64::try_from(expected).ok());
    }
}
