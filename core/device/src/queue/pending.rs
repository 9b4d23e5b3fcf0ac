//! Which items may be sent, and when: looked up in an index, however many wait.
//!
//! Items that were never put off go first, the oldest first; then those that were, in the order of their waits. A capture that
//! by the server's clock lies in the future, or too far back, is not sent: the answer would end it for ever, although one of the
//! clocks may be wrong. It is held.

use std::ops::RangeInclusive;

use rusqlite::params;
use wayhex_protocol::id::ObservationId;
use wayhex_protocol::limits::{BATCH_ITEMS_MAX, TIME_AHEAD_MAX_MS};

use super::{Now, Queue, QueueError, as_i64, as_u64, failed};

/// The longest that an item is ever put off, milliseconds (1 hour). A wait beyond it was made by a clock that has gone back since,
/// and is over.
pub const WAIT_LONGEST_MS: u64 = 60 * 60 * 1_000;

/// An item that waits to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its id.
    pub id: ObservationId,
    /// Bytes of it in a batch.
    pub size_bytes: u64,
    /// How often it was sent, or may have been.
    pub attempts: u32,
}

impl Queue {
    /// The items that may be sent now, at most a batch of them.
    ///
    /// # Errors
    /// The database failed.
    pub fn sendable(&self, now: Now) -> Result<Vec<Pending>, QueueError> {
        let mut found = self.due(now, 0, as_i64(now.ms()))?;
        if found.len() < BATCH_ITEMS_MAX {
            let beyond = as_i64(now.ms().saturating_add(WAIT_LONGEST_MS)).saturating_add(1);
            found.extend(self.due(now, beyond, i64::MAX)?);
            found.truncate(BATCH_ITEMS_MAX);
        }
        Ok(found)
    }

    fn due(&self, now: Now, from_ms: i64, until_ms: i64) -> Result<Vec<Pending>, QueueError> {
        const DOING: &str = "look for what to send";
        let (oldest, latest) = self.believable(now);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT id, size_bytes, attempts FROM items INDEXED BY items_queued_due
                 WHERE state = 'queued' AND not_before_ms BETWEEN ?1 AND ?2 AND captured_at_ms BETWEEN ?3 AND ?4
                 ORDER BY not_before_ms, place LIMIT ?5",
            )
            .map_err(failed(DOING))?;
        let limit = i64::try_from(BATCH_ITEMS_MAX).unwrap_or(i64::MAX);
        let rows = statement
            .query_map(params![from_ms, until_ms, oldest, latest, limit], |row| {
                Ok(Pending {
                    id: ObservationId(row.get(0)?),
                    size_bytes: as_u64(row.get(1)?),
                    attempts: row.get(2)?,
                })
            })
            .map_err(failed(DOING))?;
        rows.collect::<Result<_, _>>().map_err(failed(DOING))
    }

    /// When the first of the items that wait may be sent, Unix milliseconds; `None` when none waits but what is held.
    ///
    /// # Errors
    /// The database failed.
    pub fn next_sendable_ms(&self, now: Now) -> Result<Option<u64>, QueueError> {
        use rusqlite::OptionalExtension;
        let (oldest, latest) = self.believable(now);
        self.connection
            .query_row(
                "SELECT not_before_ms FROM items INDEXED BY items_queued_due
                 WHERE state = 'queued' AND captured_at_ms BETWEEN ?1 AND ?2
                 ORDER BY not_before_ms LIMIT 1",
                [oldest, latest],
                |row| row.get(0),
            )
            .optional()
            .map(|time| time.map(as_u64))
            .map_err(failed("look for what to send"))
    }

    /// How many queued items are held: by the server's clock they were captured in the future, or too long ago.
    ///
    /// # Errors
    /// The database failed.
    pub fn held(&self, now: Now) -> Result<u64, QueueError> {
        let (oldest, latest) = self.believable(now);
        self.connection
            .query_row(
                "SELECT (SELECT count(*) FROM items WHERE state = 'queued' AND captured_at_ms < ?1)
                      + (SELECT count(*) FROM items WHERE state = 'queued' AND captured_at_ms > ?2)",
                [oldest, latest],
                |row| row.get(0),
            )
            .map(as_u64)
            .map_err(failed("count what is held"))
    }

    /// How many items are pending in the whole store.
    ///
    /// # Errors
    /// The database failed.
    pub fn pending(&self) -> Result<u64, QueueError> {
        self.connection
            .query_row("SELECT items FROM pending", [], |row| row.get(0))
            .map(as_u64)
            .map_err(failed("count what is pending"))
    }

    /// The captures that a server may accept, Unix milliseconds; all, as long as no server has told the time.
    #[must_use]
    pub fn lawful_ms(&self, now: Now) -> RangeInclusive<u64> {
        let (first, last) = self.believable(now);
        as_u64(first)..=as_u64(last)
    }

    /// The first and the last of them.
    pub(super) fn believable(&self, now: Now) -> (i64, i64) {
        match now {
            Now::Confirmed(ms) => (
                as_i64(ms.saturating_sub(self.bounds.age_max_ms)),
                as_i64(ms.saturating_add(TIME_AHEAD_MAX_MS)),
            ),
            Now::Unconfirmed(_) => (0, i64::MAX),
        }
    }
}
