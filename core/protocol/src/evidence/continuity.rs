//! Whether one evidence follows another: what the first leaves is what the second begins with.

use std::collections::BTreeMap;

use super::results::{first_of, unequal};
use super::{Difference, Evidence, EvidenceFault};
use crate::account::Account;
use crate::claims::Claims;
use crate::id::EvidenceHash;
use crate::micros::Micros;

impl Evidence {
    /// The first place where this evidence does not begin with what `previous`, of hash `previous_hash`, leaves behind. The
    /// opening F can be compared for units that both touch; of others the document before last knows.
    ///
    /// # Errors
    /// The facts of `previous` contradict themselves.
    pub fn break_after(
        &self,
        previous: &Self,
        previous_hash: EvidenceHash,
    ) -> Result<Option<Difference>, EvidenceFault> {
        let left = previous.facts.conclude()?.outcome;
        let facts = &self.facts;
        let named = facts
            .previous
            .map_or_else(|| "absent".to_owned(), |hash| hash.to_string());
        let next_number = previous.facts.epoch.saturating_add(1);
        let both: BTreeMap<_, _> = facts
            .tables
            .units
            .iter()
            .filter(|(unit, _)| left.freshness.contains_key(unit))
            .map(|(unit, of)| (*unit, of.freshness))
            .collect();
        let left_of_both = left
            .freshness
            .iter()
            .filter(|(unit, _)| both.contains_key(unit))
            .map(|(unit, freshness)| (*unit, *freshness))
            .collect();
        Ok(unequal(
            "hash of the previous evidence",
            &named,
            &previous_hash.to_string(),
        )
        .or_else(|| {
            unequal(
                "network",
                &facts.network.as_str(),
                &previous.facts.network.as_str(),
            )
        })
        .or_else(|| unequal("epoch", &facts.epoch, &next_number))
        .or_else(|| unequal("opening time", &facts.opened_ms, &previous.facts.closed_ms))
        .or_else(|| {
            first_of(&lines(&facts.claims), &lines(&left.claims), |subject| {
                format!("opening claims, {subject}")
            })
        })
        .or_else(|| {
            first_of(&both, &left_of_both, |unit| {
                format!("opening freshness of {unit:?}")
            })
        }))
    }
}

/// Claims as named numbers: each account's balance and each pending payout.
fn lines(claims: &Claims<Account>) -> BTreeMap<String, String> {
    let balances = claims.balances.iter().map(|(account, of)| {
        let text = format!(
            "matured {}, corrected {}, claimable {}",
            of.matured, of.corrected, of.claimable
        );
        (format!("balance of {account}"), text)
    });
    let pending = claims.pending.iter().flat_map(|(epoch, of)| {
        let line = move |(account, amount): (&Account, &Micros)| {
            (
                format!("pending until {epoch} for {account}"),
                amount.to_string(),
            )
        };
        of.iter().map(line)
    });
    balances.chain(pending).collect()
}
