//! The items: how one comes in, what state it is in, and how it is read again.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};
use wayhex_protocol::batch::item_size;
use wayhex_protocol::id::{ObservationId, SessionId};
use wayhex_protocol::reason::Reason;

use super::drives::{FrameNote, write_note};
use super::{Commit, Queue, QueueError, as_i64, as_u64, failed};
use crate::failpoints::{PUT_COMMIT, PUT_DONE};
use crate::sign::Signed;

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits to be sent.
    Queued,
    /// It is part of a frozen upload.
    Sending,
    /// The server's receipt says that it counts.
    Accepted,
    /// The server's receipt says that it never will, and why.
    Refused(Reason),
    /// It had to make room, or waited too long.
    Evicted(Reason),
}

impl State {
    /// Whether it is still to be answered for.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Queued | Self::Sending)
    }

    /// Its reason, where its kind has one.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Refused(reason) | Self::Evicted(reason) => Some(reason),
            Self::Queued | Self::Sending | Self::Accepted => None,
        }
    }

    /// The name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Refused(_) => "refused",
            Self::Evicted(_) => "evicted",
        }
    }

    pub(super) fn read(row: &Row<'_>, state: usize, reason: usize) -> rusqlite::Result<Self> {
        let name: String = row.get(state)?;
        let number: Option<u16> = row.get(reason)?;
        match (name.as_str(), number.and_then(Reason::from_number)) {
            ("queued", None) => Ok(Self::Queued),
            ("sending", None) => Ok(Self::Sending),
            ("accepted", None) => Ok(Self::Accepted),
            ("refused", Some(reason)) => Ok(Self::Refused(reason)),
            ("evicted", Some(reason)) => Ok(Self::Evicted(reason)),
            _ => Err(rusqlite::Error::InvalidColumnType(state, name, Type::Text)),
        }
    }
}

/// An item as the queue keeps it, without its picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The observation's id.
    pub id: ObservationId,
    /// Where it stands.
    pub state: State,
    /// The signed observation.
    pub envelope: Vec<u8>,
    /// Pixels that the redaction filled in its picture.
    pub filled_pixels: u64,
    /// The epoch and the server's time (Unix milliseconds) of its receipt.
    pub answered: Option<(u64, u64)>,
}

const ITEM_COLUMNS: &str = "id, state, reason, envelope, filled_pixels, epoch, server_time_ms";

const PUT: Commit = Commit(PUT_COMMIT, PUT_DONE);

impl Queue {
    /// Takes in a signed item together with the fate of its frame and of those dropped before it: all or nothing. Where the
    /// bounds of count and bytes demand it, the oldest items are evicted before it. Only what is signed can be queued:
    ///
    /// ```compile_fail
    /// use wayhex_device::queue::{FrameNote, Queue};
    /// fn queue_unsigned(queue: &mut Queue, note: &FrameNote, tagged: &wayhex_device::tag::Tagged) {
    ///     queue.put(note, tagged).unwrap();
    /// }
    /// ```
    /// ```
    /// use wayhex_device::queue::{FrameNote, Queue};
    /// fn queue_signed(queue: &mut Queue, note: &FrameNote, signed: &wayhex_device::sign::Signed) {
    ///     queue.put(note, signed).unwrap();
    /// }
    /// ```
    ///
    /// # Errors
    /// The database failed; nothing was taken in.
    pub fn put(&mut self, note: &FrameNote, signed: &Signed) -> Result<(), QueueError> {
        const DOING: &str = "take in an item";
        let observation = signed.observation();
        let envelope = signed.envelope();
        let picture = signed.picture();
        let size_bytes =
            u64::try_from(item_size(envelope.len(), Some(picture.len()))).unwrap_or(u64::MAX);
        let evicted = self.make_room(size_bytes)?;
        self.commit_with_notes(DOING, PUT, |transaction| {
            transaction.execute(
                "INSERT INTO items (id, session, sequence, state, size_bytes, captured_at_ms, filled_pixels, envelope)
                 VALUES (?1, ?2, ?3, 'queued', ?4, ?5, ?6, ?7)",
                params![
                    signed.id().0,
                    observation.session.0,
                    as_i64(observation.sequence),
                    as_i64(size_bytes),
                    as_i64(observation.captured_at_ms),
                    as_i64(signed.redaction().filled_pixels),
                    envelope,
                ],
            )?;
            let place = transaction.last_insert_rowid();
            transaction.execute(
                "INSERT INTO pictures (item, picture) VALUES (?1, ?2)",
                params![place, picture],
            )?;
            write_note(transaction, note, Some(place))
        })?;
        // The pages of what made room are taken again at once; the log must not keep what was on them.
        if evicted > 0 {
            self.empty_log()
        } else {
            Ok(())
        }
    }

    /// The number that the next item of a session gets.
    ///
    /// # Errors
    /// The database failed.
    pub fn next_sequence(&self, session: SessionId) -> Result<u64, QueueError> {
        self.connection
            .query_row(
                "SELECT coalesce(max(sequence) + 1, 0) FROM items WHERE session = ?1",
                [session.0],
                |row| row.get(0),
            )
            .map(as_u64)
            .map_err(failed("count a session's items"))
    }

    /// One item; `None` when there is none of this id.
    ///
    /// # Errors
    /// The database failed.
    pub fn item(&self, id: ObservationId) -> Result<Option<Item>, QueueError> {
        let sql = format!("SELECT {ITEM_COLUMNS} FROM items WHERE id = ?1");
        self.connection
            .query_row(&sql, [id.0], |row| read_item(row, 0))
            .optional()
            .map_err(failed("read an item"))
    }

    /// The receipt that ended an item, as it came; `None` where none did.
    ///
    /// # Errors
    /// The database failed.
    pub fn receipt(&self, id: ObservationId) -> Result<Option<Vec<u8>>, QueueError> {
        self.connection
            .query_row("SELECT receipt FROM items WHERE id = ?1", [id.0], |row| {
                row.get::<_, Option<Vec<u8>>>(0)
            })
            .optional()
            .map(Option::flatten)
            .map_err(failed("read a receipt"))
    }

    /// Shows what may still earn or has earned in an epoch, one by one in no certain order: pending items, and those whose
    /// receipt names it. They are many, and are never in memory together.
    ///
    /// # Errors
    /// The database failed, or `look` did.
    pub fn earning(
        &self,
        epoch: u64,
        mut look: impl FnMut(&Item) -> Result<(), QueueError>,
    ) -> Result<(), QueueError> {
        const DOING: &str = "read its items";
        for (which, value) in [
            ("WHERE state IN ('queued', 'sending') AND ?1 = ?1", 0),
            ("WHERE epoch = ?1 AND state = 'accepted'", as_i64(epoch)),
        ] {
            let sql = format!("SELECT {ITEM_COLUMNS} FROM items {which}");
            let mut statement = self.connection.prepare(&sql).map_err(failed(DOING))?;
            let mut rows = statement.query([value]).map_err(failed(DOING))?;
            while let Some(row) = rows.next().map_err(failed(DOING))? {
                look(&read_item(row, 0).map_err(failed(DOING))?)?;
            }
        }
        Ok(())
    }

    /// The latest epoch that a receipt has named.
    ///
    /// # Errors
    /// The database failed.
    pub fn latest_epoch(&self) -> Result<Option<u64>, QueueError> {
        self.connection
            .query_row(
                "SELECT max(epoch) FROM items WHERE epoch IS NOT NULL",
                [],
                |row| row.get::<_, Option<i64>>(0),
            )
            .map(|epoch| epoch.map(as_u64))
            .map_err(failed("find the latest epoch"))
    }

    /// Whether an item's picture is still there: it is as long as the item is pending.
    ///
    /// # Errors
    /// The database failed.
    pub fn has_picture(&self, id: ObservationId) -> Result<bool, QueueError> {
        self.connection
            .query_row(
                "SELECT count(*) FROM items JOIN pictures ON item = place WHERE id = ?1",
                [id.0],
                |row| row.get::<_, i64>(0),
            )
            .map(|count| count > 0)
            .map_err(failed("look for a picture"))
    }
}

/// Reads [`Item`] from the columns `id, state, reason, envelope, filled_pixels, epoch, server_time_ms` at `first`.
pub(super) fn read_item(row: &Row<'_>, first: usize) -> rusqlite::Result<Item> {
    let epoch: Option<i64> = row.get(first + 5)?;
    let time: Option<i64> = row.get(first + 6)?;
    Ok(Item {
        id: ObservationId(row.get(first)?),
        state: State::read(row, first + 1, first + 2)?,
        envelope: row.get(first + 3)?,
        filled_pixels: as_u64(row.get(first + 4)?),
        answered: epoch.map(as_u64).zip(time.map(as_u64)),
    })
}
