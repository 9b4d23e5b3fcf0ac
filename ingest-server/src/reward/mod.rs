//! Closes an epoch: payouts, claims, evidence; and repeats a close from its evidence.
//!
//! A close is one immediate transaction in whatever process holds it: it reads what was accepted, computes by
//! `wayhex_protocol` alone, writes the evidence file, then the rows that name it by hash, and opens the next epoch. Of two
//! closers one waits for the other and finds the epoch closed.

mod audit;
mod claims;
mod close;
pub mod command;
mod evidence_file;
pub mod schedule;
mod summary;
pub mod trees;

pub(crate) use evidence_file::sweep as sweep_evidence;

pub use audit::{Audited, audit};
pub use close::{CloseError, Closed, Closer};
pub use summary::{ClassTotals, EpochPolicy, EpochSummary, Totals};
