//! The evidence of an epoch: all that its close depended on, and what it claims to follow from it.
//!
//! Whoever holds the document recomputes scores, payouts and the claim tree's root by [`recompute`], without the database
//! and without the server. It names accounts and units together, so it is for auditors; the public sees its hash.
//!
//! CBOR in deterministic encoding (`evidence/wire.rs` is the writer). Lists of pairs ascend by their first part; amounts,
//! weights and freshness are in millionths:
//!
//! ```text
//! evidence = { 1: "wayhex/evidence/1", 2: network, 3: epoch, 4: opened ms, 5: closed ms, 6: policy payload bstr,
//!              ? 7: SHA-256 of the previous evidence, 8: credits burnt, 9: [* [account, correction]],
//!              10: [* [account, matured, corrected, claimable]],                  claims at the opening
//!              11: [* [epoch at whose close they mature, [* [account, amount]]]], payouts still pending
//!              12: [* [account, [* observation id]]],                             all accepted observations
//!              13: [* [cell, quadrant, F, [* cover], [* cover]]],                 units touched: high class, low class
//!              14: results }
//! cover    = [place of the account in 12, weight, [+ place of the observation in that account's list]]
//! results  = { 1: [* [account, score high, score low, payout high, payout low]], 2: pool, 3: treasury,
//!              4: [* [cell, quadrant, F of the next epoch]], 5: root bstr }
//! ```
//! The epoch lasts `floor((closed - opened) / 1000)` seconds. A cover's weight is the greatest among its observations; the
//! weight of each single one is not part of the document.

mod continuity;
mod results;
mod tables;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

pub use self::results::{AccountResult, Difference, Results};
pub use self::tables::{Counted, Tables};

use crate::account::Account;
use crate::cbor::Wire;
use crate::claims::Claims;
use crate::id::{EvidenceHash, NetworkId, ObservationId, sha256};
use crate::micros::Micros;
use crate::policy::Policy;
use crate::reward::{EpochInput, EpochOutcome, close_epoch};
use crate::score::EpochWeights;
use crate::unit::Unit;
use crate::weight::{ByClass, Class};

/// Bytes of an evidence document (512 MiB): ten million observations, which one machine can still hold and recompute.
pub const EVIDENCE_BYTES_MAX: usize = 512 * 1_024 * 1_024;

/// The document: what was the case, and what is claimed to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What was the case.
    pub facts: Facts,
    /// What the server says follows.
    pub claimed: Results,
}

/// All that an epoch's close depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The network.
    pub network: NetworkId,
    /// The epoch's number.
    pub epoch: u64,
    /// When it opened, Unix milliseconds.
    pub opened_ms: u64,
    /// When it closed, Unix milliseconds.
    pub closed_ms: u64,
    /// The policy in force at the opening.
    pub policy: Policy,
    /// The evidence before this one; `None` for the first.
    pub previous: Option<EvidenceHash>,
    /// Credits burnt during the epoch.
    pub burnt: Micros,
    /// What records of this epoch took back.
    pub corrections: BTreeMap<Account, Micros>,
    /// The state of the claims at the opening.
    pub claims: Claims<Account>,
    /// Accounts with their accepted observations, and what these cover.
    pub tables: Tables,
}

/// An account and its accepted observations of the epoch, both in ascending order; those that cover no unit are named too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountObservations {
    /// The account.
    pub account: Account,
    /// Its observations.
    pub observations: Vec<ObservationId>,
}

/// A unit touched in the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitCovers {
    /// F at the epoch's opening.
    pub freshness: Micros,
    /// Who covered it, by class, in the order of the accounts.
    pub covers: ByClass<Vec<Cover>>,
}

/// What one account did for one unit in one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// The account's place in the list of accounts.
    pub account: u32,
    /// The greatest weight of its observations.
    pub weight: Micros,
    /// The observations' places in the account's list, ascending, at least one.
    pub observations: Vec<u32>,
}

/// Why a document is no evidence, though it can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceFault {
    /// The policy is another network's, or was not in force at the opening.
    #[error("the policy of the evidence is not the one in force at the epoch's opening")]
    Policy,
    /// The epoch closes before it opens.
    #[error("the epoch closes before it opens")]
    Backwards,
    /// A list that is not strictly ascending, or a place that its list does not have.
    #[error("{what}: not in ascending order, or a place that is not in its list")]
    Order {
        /// The list.
        what: &'static str,
    },
    /// An observation counts for two accounts, or in two classes.
    #[error("observation {id} counts for more than one account or class")]
    CountedTwice {
        /// Which.
        id: ObservationId,
    },
    /// A weight or a freshness above 1.0.
    #[error("{unit:?}: a weight or freshness of {micros} is above 1.0")]
    AboveOne {
        /// Where.
        unit: Unit,
        /// How much.
        micros: Micros,
    },
    /// A unit that nobody covers, or a cover without an observation.
    #[error("{unit:?}: listed without a cover or an observation")]
    Baseless {
        /// Where.
        unit: Unit,
    },
}

/// What follows from the facts of an evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recomputed {
    /// The whole outcome; its claims open the next epoch.
    pub outcome: EpochOutcome<Account>,
    /// The part of it that an evidence states.
    pub results: Results,
}

/// Closes the epoch anew from its facts. Compare with [`Results::difference`].
///
/// # Errors
/// The facts contradict themselves.
pub fn recompute(evidence: &Evidence) -> Result<Recomputed, EvidenceFault> {
    evidence.facts.conclude()
}

impl Evidence {
    /// The hash that the next evidence and the epoch's public summary name it by.
    #[must_use]
    pub fn hash_of(bytes: &[u8]) -> EvidenceHash {
        EvidenceHash(sha256(bytes))
    }

    /// Its encoding and hash.
    #[must_use]
    pub fn sealed(&self) -> (Vec<u8>, EvidenceHash) {
        let bytes = self.to_bytes();
        let hash = Self::hash_of(&bytes);
        (bytes, hash)
    }
}

impl Facts {
    /// How long the epoch was open, whole seconds.
    #[must_use]
    pub fn length_s(&self) -> u64 {
        self.closed_ms.saturating_sub(self.opened_ms) / 1_000
    }

    /// How many observations were accepted.
    #[must_use]
    pub fn observations(&self) -> u64 {
        let of_account = |of: &AccountObservations| of.observations.len() as u64;
        self.tables.accounts.iter().map(of_account).sum()
    }

    /// What follows: the server that closes and the auditor that repeats call this alike.
    ///
    /// # Errors
    /// The facts contradict themselves.
    pub fn conclude(&self) -> Result<Recomputed, EvidenceFault> {
        self.check()?;
        let outcome = close_epoch(&self.input());
        let results = Results::of(&outcome);
        Ok(Recomputed { outcome, results })
    }

    fn input(&self) -> EpochInput<Account> {
        let Tables { accounts, units } = &self.tables;
        let mut weights = EpochWeights::new();
        for (unit, of) in units {
            for class in Class::ALL {
                for cover in of.covers.get(class) {
                    if let Some(of) = accounts.get(cover.account as usize) {
                        weights.add(class, *unit, &of.account, cover.weight);
                    }
                }
            }
        }
        EpochInput {
            epoch: self.epoch,
            length_s: self.length_s(),
            params: self.policy.parameters.scoring(),
            burnt: self.burnt,
            freshness: units
                .iter()
                .map(|(unit, of)| (*unit, of.freshness))
                .collect(),
            weights,
            corrections: self.corrections.clone(),
            claims: self.claims.clone(),
            treasury: self.policy.treasury.clone(),
        }
    }

    fn check(&self) -> Result<(), EvidenceFault> {
        if self.policy.network != self.network || !self.policy.in_force_at(self.opened_ms) {
            return Err(EvidenceFault::Policy);
        }
        if self.closed_ms < self.opened_ms {
            return Err(EvidenceFault::Backwards);
        }
        self.tables.check()
    }
}

impl Tables {
    fn check(&self) -> Result<(), EvidenceFault> {
        ascending("accounts", self.accounts.iter().map(|of| &of.account))?;
        let mut seen = BTreeSet::new();
        for of in &self.accounts {
            ascending("observations", of.observations.iter())?;
            for id in &of.observations {
                if !seen.insert(*id) {
                    return Err(EvidenceFault::CountedTwice { id: *id });
                }
            }
        }
        let mut classes: BTreeMap<ObservationId, Class> = BTreeMap::new();
        for (unit, of) in &self.units {
            if of.covers.high.is_empty() && of.covers.low.is_empty() {
                return Err(EvidenceFault::Baseless { unit: *unit });
            }
            at_most_one(*unit, of.freshness)?;
            for class in Class::ALL {
                self.check_covers(*unit, class, of.covers.get(class), &mut classes)?;
            }
        }
        Ok(())
    }

    fn check_covers(
        &self,
        unit: Unit,
        class: Class,
        covers: &[Cover],
        classes: &mut BTreeMap<ObservationId, Class>,
    ) -> Result<(), EvidenceFault> {
        ascending("covers", covers.iter().map(|cover| cover.account))?;
        for cover in covers {
            at_most_one(unit, cover.weight)?;
            ascending("observations of a cover", cover.observations.iter())?;
            let place = EvidenceFault::Order {
                what: "account of a cover",
            };
            let of = self.accounts.get(cover.account as usize).ok_or(place)?;
            if cover.observations.is_empty() {
                return Err(EvidenceFault::Baseless { unit });
            }
            for place in &cover.observations {
                let id = *of
                    .observations
                    .get(*place as usize)
                    .ok_or(EvidenceFault::Order {
                        what: "observation of a cover",
                    })?;
                if *classes.entry(id).or_insert(class) != class {
                    return Err(EvidenceFault::CountedTwice { id });
                }
            }
        }
        Ok(())
    }
}

fn at_most_one(unit: Unit, micros: Micros) -> Result<(), EvidenceFault> {
    if micros > Micros::ONE {
        return Err(EvidenceFault::AboveOne { unit, micros });
    }
    Ok(())
}

fn ascending<T: Ord>(
    what: &'static str,
    mut items: impl Iterator<Item = T>,
) -> Result<(), EvidenceFault> {
    let Some(mut last) = items.next() else {
        return Ok(());
    };
    for item in items {
        if item <= last {
            return Err(EvidenceFault::Order { what });
        }
        last = item;
    }
    Ok(())
}
