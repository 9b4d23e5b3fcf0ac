//! The law that phone and server compile alike.
//!
//! Messages with one encoding each, the cells a way crosses, what it is worth and who is paid: everything on which two
//! parties must agree to the last bit. There is no I/O here, no clock, no randomness, and no float on the wire; what floats
//! compute on the way goes through `libm`, so that every platform computes the same.
//!
//! Read in this order: a position, the way driven and its cells; the observation, signed; the batch it travels in; the
//! receipt that answers it; and what it earns. `wire.md` beside this crate is the format for readers of other languages.

// Where: a position, the cells and units it counts in.
pub mod cells;
pub mod limits;
pub mod position;
pub mod segment;
pub mod unit;

// What is said: messages, their encoding and their signatures.
pub mod account;
pub mod batch;
pub mod cbor;
pub mod envelope;
pub mod id;
pub mod key;
pub mod observation;
pub mod policy;
pub mod reason;
pub mod receipt;
pub mod registration;
pub mod token;

// What it earns: weight, freshness, score, payout, and the tree it is claimed from.
pub mod claims;
pub mod evidence;
pub mod freshness;
pub mod merkle;
pub mod micros;
pub mod params;
pub mod reward;
pub mod score;
pub mod weight;
