//! One group of judged items, committed: object durable, then rows, then receipts.

use std::collections::{BTreeSet, HashMap};
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

use super::objects::{ObjectWriter, Objects, Written};
use super::writer::Item;
use super::{
    DeviceRow, Given, OpenEpoch, StoreError, Subject, batches, clock, devices, trips, verdicts,
};
use crate::clock::now_ms;
use crate::failpoints;
use crate::keys::Keys;
use crate::verify::{Judged, Verified};

/// Objects of failed commits that are kept in mind; what is beyond goes at the next start.
const DOUBTFUL_MAX: usize = 10_000;

/// Whether a row names an object.
pub(super) fn is_named(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let mut query = connection.prepare_cached("SELECT 1 FROM objects WHERE name = ?1")?;
    Ok(query.exists([name])?)
}

/// What a commit needs besides the connection.
pub(super) struct Committer {
    objects: Objects,
    keys: Arc<Keys>,
    network: NetworkId,
    /// The numbers of the policies seen so far, by version; a version never changes.
    params: HashMap<u64, ScoringParams>,
    /// Objects of commits that failed: whether their rows are durable shows at the next commit.
    doubtful: Vec<Written>,
}

impl Committer {
    pub(super) fn new(objects: Objects, keys: Arc<Keys>, network: NetworkId) -> Self {
        Self {
            objects,
            keys,
            network,
            params: HashMap::new(),
            doubtful: Vec::new(),
        }
    }

    /// Keeps an object whose commit failed in mind. Its rows may be in the write-ahead log all the same, and come back at the
    /// next start: it must not go yet.
    fn doubt(&mut self, object: ObjectWriter) {
        if self.doubtful.len() < DOUBTFUL_MAX {
            self.doubtful.extend(object.release());
        } else {
            drop(object.release());
        }
    }

    /// Removes the objects of failed commits, after a commit that succeeded: it took the place of theirs in the log.
    fn settle_doubts(&mut self, connection: &Connection) {
        for written in std::mem::take(&mut self.doubtful) {
            match is_named(connection, &written.name) {
                Ok(false) => written.remove(),
                Ok(true) => {}
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "an object without a row may have been left behind");
                }
            }
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
        refused: BTreeSet::new(),
    };
    let decided: Result<Vec<_>, StoreError> = items.iter().map(|item| group.decide(item)).collect();
    let decided = decided?;
    let object = group.finish()?;
    failpoints::GROUP_COMMIT.hit();
    match (transaction.commit(), object) {
        (Ok(()), object) => drop(object.map(ObjectWriter::release)),
        (Err(error), None) => return Err(error.into()),
        (Err(error), Some(object)) => {
            committer.doubt(object);
            return Err(error.into());
        }
    }
    failpoints::GROUP_ANSWER.hit();
    committer.settle_doubts(connection);
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
    /// Who was refused something: a device, or nobody that is known.
    refused: BTreeSet<Option<i64>>,
}

impl Group<'_> {
    fn decide(&mut self, item: &Item) -> Result<Decided, StoreError> {
        let (given, fresh) = match &item.judged {
            Judged::Repeat(given) => (given.clone(), None),
            Judged::Refuse(subject, reason) => self.once(subject, |group| {
                group.give(subject, Verdict::Refused(*reason))
            })?,
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
        trips::count(self.transaction, verified)?;
        Ok(given)
    }

    /// Whether its place in the session or its picture is taken, or it cannot be true beside what was accepted.
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
        if picture.exists([verified.picture.sha256.0])? {
            return Ok(Some(Reason::DuplicatePicture));
        }
        trips::contradiction(self.transaction, verified)
    }

    fn give(
        &mut self,
        subject: &Subject,
        verdict: Verdict,
    ) -> Result<(Given, Verdict), StoreError> {
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
        if matches!(verdict, Verdict::Refused(_)) {
            let device = subject.device.map(|DeviceRow(row)| row);
            self.refused.insert(device);
        }
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
            inserted?;
            self.object = Some((writer, self.transaction.last_insert_rowid()));
        }
        self.object
            .as_mut()
            .ok_or(StoreError::Damaged("a group has no object"))
    }

    /// Makes the object durable; what is left to do is the commit.
    fn finish(self) -> Result<Option<ObjectWriter>, StoreError> {
        for device in &self.refused {
            verdicts::forget_refusals(self.transaction, *device)?;
        }
        batches::forget_old(self.transaction, self.now_ms)?;
        clock::note_commit(self.transaction, self.now_ms)?;
        let mut finished = None;
        if let Some((mut object, row)) = self.object {
            let size_bytes = object.finish()?;
            self.transaction.execute(
                "UPDATE objects SET size_bytes = ?1 WHERE id = ?2",
                params![size_bytes, row],
            )?;
            finished = Some(object);
        }
        Ok(finished)
    }
}
