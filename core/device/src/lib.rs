//! The phone's pipeline: one module for each verb, in the order a frame passes them.
//!
//! Decisions are made in pure code; clock, keys, network, camera and files are reached through [`ports`] alone. A stage takes
//! the proof that the stage before it made, so that a wrong order does not compile.

// What the phone brings.

pub mod ports;
pub mod system;

pub mod failpoints;

// One frame's way. (An empty line keeps each in its place.)

pub mod source;

pub mod capture;

pub mod privacy;

pub mod tag;

pub mod sign;

pub mod queue;

pub mod upload;

// All of it together.

pub mod session;

pub mod report;

pub mod estimate;

pub mod cpu;
