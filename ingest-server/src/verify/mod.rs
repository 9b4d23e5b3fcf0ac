//! Gives each item a verdict: a value with a reason, never an error.
//!
//! Three steps, the cheap ones first, each taking what the one before has proved: [`authenticate`] (whose is it, and was it
//! judged before), [`check`] (is what it says lawful), [`check_picture`] (is the picture what was signed). What only the
//! store can know, whether a place in a session or a picture is taken, it decides in the transaction that keeps the item.

mod authenticate;
mod facts;
mod picture;

use wayhex_protocol::observation::{Media, Observation};
use wayhex_protocol::reason::Reason;
use wayhex_protocol::segment::SegmentFacts;
use wayhex_protocol::weight::Trust;

use crate::store::{DeviceRow, Given, SealedFrame, Subject};

pub use authenticate::{Authentic, Known, authenticate};
pub use facts::{Lawful, check};
pub use picture::check_picture;

/// What the store is given: an item to keep, a refusal that will never change, or a verdict to repeat.
pub enum Judged {
    /// Keep it, unless its place or picture is taken.
    Accept(Box<Verified>),
    /// Say no, for ever.
    Refuse(Subject, Reason),
    /// Say again what was said before.
    Repeat(Given),
}

/// What came of looking at an item.
pub enum Finding {
    /// A verdict that will never change.
    Final(Judged),
    /// It may come again; nothing of it is stored.
    Later(Reason),
}

/// An item that passed every check; only [`Lawful::with_picture`] makes one.
pub struct Verified {
    pub(crate) subject: Subject,
    pub(crate) device: DeviceRow,
    pub(crate) observation: Observation,
    pub(crate) envelope: Vec<u8>,
    pub(crate) facts: SegmentFacts,
    pub(crate) trust: Trust,
    pub(crate) received_ms: u64,
    pub(crate) picture: Media,
    pub(crate) frame: SealedFrame,
}

impl Verified {
    /// Its age when it was received, in milliseconds. A phone's clock may be ahead by what clocks differ: that is no age
    /// below zero, for which the law would pay nothing.
    pub(crate) fn age_ms(&self) -> i64 {
        let age = self
            .received_ms
            .saturating_sub(self.observation.captured_at_ms);
        i64::try_from(age).unwrap_or(i64::MAX)
    }
}
