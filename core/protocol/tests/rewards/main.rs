//! The law of scoring and rewards: against an independent computation, and law by law.

mod claims;
mod draw;
mod fixed_point;
mod freshness;
mod golden;
mod laws;
mod pools;
mod weights;
