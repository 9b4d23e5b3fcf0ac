//! How much the queue may hold. The oldest item makes room, and keeps a row that says so.

use rusqlite::{OptionalExtension, Transaction, params};
use wayhex_protocol::reason::Reason;

use super::{Queue, QueueError, as_i64, as_u64, failed};
use crate::failpoints::{EVICT_COMMIT, EVICT_DONE};

/// Items that one transaction gives up: a batch of them, so that the log stays within some megabytes.
const EVICTED_AT_ONCE: u32 = 64;
/// Which part of the bytes rows of ended items may take, one in so many, before the oldest sessions are forgotten for it: an
/// eighth holds 600,000 of them.
const ENDED_SHARE: u64 = 8;

/// The queue's bounds; the first that is reached counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes that items take, pending ones with their pictures and ended ones with what is kept of them: 8 GiB, a third of what a
    /// dashcam's card has free. Beside it the disk holds the file of one upload (16 MiB), a log of some megabytes, what the
    /// database adds, about a hundredth, and two megabytes that are kept free for a disk that is full.
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
    /// Evicts what has become too old at `now_ms` (Unix milliseconds), and says how many items. The time has to be one that
    /// a server confirmed: a phone's clock that is wrong by days would empty the queue.
    ///
    /// # Errors
    /// The database failed; what was evicted before that stays so.
    pub fn evict_aged(&mut self, now_ms: u64) -> Result<u64, QueueError> {
        const DOING: &str = "evict what is too old";
        let oldest_ms = as_i64(now_ms.saturating_sub(self.bounds.age_max_ms));
        let mut all = 0;
        loop {
            let transaction = self.write(DOING)?;
            let evicted = (|| {
                let evicted = transaction
                    .prepare_cached(
                        "UPDATE items SET state = 'evicted', reason = ?1 WHERE place IN
                         (SELECT place FROM items WHERE state = 'queued' AND captured_at_ms < ?2
                          ORDER BY captured_at_ms LIMIT ?3)",
                    )?
                    .execute(params![
                        Reason::QueueAge.number(),
                        oldest_ms,
                        EVICTED_AT_ONCE
                    ])?;
                if evicted == 0 {
                    return Ok(0);
                }
                EVICT_COMMIT.hit();
                transaction.commit()?;
                EVICT_DONE.hit();
                Ok(evicted)
            })()
            .map_err(failed(DOING))?;
            if evicted == 0 {
                break;
            }
            all += self.count_evicted(Reason::QueueAge, evicted);
        }
        if all > 0 {
            self.give_space_back()?;
        }
        Ok(all)
    }

    /// Evicts the oldest until an item of `size_bytes` has room, and says how many. It is done before the item is taken in: a
    /// process that dies in between has evicted one for nothing, and its row says so.
    pub(super) fn make_room(&mut self, size_bytes: u64) -> Result<u64, QueueError> {
        const DOING: &str = "make room";
        let bounds = self.bounds;
        let mut all = 0;
        while let Some(reason) = self.lacks(bounds, size_bytes)? {
            let transaction = self.write(DOING)?;
            let evicted = (|| {
                let evicted = evict_oldest(&transaction, bounds, size_bytes, reason)?;
                if evicted > 0 {
                    EVICT_COMMIT.hit();
                    transaction.commit()?;
                    EVICT_DONE.hit();
                }
                Ok(evicted)
            })()
            .map_err(failed(DOING))?;
            // What is being sent is not touched; it is at most one batch, and leaves the queue by itself.
            if evicted == 0 {
                break;
            }
            all += self.count_evicted(reason, evicted);
        }
        Ok(all)
    }

    fn lacks(&self, bounds: Bounds, size_bytes: u64) -> Result<Option<Reason>, QueueError> {
        lacks(&self.connection, bounds, size_bytes).map_err(failed("count what it holds"))
    }

    pub(super) fn count_evicted(&mut self, reason: Reason, count: usize) -> u64 {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        *self.evicted.entry(reason).or_default() += count;
        count
    }
}

/// Evicts the oldest queued items for a reason, as long as it stands and within one transaction's measure.
fn evict_oldest(
    transaction: &Transaction<'_>,
    bounds: Bounds,
    size_bytes: u64,
    reason: Reason,
) -> rusqlite::Result<usize> {
    let mut evicted = 0;
    for _ in 0..EVICTED_AT_ONCE {
        if lacks(transaction, bounds, size_bytes)? != Some(reason) {
            break;
        }
        let changed = transaction
            .prepare_cached(
                "UPDATE items SET state = 'evicted', reason = ?1 WHERE place =
                 (SELECT place FROM items WHERE state = 'queued' ORDER BY place LIMIT 1)",
            )?
            .execute([reason.number()])?;
        if changed == 0 {
            break;
        }
        evicted += changed;
    }
    Ok(evicted)
}

/// Why an item of `size_bytes` has no room; `None` when it has.
fn lacks(
    connection: &rusqlite::Connection,
    bounds: Bounds,
    size_bytes: u64,
) -> rusqlite::Result<Option<Reason>> {
    let (items, bytes): (i64, i64) = connection
        .prepare_cached("SELECT items, bytes + ended_bytes FROM pending")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(if as_u64(items) >= bounds.items_max {
        Some(Reason::QueueCount)
    } else if as_u64(bytes).saturating_add(size_bytes) > bounds.bytes_max {
        Some(Reason::QueueBytes)
    } else {
        None
    })
}

/// Forgets the oldest sessions beyond the bounds that have ended and of which nothing is pending, and says how many.
pub(super) fn forget_sessions(
    transaction: &Transaction<'_>,
    bounds: Bounds,
) -> rusqlite::Result<usize> {
    const ENDED: &str = "summary IS NOT NULL AND NOT EXISTS
         (SELECT 1 FROM items i WHERE i.session = s.session AND i.state IN ('queued', 'sending'))";
    let sql = format!(
        "SELECT session FROM (SELECT rowid AS place, session, summary FROM sessions ORDER BY place DESC LIMIT -1 OFFSET ?1) s
         WHERE {ENDED}"
    );
    let mut old = transaction.prepare(&sql)?;
    let sessions = old.query_map([as_i64(bounds.sessions_max)], |row| row.get(0))?;
    let sessions = sessions.collect::<rusqlite::Result<Vec<[u8; 16]>>>()?;
    let mut forgotten = sessions.len();
    for session in sessions {
        forget(transaction, session)?;
    }
    let sql = format!("SELECT session FROM sessions s WHERE {ENDED} ORDER BY rowid LIMIT 1");
    let mut oldest = transaction.prepare(&sql)?;
    while ended_bytes(transaction)? > bounds.bytes_max / ENDED_SHARE {
        let Some(session) = oldest.query_row([], |row| row.get(0)).optional()? else {
            break;
        };
        forget(transaction, session)?;
        forgotten += 1;
    }
    Ok(forgotten)
}

fn ended_bytes(transaction: &Transaction<'_>) -> rusqlite::Result<u64> {
    transaction
        .query_row("SELECT ended_bytes FROM pending", [], |row| row.get(0))
        .map(as_u64)
}

fn forget(transaction: &Transaction<'_>, session: [u8; 16]) -> rusqlite::Result<()> {
    for table in ["frames", "items", "sessions"] {
        let sql = format!("DELETE FROM {table} WHERE session = ?1");
        transaction.execute(&sql, [session])?;
    }
    Ok(())
}
