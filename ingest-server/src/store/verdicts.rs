//! Final verdicts: found again byte for byte.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use wayhex_protocol::batch::Answer;
use wayhex_protocol::id::ObservationId;
use wayhex_protocol::receipt::{Receipt, Verdict};

use super::StoreError;

/// Refusals kept of each device at most, and of all items together that no registered device signed; the oldest go. A phone
/// asks again for the answers of a few batches of 64. Whoever sends what was refused again after that many others is judged
/// anew, and nobody fills the disk with rubbish.
const REFUSALS_MAX: u32 = 10_000;

/// A device's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceRow(pub i64);

/// What a verdict is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The device whose signature fits; `None` where none does.
    pub device: Option<DeviceRow>,
    /// What it is found by and what its receipt names: the observation's id, or without a device the SHA-256 of the envelope.
    pub item: ObservationId,
}

/// A final verdict that was given before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub(super) row: i64,
    pub(super) receipt: Vec<u8>,
}

impl Given {
    /// Its answer.
    #[must_use]
    pub fn repeated(&self) -> Answer {
        Answer {
            receipt: self.receipt.clone(),
            replayed: true,
        }
    }

    /// Looks for it.
    ///
    /// # Errors
    /// The database failed.
    pub fn find(connection: &Connection, subject: &Subject) -> Result<Option<Self>, StoreError> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Self {
                row: row.get(0)?,
                receipt: row.get(1)?,
            })
        };
        let found = match subject.device {
            Some(device) => connection
                .prepare_cached("SELECT id, receipt FROM verdicts WHERE device = ?1 AND item = ?2")?
                .query_row(params![device.0, subject.item.0], read),
            None => connection
                .prepare_cached(
                    "SELECT id, receipt FROM verdicts WHERE device IS NULL AND item = ?1",
                )?
                .query_row([subject.item.0], read),
        };
        Ok(found.optional()?)
    }
}

/// Stores a final verdict and returns its row.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    subject: &Subject,
    decided: &Receipt,
    receipt: &[u8],
) -> Result<i64, StoreError> {
    let reason = match decided.verdict {
        Verdict::Accepted => None,
        Verdict::Refused(reason) => Some(reason.number()),
    };
    let mut insert = transaction.prepare_cached(
        "INSERT INTO verdicts (device, item, reason, epoch, decided_ms, receipt)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let row = insert.insert(params![
        subject.device.map(|device| device.0),
        subject.item.0,
        reason,
        decided.epoch,
        decided.server_time_ms,
        receipt
    ])?;
    Ok(row)
}

/// Lets go of the oldest refusals of a device, or of nobody, and of the batches that had nothing else.
pub(super) fn forget_refusals(
    transaction: &Transaction<'_>,
    device: Option<i64>,
) -> Result<(), StoreError> {
    let mut last = transaction.prepare_cached(
        "SELECT id FROM verdicts WHERE device IS ?1 AND reason IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET ?2",
    )?;
    let last = last.query_row(params![device, REFUSALS_MAX], |row| row.get(0));
    let Some(last): Option<i64> = last.optional()? else {
        return Ok(());
    };
    let mut batches = transaction.prepare_cached(
        "SELECT DISTINCT batch FROM batch_verdicts JOIN verdicts ON verdicts.id = batch_verdicts.verdict
         WHERE device IS ?1 AND reason IS NOT NULL AND verdicts.id <= ?2",
    )?;
    let batches = batches.query_map(params![device, last], |row| row.get(0))?;
    let batches: Vec<i64> = batches.collect::<Result<_, _>>()?;
    transaction
        .prepare_cached(
            "DELETE FROM verdicts WHERE device IS ?1 AND reason IS NOT NULL AND id <= ?2",
        )?
        .execute(params![device, last])?;
    let mut forget = transaction.prepare_cached(
        "DELETE FROM batches WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM batch_verdicts WHERE batch = ?1)",
    )?;
    for batch in batches {
        forget.execute([batch])?;
    }
    Ok(())
}
