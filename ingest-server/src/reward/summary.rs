//! What is public of an epoch: totals, hashes, and nobody's account.

use data_encoding::HEXLOWER;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::StoreError;

/// An epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EpochSummary {
    /// Its number.
    pub number: u64,
    /// Whether it is closed; the totals of an open one are null.
    pub closed: bool,
    /// When it opened, Unix milliseconds.
    pub opened_ms: u64,
    /// When it closed, Unix milliseconds.
    pub closed_ms: Option<u64>,
    /// The policy that scores it.
    pub policy: EpochPolicy,
    /// What its close computed.
    #[serde(flatten)]
    pub totals: Totals,
}

/// The policy of an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EpochPolicy {
    /// Its version.
    pub version: u64,
    /// SHA-256 of its payload, hexadecimal.
    pub sha256: String,
}

/// The results of a close; all null while the epoch is open. Amounts are millionths of a point, in decimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Totals {
    /// Observations accepted.
    pub observations: Option<u64>,
    /// Accounts with an accepted observation.
    pub accounts: Option<u64>,
    /// Units covered.
    pub units: Option<u64>,
    /// Credits burnt during the epoch.
    pub burnt: Option<String>,
    /// What there was to divide.
    pub pool: Option<String>,
    /// What all accounts were paid.
    pub paid: Option<String>,
    /// What was left, for the treasury: `pool - paid`.
    pub treasury: Option<String>,
    /// The high class.
    pub high: Option<ClassTotals>,
    /// The low class.
    pub low: Option<ClassTotals>,
    /// Root of the claim tree after the close, hexadecimal.
    pub root: Option<String>,
    /// SHA-256 of the evidence that an auditor may have, hexadecimal.
    pub evidence_sha256: Option<String>,
}

/// The totals of one class, in millionths, decimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClassTotals {
    /// The sum of the capped scores.
    pub score: String,
    /// What was paid.
    pub paid: String,
}

impl EpochSummary {
    /// Reads an epoch; `None` when it has not begun.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn read(connection: &Connection, number: u64) -> Result<Option<Self>, StoreError> {
        let mut query = connection.prepare_cached(
            "SELECT e.number, e.opened_ms, e.closed_ms, p.version, p.sha256,
                 c.observations, c.accounts, c.units, c.burnt_micros, c.pool_micros, c.treasury_micros,
                 c.score_high_micros, c.paid_high_micros, c.score_low_micros, c.paid_low_micros, c.root, c.evidence_sha256
             FROM epochs e JOIN policies p ON p.version = e.policy LEFT JOIN closed_epochs c ON c.number = e.number
             WHERE e.number = ?1",
        )?;
        Ok(query.query_row([number], Self::of_row).optional()?)
    }

    fn of_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let closed_ms: Option<u64> = row.get(2)?;
        let sha256: Vec<u8> = row.get(4)?;
        let totals = match closed_ms {
            Some(_) => Totals::of_row(row)?,
            None => Totals::default(),
        };
        Ok(Self {
            number: row.get(0)?,
            closed: closed_ms.is_some(),
            opened_ms: row.get(1)?,
            closed_ms,
            policy: EpochPolicy {
                version: row.get(3)?,
                sha256: HEXLOWER.encode(&sha256),
            },
            totals,
        })
    }
}

impl Totals {
    fn of_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let amount = |column| -> rusqlite::Result<u64> { row.get(column) };
        let class = |score, paid| -> rusqlite::Result<_> {
            Ok(Some(ClassTotals {
                score: amount(score)?.to_string(),
                paid: amount(paid)?.to_string(),
            }))
        };
        let hex = |column| -> rusqlite::Result<_> {
            Ok(Some(HEXLOWER.encode(&row.get::<_, Vec<u8>>(column)?)))
        };
        let (pool, treasury) = (amount(9)?, amount(10)?);
        Ok(Self {
            observations: row.get(5)?,
            accounts: row.get(6)?,
            units: row.get(7)?,
            burnt: Some(amount(8)?.to_string()),
            pool: Some(pool.to_string()),
            paid: Some(pool.saturating_sub(treasury).to_string()),
            treasury: Some(treasury.to_string()),
            high: class(11, 12)?,
            low: class(13, 14)?,
            root: hex(15)?,
            evidence_sha256: hex(16)?,
        })
    }
}
