//! One group of judged items, committed: object durable, then rows, then receipts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use metrics::{counter, histogram};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use wayhex_protocol::batch::Answer;
use wayhex_protocol::envelope;
use wayhex_protocol::id::NetworkId;
use wayhex_protocol::params::ScoringParams;
use wayhex_protocol::policy::Policy;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::{Receipt, Verdict};
use wayhex_protocol::unit::Quadrant;
use wayhex_protocol::weight::{Class, weight};

use super::objects::{ObjectWriter, Objects};
use super::writer::Item;
use super::{Given, OpenEpoch, StoreError, Subject, batches, devices, verdicts};
use crate::clock::now_ms;
use crate::failpoints;
use crate::keys::Keys;
use crate::verify::{Judged, Verified};

/// What a commit needs besides the connection.
pub(super) struct Committer {
    objects: Objects,
    keys: Arc<Keys>,
    network: NetworkId,
    /// The numbers of the policies seen so far, by version; a version never changes.
    params: HashMap<u64, ScoringParams>,
}

impl Committer {
    pub(super) fn new(objects: Objects, keys: Arc<Keys>, network: NetworkId) -> Self {
        Self {
            objects,
            keys,
            network,
            params: HashMap::new(),
        }
    }

    fn params_of(
        &mut self,
        connection: &Connection,
        version: u64,
    ) -> Result<ScoringParams, StoreError> {
        if let Some(params) = self.params.get(&version) {
            return Ok(params.clone());
        }
        let envelope: Vec<u8> = connection.query_row(
            "SELECT envelope FROM policies WHERE version = ?1",
            [version],
            |row| row.get(0),
        )?;
        let (_, policy) = envelope::peek::<Policy>(&envelope)
            .map_err(|_format| StoreError::Damaged("a policy cannot be decoded"))?;
        let params = policy.parameters.scoring();
        self.params.insert(version, params.clone());
        Ok(params)
    }
}

/// Commits a group and returns its answers in order.
///
/// # Errors
/// Nothing of the group was committed.
pub(super) fn commit_group(
    connection: &mut Connection,
    committer: &mut Committer,
    items: &[Item],
) -> Result<Vec<Answer>, StoreError> {
    let begun = Instant::now();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let epoch = OpenEpoch::read(&transaction)?;
    let params = committer.params_of(&transaction, epoch.policy)?;
    let mut group = Group {
        transaction: &transaction,
        committer,
        epoch: epoch.number,
        params,
        now_ms: now_ms(),
        object: None,
        strangers: false,
    };
    let decided: Result<Vec<_>, _> = items.iter().map(|item| group.decide(item)).collect();
    let decided = match decided {
        Ok(decided) => decided,
        Err(error) => {
            group.abandon();
            return Err(error);
        }
    };
    group.finish()?;
    failpoints::GROUP_COMMIT.hit();
    transaction.commit()?;
    failpoints::GROUP_ANSWER.hit();
    histogram!("wayhex_group_commit_seconds").record(begun.elapsed());
    histogram!("wayhex_group_commit_items").record(u32::try_from(items.len()).unwrap_or(u32::MAX));
    Ok(decided.into_iter().map(Decided::counted).collect())
}

/// An answer, and what it counts as.
struct Decided {
    answer: Answer,
    /// `None` for a verdict that was given before.
    fresh: Option<Verdict>,
}

impl Decided {
    fn counted(self) -> Answer {
        let (verdict, reason) = match self.fresh {
            None => ("replayed", ""),
            Some(Verdict::Accepted) => ("accepted", ""),
            Some(Verdict::Refused(reason)) => ("refused", reason.name()),
        };
        counter!("wayhex_items_total", "verdict" => verdict, "reason" => reason).increment(1);
        self.answer
    }
}

/// A group within its transaction.
struct Group<'a> {
    transaction: &'a Transaction<'a>,
    committer: &'a Committer,
    epoch: u64,
    params: ScoringParams,
    now_ms: u64,
    /// The object of this group and its row, begun with the first accepted item.
    object: Option<(ObjectWriter, i64)>,
    strangers: bool,
}

impl Group<'_> {
    fn decide(&mut self, item: &Item) -> Result<Decided, StoreError> {
        let (given, fresh) = match &item.judged {
            Judged::Repeat(given) => (given.clone(), None),
            Judged::Refuse(subject, reason) => {
                self.strangers |= subject.device.is_none();
                self.once(subject, |group| {
                    group.give(subject, Verdict::Refused(*reason))
                })?
            }
            Judged::Accept(verified) => {
                self.once(&verified.subject, |group| group.keep(verified))?
            }
        };
        batches::link(self.transaction, &item.batch, given.row, self.now_ms)?;
        Ok(Decided {
            answer: Answer {
                receipt: given.receipt,
                replayed: fresh.is_none(),
            },
            fresh,
        })
    }

    /// Gives a verdict, unless the same item got one since it was looked up.
    fn once(
        &mut self,
        subject: &Subject,
        give: impl FnOnce(&mut Self) -> Result<(Given, Verdict), StoreError>,
    ) -> Result<(Given, Option<Verdict>), StoreError> {
        if let Some(given) = Given::find(self.transaction, subject)? {
            return Ok((given, None));
        }
        let (given, verdict) = give(self)?;
        Ok((given, Some(verdict)))
    }

    /// Accepts an item and stores it, or refuses it for what only this transaction can see.
    fn keep(&mut self, verified: &Verified) -> Result<(Given, Verdict), StoreError> {
        if let Some(reason) = self.conflict(verified)? {
            return self.give(&verified.subject, Verdict::Refused(reason));
        }
        let given = self.give(&verified.subject, Verdict::Accepted)?;
        self.insert_observation(given.0.row, verified)?;
        self.insert_picture(given.0.row, verified)?;
        Ok(given)
    }

    /// Whether its place in the session or its picture is taken.
    fn conflict(&self, verified: &Verified) -> Result<Option<Reason>, StoreError> {
        let (observation, device) = (&verified.observation, verified.device);
        let mut place = self.transaction.prepare_cached(
            "SELECT 1 FROM observations WHERE device = ?1 AND session = ?2 AND sequence = ?3",
        )?;
        if place.exists(params![
            device.0,
            observation.session.0,
            observation.sequence
        ])? {
            return Ok(Some(Reason::SequenceConflict));
        }
        let mut picture = self
            .transaction
            .prepare_cached("SELECT 1 FROM pictures WHERE sha256 = ?1")?;
        let taken = picture.exists([verified.picture.sha256.0])?;
        Ok(taken.then_some(Reason::DuplicatePicture))
    }

    fn give(&self, subject: &Subject, verdict: Verdict) -> Result<(Given, Verdict), StoreError> {
        let decided = Receipt {
            id: subject.item,
            verdict,
            epoch: self.epoch,
            server_time_ms: self.now_ms,
        };
        let signed = envelope::seal(
            &decided,
            &self.committer.network,
            &self.committer.keys.signing,
        )?;
        let row = verdicts::insert(self.transaction, subject, &decided, &signed)?;
        let given = Given {
            row,
            receipt: signed,
        };
        Ok((given, verdict))
    }

    fn insert_picture(&mut self, row: i64, verified: &Verified) -> Result<(), StoreError> {
        let (object, object_row) = self.object()?;
        let (offset_bytes, object_row) = (object.append(&verified.frame.ciphertext)?, *object_row);
        let (picture, frame) = (&verified.picture, &verified.frame);
        self.transaction
            .prepare_cached(
                "INSERT INTO pictures (observation, sha256, width, height, object, offset_bytes,
                     length_bytes, wrapping_key, wrapped_key)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                row,
                picture.sha256.0,
                picture.width,
                picture.height,
                object_row,
                offset_bytes,
                frame.ciphertext.len(),
                frame.wrapping_key,
                frame.wrapped_key
            ])?;
        Ok(())
    }

    fn insert_observation(&self, row: i64, verified: &Verified) -> Result<(), StoreError> {
        let observation = &verified.observation;
        let place = observation.segment.place();
        let account = devices::account_in(self.transaction, verified.device, self.epoch)?;
        let class = verified.trust.class().map(|class| match class {
            Class::High => 1,
            Class::Low => 2,
        });
        let weight = weight(
            observation.quality,
            verified.trust,
            verified.age_ms(),
            &self.params,
        );
        self.transaction
            .prepare_cached(
                "INSERT INTO observations (id, observation, device, session, sequence, account, epoch,
                     captured_ms, received_ms, trust_micros, class, weight_micros, quadrant,
                     lat_e7, lon_e7, redaction_version, envelope)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )?
            .execute(params![
                row,
                verified.subject.item.0,
                verified.device.0,
                observation.session.0,
                observation.sequence,
                account,
                self.epoch,
                observation.captured_at_ms,
                verified.received_ms,
                verified.trust.micros().get(),
                class,
                weight.get(),
                verified.facts.quadrant.map(Quadrant::number),
                place.lat_e7(),
                place.lon_e7(),
                observation.redaction.version,
                verified.envelope
            ])?;
        let mut cell = self
            .transaction
            .prepare_cached("INSERT INTO observation_cells (cell, observation) VALUES (?1, ?2)")?;
        for id in &verified.facts.cells {
            cell.execute(params![id.index(), row])?;
        }
        Ok(())
    }

    fn object(&mut self) -> Result<&mut (ObjectWriter, i64), StoreError> {
        if self.object.is_none() {
            let writer = self.committer.objects.begin()?;
            let inserted = self.transaction.execute(
                "INSERT INTO objects (name, size_bytes, written_ms) VALUES (?1, 0, ?2)",
                params![writer.name(), self.now_ms],
            );
            if let Err(error) = inserted {
                writer.abandon();
                return Err(error.into());
            }
            self.object = Some((writer, self.transaction.last_insert_rowid()));
        }
        self.object
            .as_mut()
            .ok_or(StoreError::Damaged("a group has no object"))
    }

    /// Makes the object durable; what is left to do is the commit.
    fn finish(self) -> Result<(), StoreError> {
        if self.strangers {
            verdicts::prune_strangers(self.transaction)?;
        }
        batches::forget_old(self.transaction, self.now_ms)?;
        if let Some((object, row)) = self.object {
            let size_bytes = object.finish()?;
            self.transaction.execute(
                "UPDATE objects SET size_bytes = ?1 WHERE id = ?2",
                params![size_bytes, row],
            )?;
        }
        Ok(())
    }

    fn abandon(self) {
        if let Some((object, _)) = self.object {
            object.abandon();
        }
    }
}
