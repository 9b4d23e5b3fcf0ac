//! Single-use challenges for registration. In memory: one that a restart forgets is asked for again.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};
use wayhex_protocol::id::Nonce;

/// How long a nonce is good: a phone on a bad network signs and answers within seconds.
const LIFE: Duration = Duration::from_mins(5);
/// Nonces kept at most (8 MiB): then the oldest go, so that whoever asks without end shuts nobody out who answers soon.
const KEPT_MAX: usize = 100_000;

/// The nonces given out and not yet used.
#[derive(Debug, Default)]
pub(crate) struct Nonces(Mutex<Given>);

#[derive(Debug, Default)]
struct Given {
    /// In the order they were given, used ones included.
    by_age: VecDeque<(Instant, Nonce)>,
    good: HashSet<Nonce>,
}

impl Nonces {
    /// Gives out a nonce.
    pub(crate) fn give(&self, now: Instant) -> Result<Nonce, Unspecified> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes)?;
        let nonce = Nonce(bytes);
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        given.forget_old(now);
        given.by_age.push_back((now, nonce));
        given.good.insert(nonce);
        Ok(nonce)
    }

    /// Whether a nonce is good; it is not any more afterwards.
    pub(crate) fn take(&self, nonce: &Nonce, now: Instant) -> bool {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        given.forget_old(now);
        given.good.remove(nonce)
    }
}

impl Given {
    fn forget_old(&mut self, now: Instant) {
        while let Some((given, nonce)) = self.by_age.front() {
            if now.duration_since(*given) < LIFE && self.by_age.len() < KEPT_MAX {
                return;
            }
            self.good.remove(nonce);
            self.by_age.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_once_and_for_five_minutes() {
        let (nonces, now) = (Nonces::default(), Instant::now());
        let (used, late) = (nonces.give(now).unwrap(), nonces.give(now).unwrap());
        assert!(nonces.take(&used, now));
        assert!(!nonces.take(&used, now));
        assert!(!nonces.take(&late, now + LIFE));
    }

    #[test]
    fn whoever_asks_without_end_pushes_out_only_the_oldest() {
        let (nonces, now) = (Nonces::default(), Instant::now());
        let first = nonces.give(now).unwrap();
        let last = (0..KEPT_MAX)
            .map(|_| nonces.give(now).unwrap())
            .last()
            .unwrap();
        assert!(!nonces.take(&first, now));
        assert!(nonces.take(&last, now));
    }
}
