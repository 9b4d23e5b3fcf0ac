//! What was accepted in an epoch, as the law of scoring takes it.
//!
//! An observation's class and weight were fixed when it was accepted, by the policy of its epoch; here they are joined with
//! the units of its segment and the freshness that these had when the epoch opened. Scores and payouts follow by
//! `wayhex_protocol::reward` alone.

mod freshness;
mod observations;

pub use freshness::{keep_freshness, opening_freshness, recovered_before};
pub use observations::{accepted_observations, accounts_by_id, class_number, class_of, unit_of};
