//! The close itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use wayhex_protocol::account::Account;
use wayhex_protocol::evidence::{
    EVIDENCE_BYTES_MAX, Evidence, EvidenceFault, Facts, Recomputed, Tables,
};
use wayhex_protocol::freshness;
use wayhex_protocol::id::{EvidenceHash, NetworkId};
use wayhex_protocol::micros::Micros;
use wayhex_protocol::unit::Unit;
use wayhex_protocol::weight::Class;

use super::summary::EpochSummary;
use super::{claims, evidence_file};
use crate::failpoints;
use crate::keys::Keys;
use crate::policy::{PolicyBook, PolicyError};
use crate::score::{
    accepted_observations, accounts_by_id, class_number, keep_freshness, opening_freshness,
    recovered_before,
};
use crate::store::{OpenEpoch, StoreError, account_id};

/// An epoch that is closed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// What is public of it.
    pub summary: EpochSummary,
    /// Where its evidence lies.
    pub evidence: PathBuf,
    /// Whether it was closed before, and nothing has changed.
    pub already: bool,
}

/// Why an epoch was not closed.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// The store failed.
    #[error("the epoch cannot be closed")]
    Store(#[from] StoreError),
    /// The policies cannot be read.
    #[error("the epoch's policy cannot be read")]
    Policy(#[from] PolicyError),
    /// A policy that a row names is not there.
    #[error("policy {version} of epoch {epoch} is not in the store")]
    PolicyMissing {
        /// The epoch.
        epoch: u64,
        /// The policy's version.
        version: u64,
    },
    /// An epoch that has not begun.
    #[error("epoch {wanted} has not begun: epoch {open} is open")]
    NotBegun {
        /// What was asked for.
        wanted: u64,
        /// What is open.
        open: u64,
    },
    /// No epoch has ever been opened, or the one asked for is not in the store.
    #[error("epoch {wanted} is not in the store")]
    Unknown {
        /// What was asked for.
        wanted: u64,
    },
    /// What the store holds contradicts itself.
    #[error("the records of epoch {epoch} contradict themselves")]
    Evidence {
        /// The epoch.
        epoch: u64,
        /// How.
        source: EvidenceFault,
    },
    /// More than any auditor would read.
    #[error("the evidence of epoch {epoch} has {size} bytes, more than {EVIDENCE_BYTES_MAX}")]
    TooLarge {
        /// The epoch.
        epoch: u64,
        /// Its size in bytes.
        size: usize,
    },
}

impl From<rusqlite::Error> for CloseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What a close needs besides the database.
#[derive(Clone, Copy)]
pub struct Closer<'a> {
    /// The store's folder.
    pub folder: &'a Path,
    /// The network.
    pub network: &'a NetworkId,
    /// The keys that the policies were signed with.
    pub keys: &'a Keys,
}

impl Closer<'_> {
    /// Closes an epoch on a connection of its own: the open one, or the one of the given number, which may be closed already.
    ///
    /// # Errors
    /// See [`CloseError`]; nothing has changed then.
    pub fn close(
        &self,
        connection: &mut Connection,
        wanted: Option<u64>,
        now_ms: u64,
    ) -> Result<Closed, CloseError> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let closed = self.close_within(&transaction, wanted, now_ms)?;
        failpoints::CLOSE_COMMIT.hit();
        transaction.commit()?;
        failpoints::CLOSE_ANSWER.hit();
        Ok(closed)
    }

    /// The same within an immediate transaction that the caller commits.
    ///
    /// # Errors
    /// See [`CloseError`]; the transaction must be rolled back then.
    pub fn close_within(
        &self,
        transaction: &Transaction<'_>,
        wanted: Option<u64>,
        now_ms: u64,
    ) -> Result<Closed, CloseError> {
        let open = OpenEpoch::read(transaction)?;
        match wanted {
            Some(wanted) if wanted < open.number => return self.closed(transaction, wanted, true),
            Some(wanted) if wanted > open.number => {
                let open = open.number;
                return Err(CloseError::NotBegun { wanted, open });
            }
            _ => {}
        }
        let book = PolicyBook::read(transaction, self.network, &self.keys.signing)?;
        let facts = self.facts(transaction, &open, &book, now_ms)?;
        let epoch = open.number;
        let concluded = facts.conclude();
        let recomputed = concluded.map_err(|source| CloseError::Evidence { epoch, source })?;
        let evidence = Evidence {
            claimed: recomputed.results.clone(),
            facts,
        };
        let (bytes, hash) = evidence.sealed();
        if bytes.len() > EVIDENCE_BYTES_MAX {
            let size = bytes.len();
            return Err(CloseError::TooLarge { epoch, size });
        }
        evidence_file::write(self.folder, epoch, &bytes)?;
        failpoints::CLOSE_RECORD.hit();
        record(transaction, &evidence.facts, &recomputed, hash)?;
        let next_policy = book
            .current()
            .map_or(open.policy, |newest| newest.policy.version);
        open_next(transaction, &evidence.facts, next_policy)?;
        self.closed(transaction, epoch, false)
    }

    fn closed(
        &self,
        connection: &Connection,
        wanted: u64,
        already: bool,
    ) -> Result<Closed, CloseError> {
        let summary = EpochSummary::read(connection, wanted)?;
        Ok(Closed {
            summary: summary.ok_or(CloseError::Unknown { wanted })?,
            evidence: evidence_file::path(self.folder, wanted),
            already,
        })
    }

    /// Corrections and burnt credits have no records yet: both are nothing.
    fn facts(
        &self,
        transaction: &Transaction<'_>,
        open: &OpenEpoch,
        book: &PolicyBook,
        now_ms: u64,
    ) -> Result<Facts, CloseError> {
        let epoch = open.number;
        let version = open.policy;
        let published = book.of_version(version);
        let published = published.ok_or(CloseError::PolicyMissing { epoch, version })?;
        let accounts = accounts_by_id(transaction)?;
        let observations = accepted_observations(transaction, epoch, &accounts)?;
        let recovered = recovered_before(transaction, epoch)?;
        let mut opening: BTreeMap<Unit, Micros> = BTreeMap::new();
        for unit in observations.iter().flat_map(|counted| &counted.units) {
            if !opening.contains_key(unit) {
                opening.insert(*unit, opening_freshness(transaction, *unit, recovered)?);
            }
        }
        let at_opening = |unit| opening.get(&unit).copied().unwrap_or(Micros::ONE);
        Ok(Facts {
            network: self.network.clone(),
            epoch,
            opened_ms: open.opened_ms,
            closed_ms: now_ms.max(open.opened_ms),
            policy: published.policy.clone(),
            previous: previous_evidence(transaction, epoch)?,
            burnt: Micros::ZERO,
            corrections: BTreeMap::new(),
            claims: claims::read(transaction, &accounts)?,
            tables: Tables::of(&observations, at_opening),
        })
    }
}

fn previous_evidence(
    connection: &Connection,
    epoch: u64,
) -> Result<Option<EvidenceHash>, StoreError> {
    let mut query = connection.prepare(
        "SELECT evidence_sha256 FROM closed_epochs WHERE number < ?1 ORDER BY number DESC LIMIT 1",
    )?;
    let mut rows = query.query([epoch])?;
    match rows.next()? {
        Some(row) => Ok(Some(EvidenceHash(row.get(0)?))),
        None => Ok(None),
    }
}

/// Writes all that a close leaves.
fn record(
    transaction: &Transaction<'_>,
    facts: &Facts,
    recomputed: &Recomputed,
    hash: EvidenceHash,
) -> Result<(), StoreError> {
    let outcome = &recomputed.outcome;
    let payouts = &outcome.payouts;
    let gained = freshness::recovery(facts.length_s(), &facts.policy.parameters.scoring());
    let recovered = recovered_before(transaction, facts.epoch)?.saturating_add(gained);
    let paid = |class| -> Micros {
        let of_account = payouts.per_account.values();
        of_account.map(|paid| *paid.get(class)).sum()
    };
    transaction.execute(
        "INSERT INTO closed_epochs (number, evidence_sha256, root, observations, accounts, units, burnt_micros,
             pool_micros, score_high_micros, score_low_micros, paid_high_micros, paid_low_micros, treasury_micros,
             recovered_micros)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            facts.epoch,
            hash.0,
            recomputed.results.root,
            facts.observations(),
            facts.tables.accounts.len(),
            facts.tables.units.len(),
            facts.burnt.get(),
            payouts.pool.get(),
            payouts.class_totals.high.get(),
            payouts.class_totals.low.get(),
            paid(Class::High).get(),
            paid(Class::Low).get(),
            payouts.treasury.get(),
            recovered.get(),
        ],
    )?;
    record_units(transaction, facts, recomputed)?;
    record_payouts(transaction, facts, recomputed)?;
    keep_freshness(transaction, &outcome.freshness, recovered)?;
    claims::write(transaction, facts, &outcome.claims)
}

fn record_units(
    transaction: &Transaction<'_>,
    facts: &Facts,
    recomputed: &Recomputed,
) -> Result<(), StoreError> {
    let mut insert = transaction.prepare(
        "INSERT INTO epoch_units (epoch, cell, quadrant, class, freshness_micros, greatest_micros, sum_micros, observations)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for ((class, unit), row) in &recomputed.outcome.scores.units {
        let covers = facts.tables.units.get(unit).map(|of| of.covers.get(*class));
        let observations: usize = covers
            .into_iter()
            .flatten()
            .map(|cover| cover.observations.len())
            .sum();
        insert.execute(params![
            facts.epoch,
            unit.cell.index(),
            unit.quadrant.number(),
            class_number(*class),
            row.freshness.get(),
            row.greatest.get(),
            row.sum.get(),
            observations,
        ])?;
    }
    Ok(())
}

fn record_payouts(
    transaction: &Transaction<'_>,
    facts: &Facts,
    recomputed: &Recomputed,
) -> Result<(), StoreError> {
    let mut insert = transaction.prepare(
        "INSERT INTO payouts (account, epoch, score_high_micros, score_low_micros, paid_high_micros, paid_low_micros,
             remainder_micros)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let treasury = &facts.policy.treasury;
    let mut results: BTreeMap<&Account, _> = BTreeMap::from([(treasury, <_>::default())]);
    results.extend(
        recomputed
            .results
            .accounts
            .iter()
            .map(|(account, of)| (account, *of)),
    );
    for (account, of) in results {
        let remainder = if account == treasury {
            recomputed.results.treasury
        } else {
            Micros::ZERO
        };
        insert.execute(params![
            account_id(transaction, account)?,
            facts.epoch,
            of.score.high.get(),
            of.score.low.get(),
            of.payout.high.get(),
            of.payout.low.get(),
            remainder.get(),
        ])?;
    }
    Ok(())
}

fn open_next(
    transaction: &Transaction<'_>,
    facts: &Facts,
    next_policy: u64,
) -> Result<(), StoreError> {
    transaction.execute(
        "UPDATE epochs SET closed_ms = ?2 WHERE number = ?1",
        params![facts.epoch, facts.closed_ms],
    )?;
    transaction.execute(
        "INSERT INTO epochs (number, policy, opened_ms) VALUES (?1, ?2, ?3)",
        params![facts.epoch + 1, next_policy, facts.closed_ms],
    )?;
    Ok(())
}
