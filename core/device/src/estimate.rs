//! What the driver will probably earn in the open epoch, by the functions that close it.
//!
//! Counted are the accepted items whose receipt names the epoch, at their age when the server received them, and the pending
//! ones at their age now. F is that of closed epochs, as the server serves it. The figure is that of an account alone in its
//! units: it knows of no other.

use std::collections::BTreeMap;

use wayhex_protocol::envelope::peek;
use wayhex_protocol::micros::Micros;
use wayhex_protocol::observation::{FixQuality, Observation};
use wayhex_protocol::params::ScoringParams;
use wayhex_protocol::policy::{Parameters, Policy};
use wayhex_protocol::reward::{Estimate, estimate};
use wayhex_protocol::score::EpochWeights;
use wayhex_protocol::segment::SegmentFacts;
use wayhex_protocol::unit::Unit;
use wayhex_protocol::weight::{Trust, weight};

use crate::queue::{Item, QueueError};

/// How far a key is believed that no hardware keeps: what every key of this crate is until a phone attests its own.
const SOFTWARE_KEY: Trust = Trust::Quarter;

/// Weighs the items of one epoch, one after the other.
#[derive(Debug)]
pub struct Weighing {
    parameters: Parameters,
    params: ScoringParams,
    now_ms: u64,
    weights: EpochWeights<()>,
}

impl Weighing {
    /// Nothing weighed yet; pending items are as old as they are at `now_ms`, Unix milliseconds.
    #[must_use]
    pub fn new(policy: &Policy, now_ms: u64) -> Self {
        Self {
            parameters: policy.parameters.clone(),
            params: policy.parameters.scoring(),
            now_ms,
            weights: EpochWeights::new(),
        }
    }

    /// Weighs an item.
    ///
    /// # Errors
    /// The item cannot be read.
    pub fn add(&mut self, item: &Item) -> Result<(), QueueError> {
        let (observation, facts) = observed(item)?;
        let trust = trust(observation.fix, &self.parameters);
        let Some(class) = trust.class() else {
            return Ok(());
        };
        let received_ms = item
            .answered
            .map_or(self.now_ms, |(_, server_time_ms)| server_time_ms);
        let age_ms = signed(received_ms).saturating_sub(signed(observation.captured_at_ms));
        // The server's clock and the phone's may differ by minutes: what came before its time came at its time.
        let weight = weight(observation.quality, trust, age_ms.max(0), &self.params);
        for unit in facts.units() {
            self.weights.add(class, unit, &(), weight);
        }
        Ok(())
    }

    /// The estimate, by F of the units that are not wholly fresh.
    #[must_use]
    pub fn estimate(&self, freshness: &BTreeMap<Unit, Micros>) -> Estimate {
        let opening = |unit| freshness.get(&unit).copied().unwrap_or(Micros::ONE);
        estimate(&self.weights, opening, &self.params, Micros::ZERO)
    }
}

/// What an item observed, and where.
///
/// # Errors
/// The item cannot be read.
pub fn observed(item: &Item) -> Result<(Observation, SegmentFacts), QueueError> {
    let corrupt = QueueError::Corrupt {
        what: "signed observation",
    };
    let Ok((_, observation)) = peek::<Observation>(&item.envelope) else {
        return Err(corrupt);
    };
    match observation.segment.facts() {
        Ok(facts) => Ok((observation, facts)),
        Err(_unlawful) => Err(corrupt),
    }
}

/// The least of all grounds: the key's, and the accuracy's.
fn trust(fix: FixQuality, parameters: &Parameters) -> Trust {
    let by_accuracy = match fix.accuracy_mm {
        Some(mm) if u64::from(mm) <= parameters.accuracy_full_mm => Trust::Full,
        Some(_) | None => Trust::Quarter,
    };
    SOFTWARE_KEY.min(by_accuracy)
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
