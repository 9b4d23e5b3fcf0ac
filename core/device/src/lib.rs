//! The phone's pipeline: one module for each verb, in the order a frame passes them.
//!
//! Decisions are made in pure code; clock, keys, network, camera and files are reached through [`ports`] alone. A stage takes
//! the proof that the stage before it made, so that a wrong order does not compile.

pub mod ports;
pub mod system;
