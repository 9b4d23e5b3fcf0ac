//! What a batch was answered, for a phone whose upload was cut.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use wayhex_protocol::batch::Answer;
use wayhex_protocol::id::BatchId;
use wayhex_protocol::limits::BATCH_ITEMS_MAX;

use super::StoreError;

/// How long a batch is remembered, in milliseconds (10 days): no phone keeps an item longer.
const BATCH_KEPT_MS: u64 = 10 * 24 * 3_600_000;
/// Batches that one verdict is noted for: a phone sends an item in a batch, in the halves of it down to one, and stops at its
/// answer. Whoever sends one item in ever other batches fills no disk.
const BATCHES_OF_VERDICT_MAX: u32 = 16;
/// Batches forgotten at one commit at most, so that no commit waits for a long clean-up.
const FORGOTTEN_AT_ONCE_MAX: u32 = 64;

/// The answers known for a batch, each flagged as given before; `None` for a batch of which nothing was committed.
///
/// # Errors
/// The database failed.
pub fn answers_of(
    connection: &Connection,
    batch: &BatchId,
) -> Result<Option<Vec<Answer>>, StoreError> {
    let mut query = connection.prepare_cached("SELECT id FROM batches WHERE batch = ?1")?;
    let row: Option<i64> = query.query_row([batch.0], |row| row.get(0)).optional()?;
    let Some(row) = row else {
        return Ok(None);
    };
    let mut query = connection.prepare_cached(
        "SELECT receipt FROM batch_verdicts JOIN verdicts ON verdicts.id = batch_verdicts.verdict
         WHERE batch_verdicts.batch = ?1 ORDER BY verdicts.id",
    )?;
    let answers = query.query_map([row], |row| {
        Ok(Answer {
            receipt: row.get(0)?,
            replayed: true,
        })
    })?;
    Ok(Some(answers.collect::<Result<_, _>>()?))
}

/// Notes that a batch had an item of this verdict. A batch takes no more of them than a batch can have items, whatever is
/// sent under its id, and a verdict is noted for a few batches only, however often its item is sent.
pub(super) fn link(
    transaction: &Transaction<'_>,
    batch: &BatchId,
    verdict: i64,
    now_ms: u64,
) -> Result<(), StoreError> {
    let mut linked =
        transaction.prepare_cached("SELECT count(*) FROM batch_verdicts WHERE verdict = ?1")?;
    let linked: u32 = linked.query_row([verdict], |row| row.get(0))?;
    if linked >= BATCHES_OF_VERDICT_MAX {
        return Ok(());
    }
    transaction
        .prepare_cached("INSERT OR IGNORE INTO batches (batch, begun_ms) VALUES (?1, ?2)")?
        .execute(params![batch.0, now_ms])?;
    let row: i64 = transaction
        .prepare_cached("SELECT id FROM batches WHERE batch = ?1")?
        .query_row([batch.0], |row| row.get(0))?;
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO batch_verdicts (batch, verdict)
             SELECT ?1, id FROM verdicts WHERE id = ?2
                 AND (SELECT count(*) FROM batch_verdicts WHERE batch = ?1) < ?3",
        )?
        .execute(params![row, verdict, BATCH_ITEMS_MAX])?;
    Ok(())
}

/// Forgets some of the batches that are too old to be asked for.
pub(super) fn forget_old(transaction: &Transaction<'_>, now_ms: u64) -> Result<(), StoreError> {
    let mut forget = transaction.prepare_cached(
        "DELETE FROM batches WHERE id IN (SELECT id FROM batches WHERE begun_ms < ?1 LIMIT ?2)",
    )?;
    forget.execute(params![
        now_ms.saturating_sub(BATCH_KEPT_MS),
        FORGOTTEN_AT_ONCE_MAX
    ])?;
    Ok(())
}
