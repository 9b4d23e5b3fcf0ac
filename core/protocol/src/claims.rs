//! From payouts to what the claim tree says: cumulative, delayed, corrected.
//!
//! A payout of epoch e matures at the close of e + `claim_delay_epochs` (by e's own policy). At every close an account's
//! leaf is
//!
//! ```text
//! claimable = max(claimable before, matured so far - corrections so far)
//! ```
//! so that a correction is taken from what is still to come and never from what a root has already promised; a part of it
//! that finds nothing pending waits for later payouts. What corrections keep back goes to the treasury at the same close:
//! the leaves add up to the matured pools exactly, and no leaf ever falls.

use std::collections::BTreeMap;

use crate::micros::Micros;
use crate::reward::Payouts;

/// The cumulative figures of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// All payouts that have matured, and for the treasury what corrections kept back.
    pub matured: Micros,
    /// All corrections.
    pub corrected: Micros,
    /// The leaf: all that may be claimed, ever.
    pub claimable: Micros,
}

/// The state of all claims between two closes. Plain data: an epoch's evidence opens with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims<A> {
    /// Every account that has ever had a matured payout or a correction.
    pub balances: BTreeMap<A, Balance>,
    /// Payouts still pending, by the epoch at whose close they mature.
    pub pending: BTreeMap<u64, BTreeMap<A, Micros>>,
}

impl<A> Default for Claims<A> {
    fn default() -> Self {
        Self {
            balances: BTreeMap::new(),
            pending: BTreeMap::new(),
        }
    }
}

/// What a close adds to the claims.
#[derive(Clone, Copy, Debug)]
pub struct ClosedPayouts<'a, A> {
    /// The epoch that closes.
    pub epoch: u64,
    /// How many epochs later its payouts mature; 0 is at this close.
    pub claim_delay_epochs: u64,
    /// Its payouts.
    pub payouts: &'a Payouts<A>,
    /// What its records take back from each account. Nothing is taken from the treasury.
    pub corrections: &'a BTreeMap<A, Micros>,
    /// To whom the remainder of its pool and what its corrections keep back go.
    pub treasury: &'a A,
}

impl<A: Ord + Clone> Claims<A> {
    /// The state after a close. Each epoch is closed once, in order.
    #[must_use]
    pub fn close(&self, closed: &ClosedPayouts<'_, A>) -> Self {
        let mut pending = self.pending.clone();
        let matures_at = closed.epoch.saturating_add(closed.claim_delay_epochs);
        let accounts = closed
            .payouts
            .per_account
            .iter()
            .map(|(account, paid)| (account, paid.total()));
        for (account, amount) in accounts.chain([(closed.treasury, closed.payouts.treasury)]) {
            if amount > Micros::ZERO {
                add(pending.entry(matures_at).or_default(), account, amount);
            }
        }
        let mut gains: BTreeMap<A, Gain> = self
            .balances
            .keys()
            .map(|account| (account.clone(), Gain::default()))
            .collect();
        let later = pending.split_off(&closed.epoch.saturating_add(1));
        for (account, amount) in pending.into_values().flatten() {
            let gain = gains.entry(account).or_default();
            gain.matured = gain.matured.saturating_add(amount);
        }
        for (account, amount) in closed.corrections {
            gains.entry(account.clone()).or_default().corrected = *amount;
        }
        Self {
            balances: self.settle(gains, closed.treasury),
            pending: later,
        }
    }

    /// Each account's cumulative claimable amount; an account that has nothing to claim has no leaf.
    pub fn leaves(&self) -> impl Iterator<Item = (&A, Micros)> {
        let leaves = self
            .balances
            .iter()
            .map(|(account, balance)| (account, balance.claimable));
        leaves.filter(|(_, claimable)| *claimable > Micros::ZERO)
    }

    fn settle(&self, mut gains: BTreeMap<A, Gain>, treasury: &A) -> BTreeMap<A, Balance> {
        let for_treasury = gains.remove(treasury).unwrap_or_default();
        let mut kept_back = Micros::ZERO;
        let mut balances = BTreeMap::new();
        for (account, gain) in gains {
            let before = self.balances.get(&account).copied().unwrap_or_default();
            let after = before.gaining(gain);
            let released = after.claimable.saturating_sub(before.claimable);
            kept_back = kept_back.saturating_add(gain.matured.saturating_sub(released));
            balances.insert(account, after);
        }
        let before = self.balances.get(treasury).copied().unwrap_or_default();
        let gain = for_treasury.matured.saturating_add(kept_back);
        let after = Balance {
            matured: before.matured.saturating_add(gain),
            corrected: before.corrected,
            claimable: before.claimable.saturating_add(gain),
        };
        balances.insert(treasury.clone(), after);
        balances
    }
}

#[derive(Clone, Copy, Default)]
struct Gain {
    matured: Micros,
    corrected: Micros,
}

impl Balance {
    fn gaining(self, gain: Gain) -> Self {
        let matured = self.matured.saturating_add(gain.matured);
        let corrected = self.corrected.saturating_add(gain.corrected);
        let claimable = self.claimable.max(matured.saturating_sub(corrected));
        Self {
            matured,
            corrected,
            claimable,
        }
    }
}

fn add<A: Ord + Clone>(amounts: &mut BTreeMap<A, Micros>, account: &A, amount: Micros) {
    match amounts.get_mut(account) {
        Some(sum) => *sum = sum.saturating_add(amount),
        None => {
            amounts.insert(account.clone(), amount);
        }
    }
}
