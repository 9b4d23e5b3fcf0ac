//! How much the queue may hold. The oldest item makes room, and keeps a row that says so.

use rusqlite::{OptionalExtension, Transaction, params};
use wayhex_protocol::reason::Reason;

use super::{Queue, QueueError, as_i64, as_u64, failed};

/// The queue's bounds; the first that is reached counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of pending items: 8 GiB, a third of what a dashcam's card has free.
    pub bytes_max: u64,
    /// Pending items: 200,000, a week of ten hours a day.
    pub items_max: u64,
    /// Drives and trips whose frames are remembered once nothing of them is pending: 1,000, a year of three trips a day.
    pub sessions_max: u64,
    /// Age of a capture: 9 days 12 hours, half a day less than the server accepts.
    pub age_max_ms: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            bytes_max: 8 * 1_024 * 1_024 * 1_024,
            items_max: 200_000,
            sessions_max: 1_000,
            age_max_ms: (9 * 24 + 12) * 3_600 * 1_000,
        }
    }
}

impl Queue {
    /// Evicts what has become too old, and says how many items.
    ///
    /// # Errors
    /// The database failed.
    pub fn evict_aged(&mut self, now_ms: u64) -> Result<u64, QueueError> {
        const DOING: &str = "evict what is too old";
        let bounds = self.bounds;
        let transaction = self.write(DOING)?;
        let evicted = evict_older(&transaction, bounds, now_ms).map_err(failed(DOING))?;
        transaction.commit().map_err(failed(DOING))?;
        Ok(u64::try_from(evicted).unwrap_or(u64::MAX))
    }
}

/// Evicts the queued items that were captured longer ago than the bound, and says how many.
pub(super) fn evict_older(
    transaction: &Transaction<'_>,
    bounds: Bounds,
    now_ms: u64,
) -> rusqlite::Result<usize> {
    let oldest_ms = now_ms.saturating_sub(bounds.age_max_ms);
    transaction
        .prepare_cached(
            "UPDATE items SET state = 'evicted', reason = ?1, picture = NULL
             WHERE state = 'queued' AND captured_at_ms < ?2",
        )?
        .execute(params![Reason::QueueAge.number(), as_i64(oldest_ms)])
}

/// Forgets the oldest sessions beyond the bound that have ended and of which nothing is pending.
pub(super) fn forget_sessions(
    transaction: &Transaction<'_>,
    bounds: Bounds,
) -> rusqlite::Result<()> {
    let mut old = transaction.prepare(
        "SELECT session FROM (SELECT rowid AS place, session, summary FROM sessions ORDER BY place DESC LIMIT -1 OFFSET ?1) s
         WHERE summary IS NOT NULL AND NOT EXISTS
             (SELECT 1 FROM items i WHERE i.session = s.session AND i.state IN ('queued', 'sending'))",
    )?;
    let sessions = old.query_map([as_i64(bounds.sessions_max)], |row| row.get(0))?;
    for session in sessions.collect::<rusqlite::Result<Vec<[u8; 16]>>>()? {
        for table in ["frames", "items", "sessions"] {
            let sql = format!("DELETE FROM {table} WHERE session = ?1");
            transaction.execute(&sql, [session])?;
        }
    }
    Ok(())
}

/// Evicts the oldest until an item of `size_bytes` has room.
pub(super) fn make_room(
    transaction: &Transaction<'_>,
    bounds: Bounds,
    size_bytes: u64,
) -> rusqlite::Result<()> {
    loop {
        let (items, bytes): (i64, i64) =
            transaction.query_row("SELECT items, bytes FROM pending", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let reason = if as_u64(items) >= bounds.items_max {
            Reason::QueueCount
        } else if as_u64(bytes).saturating_add(size_bytes) > bounds.bytes_max {
            Reason::QueueBytes
        } else {
            return Ok(());
        };
        let oldest: Option<i64> = transaction
            .query_row(
                "SELECT place FROM items WHERE state = 'queued' ORDER BY place LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()?;
        // What is being sent is not touched; it is at most one batch, and leaves the queue by itself.
        let Some(oldest) = oldest else {
            return Ok(());
        };
        transaction.execute(
            "UPDATE items SET state = 'evicted', reason = ?1, picture = NULL WHERE place = ?2",
            params![reason.number(), oldest],
        )?;
    }
}
