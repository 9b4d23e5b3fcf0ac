//! The numbers of the law of scoring, as the policy in force gives them.

/// Every constant of scoring, freshness and payout. Plain data: the policy document carries the same numbers, and an
/// epoch's evidence with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScoringParams {
    /// Base emission of an epoch, in millionths of a point.
    pub emission_micros: u64,
    /// Points for 1.0 of score, in millionths.
    pub rate_micros: u64,
    /// Greatest score of one account in one class and epoch, in millionths.
    pub cap_micros: u64,
    /// The high class's part of the pool, in millionths; the low class has the rest.
    pub high_share_micros: u64,
    /// The part of the credits burnt that comes back as emission, in millionths.
    pub credit_remint_share: u64,
    /// Age up to which an observation keeps its whole worth, in milliseconds.
    pub latency_full_ms: u64,
    /// Age from which it keeps `latency_floor_micros`, in milliseconds.
    pub latency_floor_at_ms: u64,
    /// What the oldest observation still keeps, in millionths.
    pub latency_floor_micros: u64,
    /// How many of a cell's four quadrants pay one account in one class.
    pub quadrants_paid: u8,
    /// How long a unit needs from 0 to 1.0 of freshness, in seconds.
    pub freshness_recovery_s: u64,
    /// How many epochs after its own a payout becomes claimable.
    pub claim_delay_epochs: u64,
}

/// Those of the genesis policy.
impl Default for ScoringParams {
    fn default() -> Self {
        crate::policy::Parameters::default().scoring()
    }
}
