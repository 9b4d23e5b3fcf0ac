//! Items that never left the phone may be signed again: with a new key where the old one is lost, or with another time where the
//! phone's clock was wrong. Session, sequence, salt and picture stay; nobody has seen the first signature.

use rusqlite::params;
use wayhex_protocol::batch::item_size;
use wayhex_protocol::cbor::Wire;
use wayhex_protocol::envelope::{peek, seal};
use wayhex_protocol::id::{DeviceId, NetworkId, ObservationId, SessionId};
use wayhex_protocol::key::{SignError, Signer};
use wayhex_protocol::observation::Observation;
use wayhex_protocol::reason::Reason;

use super::{Commit, Now, Queue, QueueError, as_i64, failed};
use crate::failpoints::{EVICT_COMMIT, EVICT_DONE, RESIGN_COMMIT, RESIGN_DONE};

/// Items that are looked at, and replaced in one transaction: a commit for each would take minutes for a full queue.
const AT_ONCE: u32 = 256;

/// An item that never left the phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    place: i64,
    picture_bytes: usize,
    /// Who signed it.
    pub signer: DeviceId,
    /// What was signed.
    pub observation: Observation,
}

/// What takes an unsent item's place. [`Unsent::sign_again`] alone makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resigned {
    place: i64,
    id: ObservationId,
    envelope: Vec<u8>,
    size_bytes: usize,
    captured_at_ms: u64,
    retimed: bool,
}

/// A session of which unsent items claim times that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfTime {
    /// The session.
    pub session: SessionId,
    /// Whether it is a recorded drive, all of whose times were shifted by one amount.
    pub is_replay: bool,
    /// The latest capture among them, Unix milliseconds.
    pub latest_ms: u64,
}

/// Which unsent items are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those of a session whose time was not put right before.
    NotRetimed(SessionId),
}

impl Unsent {
    /// Signs it again, at the same time or another one.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign_again(
        mut self,
        network: &NetworkId,
        signer: &dyn Signer,
        change: impl FnOnce(&mut Observation),
    ) -> Result<Resigned, SignError> {
        let before_ms = self.observation.captured_at_ms;
        change(&mut self.observation);
        let envelope = seal(&self.observation, network, signer)?;
        let payload = self.observation.to_bytes();
        Ok(Resigned {
            place: self.place,
            id: Observation::id(signer.public_key().thumbprint(), &payload),
            size_bytes: item_size(envelope.len(), Some(self.picture_bytes)),
            envelope,
            captured_at_ms: self.observation.captured_at_ms,
            retimed: self.observation.captured_at_ms != before_ms,
        })
    }

    /// Where it stands in the queue: the next ones stand behind it.
    #[must_use]
    pub const fn place(&self) -> i64 {
        self.place
    }
}

impl Queue {
    /// The next unsent items behind a place; none when all were looked at.
    ///
    /// # Errors
    /// The database failed, or holds what is no observation.
    pub fn unsent(&self, which: Which, behind: i64) -> Result<Vec<Unsent>, QueueError> {
        const DOING: &str = "look for unsent items";
        let (condition, session) = match which {
            Which::All => ("?2 = ?2", SessionId([0; SessionId::LENGTH])),
            Which::NotRetimed(session) => ("session = ?2 AND retimed = 0", session),
        };
        let sql = format!(
            "SELECT place, envelope, length(picture) FROM items JOIN pictures ON item = place
             WHERE state = 'queued' AND attempts = 0 AND place > ?1 AND {condition} ORDER BY place LIMIT ?3"
        );
        let mut statement = self.connection.prepare(&sql).map_err(failed(DOING))?;
        let mut rows = statement
            .query(params![behind, session.0, AT_ONCE])
            .map_err(failed(DOING))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed(DOING))? {
            let read = (|| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.get(2)?)))();
            let (place, envelope, picture_bytes) = read.map_err(failed(DOING))?;
            let (signer, observation) =
                peek::<Observation>(&envelope).map_err(|_format| QueueError::Corrupt {
                    what: "signed observation",
                })?;
            found.push(Unsent {
                place,
                picture_bytes,
                signer,
                observation,
            });
        }
        Ok(found)
    }

    /// Puts items signed again in the place of the first ones, as far as these are unsent still: all or nothing.
    ///
    /// # Errors
    /// The database failed; the first ones stand.
    pub fn replace(&mut self, items: &[Resigned]) -> Result<(), QueueError> {
        const DOING: &str = "replace unsent items";
        let transaction = self.write(DOING)?;
        (|| {
            for item in items {
                transaction
                    .prepare_cached(
                        "UPDATE items SET id = ?2, envelope = ?3, size_bytes = ?4, captured_at_ms = ?5, retimed = max(retimed, ?6)
                         WHERE place = ?1 AND state = 'queued' AND attempts = 0",
                    )?
                    .execute(params![
                        item.place,
                        item.id.0,
                        item.envelope,
                        i64::try_from(item.size_bytes).unwrap_or(i64::MAX),
                        as_i64(item.captured_at_ms),
                        item.retimed,
                    ])?;
            }
            RESIGN_COMMIT.hit();
            transaction.commit()
        })()
        .map_err(failed(DOING))?;
        RESIGN_DONE.hit();
        Ok(())
    }

    /// The sessions of which unsent items claim times that by a confirmed clock cannot be: in the future, or too long ago.
    ///
    /// # Errors
    /// The database failed.
    pub fn out_of_time(&self, now: Now) -> Result<Vec<OutOfTime>, QueueError> {
        const DOING: &str = "look for times that cannot be";
        let (oldest, latest) = self.believable(now);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT i.session, s.drive IS NOT NULL, max(i.captured_at_ms) FROM (
                    SELECT place FROM items WHERE state = 'queued' AND captured_at_ms < ?1
                    UNION ALL SELECT place FROM items WHERE state = 'queued' AND captured_at_ms > ?2
                 ) o JOIN items i ON i.place = o.place JOIN sessions s ON s.session = i.session
                 WHERE i.attempts = 0 AND i.retimed = 0 GROUP BY i.session",
            )
            .map_err(failed(DOING))?;
        let rows = statement
            .query_map([oldest, latest], |row| {
                Ok(OutOfTime {
                    session: SessionId(row.get(0)?),
                    is_replay: row.get(1)?,
                    latest_ms: super::as_u64(row.get(2)?),
                })
            })
            .map_err(failed(DOING))?;
        rows.collect::<Result<_, _>>().map_err(failed(DOING))
    }

    /// Who signed an item; `None` when there is none of this id.
    ///
    /// # Errors
    /// The database failed, or holds what is no observation.
    pub fn signer_of(&self, id: ObservationId) -> Result<Option<DeviceId>, QueueError> {
        let Some(item) = self.item(id)? else {
            return Ok(None);
        };
        match peek::<Observation>(&item.envelope) {
            Ok((signer, _)) => Ok(Some(signer)),
            Err(_format) => Err(QueueError::Corrupt {
                what: "signed observation",
            }),
        }
    }

    /// Gives up queued items whose key is lost, and that their server does not know.
    ///
    /// # Errors
    /// The database failed.
    pub fn evict_lost(&mut self, items: &[ObservationId]) -> Result<(), QueueError> {
        for item in items {
            let evicted = self.execute(
                "give up an item whose key is lost",
                Commit(EVICT_COMMIT, EVICT_DONE),
                "UPDATE items SET state = 'evicted', reason = ?2 WHERE id = ?1 AND state = 'queued'",
                params![item.0, Reason::KeyLost.number()],
            )?;
            self.count_evicted(Reason::KeyLost, evicted);
        }
        self.give_space_back()
    }
}
