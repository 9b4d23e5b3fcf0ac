//! Which drives were played, and what became of each of their frames.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use wayhex_protocol::envelope::peek;
use wayhex_protocol::id::SessionId;
use wayhex_protocol::observation::Observation;
use wayhex_protocol::reason::Reason;

use super::bounds::forget_sessions;
use super::entry::{Item, read_item};
use super::{Commit, Queue, QueueError, as_i64, as_u64, failed};
use crate::failpoints::{
    ALIVE_COMMIT, ALIVE_DONE, BEGIN_COMMIT, BEGIN_DONE, END_COMMIT, END_DONE, NOTES_COMMIT,
    NOTES_DONE,
};

/// Drops that are kept in memory before they are committed on their own: a stop at a traffic light is one write.
const NOTES_HELD_MAX: usize = 256;

const END: Commit = Commit(END_COMMIT, END_DONE);
const NOTES: Commit = Commit(NOTES_COMMIT, NOTES_DONE);

/// A drive or a trip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its session.
    pub session: SessionId,
    /// What was drawn for it before its first frame, as JSON.
    pub plan: String,
    /// What it turned out to be, as JSON; `None` until it has ended.
    pub summary: Option<String>,
}

/// A frame, as the driver may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameNote {
    /// Its session.
    pub session: SessionId,
    /// Its place among the frames seen, from 0.
    pub frame: u64,
    /// What its source calls it; its index where its name would tell a private place.
    pub source: String,
    /// Its time as recorded, Unix milliseconds; `None` where that would tell, or where there is none.
    pub time_ms: Option<i64>,
    /// Why it was dropped; `None` for one that is queued.
    pub dropped: Option<Reason>,
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// What its source calls it, or its index.
    pub source: String,
    /// Its time as recorded, Unix milliseconds.
    pub time_ms: Option<i64>,
    /// Dropped or queued.
    pub kind: FateKind,
}

/// Dropped before it was signed, or queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FateKind {
    /// Dropped, and why.
    Dropped(Reason),
    /// Queued as this item.
    Queued(Box<Item>),
}

impl Queue {
    /// The session of a drive that was played before, whole or in part.
    ///
    /// # Errors
    /// The database failed.
    pub fn session_of_drive(&self, drive: [u8; 32]) -> Result<Option<SessionRow>, QueueError> {
        self.connection
            .query_row(
                "SELECT session, plan, summary FROM sessions WHERE drive = ?1",
                [drive],
                read_session,
            )
            .optional()
            .map_err(failed("look for a drive"))
    }

    /// Writes down a session before its first frame; `drive` is the hash of a replayed one. The oldest sessions are forgotten
    /// for it where the bounds demand it.
    ///
    /// # Errors
    /// The database failed, or has the session or the drive already.
    pub fn begin(
        &mut self,
        session: SessionId,
        drive: Option<[u8; 32]>,
        plan: &str,
    ) -> Result<(), QueueError> {
        const DOING: &str = "begin a session";
        let bounds = self.bounds;
        let transaction = self.write(DOING)?;
        let result = (|| {
            transaction.execute(
                "INSERT INTO sessions (session, drive, plan) VALUES (?1, ?2, ?3)",
                params![session.0, drive, plan],
            )?;
            let forgotten = forget_sessions(&transaction, bounds)?;
            BEGIN_COMMIT.hit();
            transaction.commit()?;
            BEGIN_DONE.hit();
            Ok(forgotten)
        })();
        if result.map_err(failed(DOING))? > 0 {
            self.give_space_back()?;
        }
        Ok(())
    }

    /// Notes that a live trip goes on at `now_ms` (Unix milliseconds, by the phone's clock).
    ///
    /// # Errors
    /// The database failed.
    pub fn mark_alive(&mut self, session: SessionId, now_ms: u64) -> Result<(), QueueError> {
        self.execute(
            "note that a trip goes on",
            Commit(ALIVE_COMMIT, ALIVE_DONE),
            "UPDATE sessions SET alive_ms = ?2 WHERE session = ?1 AND summary IS NULL",
            params![session.0, as_i64(now_ms)],
        )
        .map(drop)
    }

    /// Notes that a live trip is not under way any more: ended now, it does not go on.
    ///
    /// # Errors
    /// The database failed.
    pub fn mark_resting(&mut self, session: SessionId) -> Result<(), QueueError> {
        ALIVE_COMMIT.hit();
        self.connection
            .execute(
                "UPDATE sessions SET alive_ms = NULL WHERE session = ?1",
                [session.0],
            )
            .map_err(failed("note that a trip rests"))?;
        ALIVE_DONE.hit();
        Ok(())
    }

    /// What was queued last of a session, whatever has become of it; `None` where nothing was.
    ///
    /// # Errors
    /// The database failed, or the item cannot be read.
    pub fn last_observed(&self, session: SessionId) -> Result<Option<Observation>, QueueError> {
        let envelope: Option<Vec<u8>> = self
            .connection
            .query_row(
                "SELECT envelope FROM items WHERE session = ?1 ORDER BY sequence DESC LIMIT 1",
                [session.0],
                |row| row.get(0),
            )
            .optional()
            .map_err(failed("read the last item of a session"))?;
        let Some(envelope) = envelope else {
            return Ok(None);
        };
        match peek::<Observation>(&envelope) {
            Ok((_, observation)) => Ok(Some(observation)),
            Err(_unreadable) => Err(QueueError::Corrupt {
                what: "signed observation",
            }),
        }
    }

    /// The live trips that were begun and never ended, the latest first, each with the time it was last known to go on.
    ///
    /// # Errors
    /// The database failed.
    pub fn open_trips(&self) -> Result<Vec<(SessionRow, Option<u64>)>, QueueError> {
        const DOING: &str = "look for interrupted trips";
        let mut statement = self
            .connection
            .prepare(
                "SELECT session, plan, summary, alive_ms FROM sessions
                 WHERE drive IS NULL AND summary IS NULL ORDER BY rowid DESC",
            )
            .map_err(failed(DOING))?;
        let rows = statement
            .query_map([], |row| {
                let alive_ms: Option<i64> = row.get(3)?;
                Ok((read_session(row)?, alive_ms.map(as_u64)))
            })
            .map_err(failed(DOING))?;
        rows.collect::<Result<_, _>>().map_err(failed(DOING))
    }

    /// Ends a session with what it turned out to be.
    ///
    /// # Errors
    /// The database failed; the session goes on.
    pub fn end(&mut self, session: SessionId, summary: &str) -> Result<(), QueueError> {
        const DOING: &str = "end a session";
        self.commit_with_notes(DOING, END, |transaction| {
            transaction
                .execute(
                    "UPDATE sessions SET summary = ?2, alive_ms = NULL WHERE session = ?1",
                    params![session.0, summary],
                )
                .map(drop)
        })?;
        self.empty_log()
    }

    /// How many frames of a session are settled: a replay goes on after them.
    ///
    /// # Errors
    /// The database failed.
    pub fn frames_settled(&self, session: SessionId) -> Result<u64, QueueError> {
        self.connection
            .query_row(
                "SELECT count(*) FROM frames WHERE session = ?1",
                [session.0],
                |row| row.get(0),
            )
            .map(as_u64)
            .map_err(failed("count the frames of a session"))
    }

    /// Notes a frame that was dropped. It is committed with the next item, or at the session's end.
    ///
    /// # Errors
    /// The database failed, where so many drops came in a row that they are written on their own; they wait for the next commit.
    pub fn note_drop(&mut self, note: FrameNote) -> Result<(), QueueError> {
        self.notes.push(note);
        if self.notes.len() < NOTES_HELD_MAX {
            return Ok(());
        }
        self.commit_notes()
    }

    /// Commits the drops noted so far.
    ///
    /// # Errors
    /// The database failed; they stay noted.
    pub fn commit_notes(&mut self) -> Result<(), QueueError> {
        if self.notes.is_empty() {
            return Ok(());
        }
        self.commit_with_notes("note dropped frames", NOTES, |_transaction| Ok(()))
    }

    /// Commits the drops noted so far together with `work`: all or nothing, and what is not committed stays noted.
    pub(super) fn commit_with_notes(
        &mut self,
        doing: &'static str,
        commit: Commit,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), QueueError> {
        let notes = std::mem::take(&mut self.notes);
        let result = self.write(doing).and_then(|transaction| {
            let committed = (|| {
                for note in &notes {
                    write_note(&transaction, note, None)?;
                }
                work(&transaction)?;
                commit.0.hit();
                transaction.commit()?;
                commit.1.hit();
                Ok(())
            })();
            committed.map_err(failed(doing))
        });
        if result.is_err() {
            self.notes = notes;
        }
        result
    }

    /// What became of each frame of a session, in order.
    ///
    /// # Errors
    /// The database failed.
    pub fn fates(&self, session: SessionId) -> Result<Vec<Fate>, QueueError> {
        const DOING: &str = "read what became of the frames";
        let mut statement = self
            .connection
            .prepare(
                "SELECT f.source, f.time_ms, f.reason,
                        i.id, i.state, i.reason, i.envelope, i.filled_pixels, i.epoch, i.server_time_ms
                 FROM frames f LEFT JOIN items i ON i.place = f.item
                 WHERE f.session = ?1 ORDER BY f.frame",
            )
            .map_err(failed(DOING))?;
        let rows = statement
            .query_map([session.0], read_fate)
            .map_err(failed(DOING))?;
        rows.collect::<Result<_, _>>().map_err(failed(DOING))
    }
}

/// Reads [`SessionRow`] from the columns `session, plan, summary`.
fn read_session(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        session: SessionId(row.get(0)?),
        plan: row.get(1)?,
        summary: row.get(2)?,
    })
}

fn read_fate(row: &Row<'_>) -> rusqlite::Result<Fate> {
    let dropped: Option<u16> = row.get(2)?;
    let kind = match dropped {
        Some(number) => FateKind::Dropped(Reason::from_number(number).ok_or(
            rusqlite::Error::IntegralValueOutOfRange(2, i64::from(number)),
        )?),
        None => FateKind::Queued(Box::new(read_item(row, 3)?)),
    };
    Ok(Fate {
        source: row.get(0)?,
        time_ms: row.get(1)?,
        kind,
    })
}

pub(super) fn write_note(
    transaction: &Transaction<'_>,
    note: &FrameNote,
    item: Option<i64>,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO frames (session, frame, source, time_ms, reason, item)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            note.session.0,
            as_i64(note.frame),
            note.source,
            note.time_ms,
            note.dropped.map(Reason::number),
            item,
        ])
        .map(drop)
}
