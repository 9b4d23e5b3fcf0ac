//! A drive goes in, receipts come out, and the report says what became of each frame.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken premise ends the test"
)]

mod answers;
mod clocks;
mod drives;
mod halts;
#[path = "../uploads/items.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the uploads, which use other parts of it"
)]
mod items;
mod kept;
mod keys;
mod later;
mod months;
mod phone;
#[path = "../uploads/proxy.rs"]
mod proxy;
mod rewards;
mod ride;
mod rules;
mod runs;
mod trips;
#[path = "../uploads/wire_server.rs"]
mod wire_server;
