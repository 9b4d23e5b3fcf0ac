//! What is queued is sent, answered for, and counted, whatever the network does.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken premise ends the test"
)]

mod delivery;
mod items;
mod planning;
mod proxy;
mod queueing;
mod traces;
mod traffic;
mod waits;
#[expect(
    dead_code,
    reason = "shared with the tests of the sessions, which use other parts of it"
)]
mod wire_server;
