//! What a captive portal, a proxy or a hostile server answers to the phone. The parts of the input are what the network does
//! with each request in turn, as `answers/network.rs` draws them.
//!
//! Laws: an item ends by a receipt that the pinned key signed for it, in the way that the receipt says, and by nothing else; a
//! server of another key is never met; no answer breaks the queue, and what it held is there when it is opened again.
#![no_main]

#[path = "answers/network.rs"]
mod network_turns;
#[path = "answers/store.rs"]
mod store;

use libfuzzer_sys::fuzz_target;
use wayhex_device::ports::{Clock, NetworkKind};
use wayhex_device::queue::{Queue, State};
use wayhex_device::sign::Signed;
use wayhex_device::upload::ask::ServerError;
use wayhex_device::upload::batches::{Batches, Progress};
use wayhex_device::upload::gate::Gate;
use wayhex_device::upload::plan::Rules;
use wayhex_device::upload::server::Server;
use wayhex_fuzz::key::Key;
use wayhex_fuzz::{network, parts};
use wayhex_protocol::account::Account;
use wayhex_protocol::key::Signer;
use wayhex_protocol::receipt::Verdict;

use network_turns::Turns;
use store::{Dice, StillClock, with_store};

/// Requests that an input answers; after them there is no network.
const TURNS_MAX: usize = 12;
/// Steps of the uploads: each request may be followed by a wait.
const STEPS_MAX: usize = 30;

fuzz_target!(|input: &[u8]| {
    with_store(|items, store| {
        let mut queue = Queue::open(store).expect("the queue opens");
        let turns = Turns::new(parts(input, TURNS_MAX), items);
        talk(&turns, &mut queue, items);
        let before = states(&queue, items);
        drop(queue);
        let queue = Queue::open(store).expect("the queue opens again");
        assert_eq!(states(&queue, items), before);
    });
});

fn talk(turns: &Turns<'_>, queue: &mut Queue, items: &[Signed]) {
    let clock = StillClock::at_noon();
    let mut gate = Gate::new(turns, &NetworkKind::Wifi, &clock, Rules::default());
    let pinned = Key::server().public_key();
    let server = Server::new(
        "http://ingest.example",
        network(),
        Some(pinned.thumbprint()),
    );
    let server = server.expect("the address is one");
    let account = Account::parse("eip155:1:0x00000000000000000000000000000000000000aa");
    let account = account.expect("the account is one");
    match server.visit(&mut gate, queue) {
        Ok(visit) => assert_eq!(visit.known.key, pinned, "another server was met"),
        Err(error) => assert_not_broken(&error),
    }
    let known = server
        .remembered(queue)
        .expect("what is remembered can be read");
    assert!(known.is_none_or(|known| known.key == pinned));
    let register = |gate: &mut Gate<'_>, queue: &mut Queue| {
        let registered = server.register(gate, queue, &Key::device(), &account);
        registered.unwrap_or_else(|error| assert_not_broken(&error));
    };
    register(&mut gate, queue);
    let device = Key::device().public_key().thumbprint();
    let mut batches = Batches::new(server.clone(), pinned, device);
    for _ in 0..STEPS_MAX {
        match batches.step(&mut gate, queue, &Dice) {
            Ok(Progress::Wait(ms)) => clock.wait_ms(ms),
            Ok(Progress::NotRegistered) => register(&mut gate, queue),
            Ok(Progress::Failed(error)) => assert_not_broken(&error),
            Ok(Progress::Moved { .. } | Progress::Known { .. }) => {}
            Ok(Progress::Held(_) | Progress::Idle) => break,
            Err(error) => {
                assert_not_broken(&error);
                break;
            }
        }
        assert_ended_by_receipts(turns, queue, items);
        if turns.are_over() {
            break;
        }
    }
    let cells: Vec<_> = items[0].facts().cells.iter().copied().collect();
    if let Err(error) = server.freshness(&mut gate, queue, &cells) {
        assert_not_broken(&error);
    }
}

fn assert_not_broken(error: &ServerError) {
    assert!(
        !matches!(error, ServerError::Queue(_)),
        "an answer broke the queue: {error}"
    );
}

fn assert_ended_by_receipts(turns: &Turns<'_>, queue: &Queue, items: &[Signed]) {
    for (number, (item, state)) in items.iter().zip(states(queue, items)).enumerate() {
        let said = match state {
            State::Accepted => Verdict::Accepted,
            State::Refused(reason) => Verdict::Refused(reason),
            State::Queued | State::Sending => {
                assert!(queue.has_picture(item.id()).expect("the queue can be read"));
                continue;
            }
            State::Evicted(reason) => panic!("item {number} was evicted: {reason}"),
        };
        assert!(said.is_final(), "item {number} ended by {said:?}");
        assert!(
            turns.were_signed(item, said),
            "item {number}: nobody signed {said:?}"
        );
    }
}

fn states(queue: &Queue, items: &[Signed]) -> Vec<State> {
    let state = |item: &Signed| {
        let item = queue.item(item.id()).expect("the queue can be read");
        item.expect("no item is forgotten").state
    };
    items.iter().map(state).collect()
}
