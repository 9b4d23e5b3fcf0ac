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
mod traffic;
mod wire_server;
