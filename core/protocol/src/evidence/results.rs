//! What an evidence states to follow from its facts, and the first place where two such statements differ.

use core::fmt;
use std::collections::BTreeMap;

use crate::account::Account;
use crate::merkle::{ClaimTree, Hash};
use crate::micros::Micros;
use crate::reward::EpochOutcome;
use crate::unit::Unit;
use crate::weight::ByClass;

/// The results of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// Every account with a weight.
    pub accounts: BTreeMap<Account, AccountResult>,
    /// What there was to divide.
    pub pool: Micros,
    /// What is left of it.
    pub treasury: Micros,
    /// The next epoch's opening F of the units touched.
    pub freshness: BTreeMap<Unit, Micros>,
    /// The root of the claim tree.
    pub root: Hash,
}

/// One account's results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountResult {
    /// Its capped scores.
    pub score: ByClass<Micros>,
    /// Its payouts.
    pub payout: ByClass<Micros>,
}

/// The first thing that two results do not agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub subject: String,
    /// What the one says; "absent" where it says nothing.
    pub claimed: String,
    /// What the other says.
    pub recomputed: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject,
            claimed,
            recomputed,
        } = self;
        write!(f, "{subject}: {claimed} is claimed, {recomputed} follows")
    }
}

impl Results {
    /// The results of an outcome.
    #[must_use]
    pub fn of(outcome: &EpochOutcome<Account>) -> Self {
        let accounts = outcome.scores.accounts.iter().map(|(account, score)| {
            let payout = outcome.payouts.per_account.get(account);
            let result = AccountResult {
                score: *score,
                payout: payout.copied().unwrap_or_default(),
            };
            (account.clone(), result)
        });
        Self {
            accounts: accounts.collect(),
            pool: outcome.payouts.pool,
            treasury: outcome.payouts.treasury,
            freshness: outcome.freshness.clone(),
            root: ClaimTree::of_accounts(outcome.claims.leaves()).root(),
        }
    }

    /// What all accounts are paid.
    #[must_use]
    pub fn paid(&self) -> Micros {
        let of_account = |result: &AccountResult| result.payout.total();
        self.accounts.values().map(of_account).sum()
    }

    /// The first difference between what is claimed here and what was recomputed: accounts, pool, treasury, freshness, root.
    #[must_use]
    pub fn difference(&self, recomputed: &Self) -> Option<Difference> {
        first_of(&self.accounts, &recomputed.accounts, |account| {
            format!("scores and payouts of {account}")
        })
        .or_else(|| unequal("pool", &self.pool, &recomputed.pool))
        .or_else(|| unequal("treasury", &self.treasury, &recomputed.treasury))
        .or_else(|| {
            first_of(&self.freshness, &recomputed.freshness, |unit| {
                format!("next freshness of {unit:?}")
            })
        })
        .or_else(|| unequal("root", &Hex(self.root), &Hex(recomputed.root)))
    }
}

impl fmt::Display for AccountResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { score, payout } = self;
        write!(
            f,
            "scores {} and {}, payouts {} and {}",
            score.high, score.low, payout.high, payout.low
        )
    }
}

/// A difference where two values are not equal.
pub(super) fn unequal<T: PartialEq + fmt::Display>(
    subject: &str,
    claimed: &T,
    recomputed: &T,
) -> Option<Difference> {
    (claimed != recomputed).then(|| Difference {
        subject: subject.to_owned(),
        claimed: claimed.to_string(),
        recomputed: recomputed.to_string(),
    })
}

/// The first key, in order, on which two maps differ.
pub(super) fn first_of<K: Ord, V: PartialEq + fmt::Display>(
    claimed: &BTreeMap<K, V>,
    recomputed: &BTreeMap<K, V>,
    subject: impl Fn(&K) -> String,
) -> Option<Difference> {
    let of_claimed = claimed
        .iter()
        .find(|(key, value)| recomputed.get(key) != Some(value));
    let of_recomputed = recomputed.keys().find(|key| !claimed.contains_key(key));
    let key = match (of_claimed.map(|(key, _)| key), of_recomputed) {
        (Some(a), Some(b)) => a.min(b),
        (a, b) => a.or(b)?,
    };
    let says = |of: &BTreeMap<K, V>| {
        of.get(key)
            .map_or_else(|| "absent".to_owned(), ToString::to_string)
    };
    Some(Difference {
        subject: subject(key),
        claimed: says(claimed),
        recomputed: says(recomputed),
    })
}

#[derive(PartialEq)]
struct Hex(Hash);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
