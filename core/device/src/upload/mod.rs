//! What goes over the network, when, and what the answers mean.
//!
//! [`plan`] decides in pure code; every request passes the [`gate`], which asks the driver's rules first and books what it
//! costs; [`http`] moves the bytes; [`mod@ask`] asks one question, and [`server`] speaks
//! with one server, whose key is pinned; [`batches`] sends what the queue
//! holds and takes in the receipts.

mod answers;
pub mod ask;
pub mod batches;
pub mod cost;
pub mod gate;
pub mod http;
mod patience;
pub mod plan;
pub mod server;

/// The version of the wire that this crate speaks, told with each request.
pub const WIRE_VERSION: &str = "1";
/// The same, as policies count.
pub const WIRE_VERSION_NUMBER: u64 = 1;
