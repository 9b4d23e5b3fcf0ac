//! The ingest server: it verifies what phones send, answers with signed receipts, keeps it, and says what it earned.
//!
//! The folders stand in the order in which an item passes them: `receive` reads the body within its limits, `verify`
//! gives each item a verdict, `store` makes verdict and picture durable and hands out the receipt; `score` and `reward`
//! close an epoch over what was accepted, and `query` answers whoever asks. The other modules are what all of them need:
//! the configuration, the clock, the keys, the published policies, the form of an error, and files that
//! only their owner can read.

pub mod app;
pub mod clock;
pub mod config;
pub mod failpoints;
pub mod keys;
pub mod listen;
pub mod lock;
pub mod metrics;
pub mod openapi;
pub mod policy;
pub mod private;
pub mod problem;
pub mod serve;
pub mod stalling;

pub mod receive;
pub mod verify;

pub mod store;

pub mod score;

pub mod reward;

pub mod query;
