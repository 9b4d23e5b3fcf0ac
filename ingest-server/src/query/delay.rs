//! When something becomes public, and how exactly its time is told.
//!
//! Coverage is told in steps: what was received in a step appears all at once when the step is over and the delay has passed,
//! so that whoever watches the map learns no more of the time than the step that it is told in. A policy with a delay of 0
//! hides nothing.

use wayhex_protocol::policy::Parameters;

/// The delays of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PublicDelay {
    delay_ms: u64,
    step_ms: u64,
}

impl PublicDelay {
    pub(super) fn of(parameters: &Parameters) -> Self {
        Self {
            delay_ms: parameters.coverage_delay_s.saturating_mul(1_000),
            step_ms: parameters.coverage_step_s.saturating_mul(1_000).max(1),
        }
    }

    /// What happened before this moment is public at `now_ms`; both Unix milliseconds.
    pub(super) fn horizon_ms(self, now_ms: u64) -> u64 {
        match self.delay_ms {
            0 => i64::MAX.unsigned_abs(),
            delay_ms => self.step_of(now_ms.saturating_sub(delay_ms)),
        }
    }

    /// The start of the step that a time lies in.
    pub(super) fn step_of(self, time_ms: u64) -> u64 {
        time_ms - time_ms % self.step_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn a_day_appears_as_a_whole_a_day_after_it_is_over() {
        let delay = PublicDelay::of(&Parameters::default());
        let noon = 20_000 * DAY_MS + DAY_MS / 2;
        assert!(noon >= delay.horizon_ms(noon + DAY_MS));
        assert!(noon >= delay.horizon_ms(20_002 * DAY_MS - 1));
        assert!(noon < delay.horizon_ms(20_002 * DAY_MS));
        assert_eq!(delay.step_of(noon), 20_000 * DAY_MS);
    }

    #[test]
    fn no_delay_hides_nothing() {
        let delay = PublicDelay::of(&Parameters {
            coverage_delay_s: 0,
            coverage_step_s: 1,
            ..Parameters::default()
        });
        assert!(delay.horizon_ms(0) > DAY_MS);
        assert_eq!(delay.step_of(1_999), 1_000);
    }
}
