//! Frozen uploads: which items are on their way, and what the answer did to them.

use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, Row, Transaction, params};
use wayhex_protocol::batch::RawItem;
use wayhex_protocol::id::{BatchId, ObservationId};
use wayhex_protocol::receipt::Verdict;

use super::body::remove;
use super::receipts::VerifiedReceipt;
use super::{Queue, QueueError, as_i64, as_u64, failed};
use crate::failpoints::{
    DOUBTFUL_COMMIT, DOUBTFUL_DONE, FREEZE_COMMIT, FREEZE_DONE, SETTLE_COMMIT, SETTLE_DONE,
    SETTLE_UNLINK,
};

/// An upload that does not change any more, and survives the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadTask {
    /// Its number in the queue.
    pub id: i64,
    /// What the server knows the batch by.
    pub batch: BatchId,
    /// Where it goes.
    pub url: String,
    /// With which headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The file that holds its body.
    pub body_file: PathBuf,
    /// Whether a part may have reached the server: it is asked before anything is sent again.
    pub doubtful: bool,
}

/// Until when items wait that an upload did not end, Unix milliseconds; 0 for not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitUntil {
    /// Those that the server wants later.
    pub later_ms: u64,
    /// Those without an answer.
    pub unanswered_ms: u64,
}

/// What is in an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The items, oldest first, each by its id and by the id that stands for it where the server cannot read it.
    pub names: Vec<(ObservationId, ObservationId)>,
    /// Bytes of their pictures.
    pub picture_bytes: u64,
    /// How often any of them was sent, or may have been, at most.
    pub attempts: u32,
}

impl Queue {
    /// Freezes an upload of these items, which are sending from now on. Where the disk is full it is of the first alone: what
    /// that leaves behind is room for the next.
    ///
    /// # Errors
    /// The disk or the database failed; the items stay queued.
    pub fn freeze(
        &mut self,
        items: &[ObservationId],
        url: &str,
        headers: Vec<(String, String)>,
    ) -> Result<UploadTask, QueueError> {
        match self.freeze_all(items, url, headers.clone()) {
            Err(error) if error.is_full() => {
                self.give_up_reserve()?;
                self.freeze_all(items.get(..1).unwrap_or_default(), url, headers)
            }
            done => done,
        }
    }

    fn freeze_all(
        &mut self,
        items: &[ObservationId],
        url: &str,
        headers: Vec<(String, String)>,
    ) -> Result<UploadTask, QueueError> {
        const DOING: &str = "freeze an upload";
        let batch = BatchId::of(items);
        let body_file = self.uploads.join(format!("{batch}.cborseq"));
        let headers_text = serde_json::to_string(&headers).map_err(|source| QueueError::File {
            path: body_file.clone(),
            source: source.into(),
        })?;
        if let Err(error) = self.write_body(items, &body_file) {
            // What is half written takes the room that the next try needs.
            remove(&body_file)?;
            return Err(error);
        }
        let transaction = self.write(DOING)?;
        let id = (|| {
            transaction.execute(
                "INSERT INTO uploads (batch, url, headers, body_file) VALUES (?1, ?2, ?3, ?4)",
                params![batch.0, url, headers_text, file_name(&body_file)],
            )?;
            let id = transaction.last_insert_rowid();
            for item in items {
                transaction.execute(
                    "UPDATE items SET state = 'sending', upload = ?1 WHERE id = ?2 AND state = 'queued'",
                    params![id, item.0],
                )?;
            }
            FREEZE_COMMIT.hit();
            transaction.commit()?;
            Ok(id)
        })()
        .map_err(failed(DOING))?;
        FREEZE_DONE.hit();
        Ok(UploadTask {
            id,
            batch,
            url: url.to_owned(),
            headers,
            body_file,
            doubtful: false,
        })
    }

    /// The upload that is under way; a process that died has left one.
    ///
    /// # Errors
    /// The database failed.
    pub fn upload_under_way(&self) -> Result<Option<UploadTask>, QueueError> {
        let row = self
            .connection
            .query_row(
                "SELECT upload, batch, url, headers, body_file, doubtful FROM uploads ORDER BY upload LIMIT 1",
                [],
                |row| self.read_task(row),
            )
            .optional()
            .map_err(failed("look for an upload under way"))?;
        row.transpose()
    }

    /// Notes that an upload is about to leave the phone: from now on the server may have it, and its items count as sent once
    /// more.
    ///
    /// # Errors
    /// The database failed; then it must not be sent.
    pub fn mark_doubtful(&mut self, task: &UploadTask) -> Result<(), QueueError> {
        const DOING: &str = "note that an upload leaves";
        let transaction = self.write(DOING)?;
        (|| {
            transaction.execute(
                "UPDATE items SET attempts = attempts + 1 WHERE upload = ?1",
                [task.id],
            )?;
            transaction.execute(
                "UPDATE uploads SET doubtful = 1 WHERE upload = ?1",
                [task.id],
            )?;
            DOUBTFUL_COMMIT.hit();
            transaction.commit()
        })()
        .map_err(failed(DOING))?;
        DOUBTFUL_DONE.hit();
        Ok(())
    }

    /// Frees the items of an upload of which not a byte has left: they count as sent as often as before.
    ///
    /// # Errors
    /// The database failed; the upload is under way still.
    pub fn release(&mut self, task: &UploadTask) -> Result<(), QueueError> {
        const DOING: &str = "free an upload";
        let transaction = self.write(DOING)?;
        (|| {
            transaction.execute(
                "UPDATE items SET state = 'queued', upload = NULL,
                        attempts = attempts - (SELECT doubtful FROM uploads WHERE upload = ?1)
                 WHERE upload = ?1",
                [task.id],
            )?;
            transaction.execute("DELETE FROM uploads WHERE upload = ?1", [task.id])?;
            SETTLE_COMMIT.hit();
            transaction.commit()
        })()
        .map_err(failed(DOING))?;
        SETTLE_UNLINK.hit();
        remove(&task.body_file)?;
        SETTLE_DONE.hit();
        Ok(())
    }

    /// Ends an upload with the verified receipts that came for its items, and says how many items have ended with it. A final
    /// verdict ends its item and deletes the picture; all others are queued again.
    ///
    /// # Errors
    /// The database failed; the upload is under way still.
    pub fn settle(
        &mut self,
        task: &UploadTask,
        answers: &[(ObservationId, VerifiedReceipt)],
        wait: WaitUntil,
    ) -> Result<usize, QueueError> {
        match self.settle_together(task, answers, wait) {
            Err(error) if error.is_full() => {
                self.give_up_reserve()?;
                self.settle_singly(task, answers, wait)
            }
            done => done,
        }
    }

    fn settle_together(
        &mut self,
        task: &UploadTask,
        answers: &[(ObservationId, VerifiedReceipt)],
        wait: WaitUntil,
    ) -> Result<usize, QueueError> {
        const DOING: &str = "take in receipts";
        let transaction = self.write(DOING)?;
        let ended = (|| {
            let mut ended = 0;
            for (item, receipt) in answers {
                ended += settle_one(&transaction, task.id, (*item, receipt), wait.later_ms)?;
            }
            transaction.execute(
                "UPDATE items SET state = 'queued', upload = NULL, not_before_ms = ?2 WHERE upload = ?1",
                params![task.id, as_i64(wait.unanswered_ms)],
            )?;
            transaction.execute("DELETE FROM uploads WHERE upload = ?1", [task.id])?;
            SETTLE_COMMIT.hit();
            transaction.commit()?;
            Ok(ended)
        })()
        .map_err(failed(DOING))?;
        SETTLE_UNLINK.hit();
        remove(&task.body_file)?;
        SETTLE_DONE.hit();
        if ended > 0 {
            self.give_space_back()?;
        }
        Ok(ended)
    }

    /// Ends an upload as [`Self::settle`] says, one receipt after the other: what each ends gives room to the next.
    fn settle_singly(
        &mut self,
        task: &UploadTask,
        answers: &[(ObservationId, VerifiedReceipt)],
        wait: WaitUntil,
    ) -> Result<usize, QueueError> {
        const DOING: &str = "take in a receipt";
        let mut ended = 0;
        for (item, receipt) in answers {
            let transaction = self.write(DOING)?;
            ended += (|| {
                let ended = settle_one(&transaction, task.id, (*item, receipt), wait.later_ms)?;
                SETTLE_COMMIT.hit();
                transaction.commit()?;
                Ok(ended)
            })()
            .map_err(failed(DOING))?;
            self.empty_log()?;
        }
        self.settle_together(task, &[], wait)?;
        self.give_space_back()?;
        Ok(ended)
    }

    /// What is in an upload.
    ///
    /// # Errors
    /// The database failed.
    pub fn contents(&self, task: &UploadTask) -> Result<Contents, QueueError> {
        const DOING: &str = "read the items of an upload";
        let mut statement = self
            .connection
            .prepare(
                "SELECT id, envelope, coalesce(length(picture), 0), attempts
                 FROM items LEFT JOIN pictures ON item = place WHERE upload = ?1 ORDER BY place",
            )
            .map_err(failed(DOING))?;
        let (mut picture_bytes, mut attempts) = (0, 0);
        let names = statement
            .query_map([task.id], |row| {
                let unreadable = RawItem {
                    envelope: row.get(1)?,
                    picture: None,
                }
                .unreadable_id();
                picture_bytes += as_u64(row.get(2)?);
                attempts = row.get::<_, u32>(3)?.max(attempts);
                Ok((ObservationId(row.get(0)?), unreadable))
            })
            .map_err(failed(DOING))?
            .collect::<Result<_, _>>()
            .map_err(failed(DOING))?;
        Ok(Contents {
            names,
            picture_bytes,
            attempts,
        })
    }

    fn read_task(&self, row: &Row<'_>) -> rusqlite::Result<Result<UploadTask, QueueError>> {
        let headers: String = row.get(3)?;
        let name: String = row.get(4)?;
        let (id, batch, url, doubtful) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(5)?);
        Ok(serde_json::from_str(&headers)
            .map(|headers| UploadTask {
                id,
                batch: BatchId(batch),
                url,
                headers,
                body_file: self.uploads.join(name),
                doubtful,
            })
            .map_err(|_format| QueueError::Corrupt {
                what: "frozen upload",
            }))
    }
}

/// Says how many items have ended: one, or none where the answer puts it off or is for no item of the upload.
fn settle_one(
    transaction: &Transaction<'_>,
    upload: i64,
    (item, verified): (ObservationId, &VerifiedReceipt),
    later_ms: u64,
) -> rusqlite::Result<usize> {
    let receipt = verified.receipt();
    if !receipt.verdict.is_final() {
        transaction.execute(
            // It was answered for: only what is not makes batches smaller.
            "UPDATE items SET state = 'queued', upload = NULL, not_before_ms = ?3, attempts = min(attempts, 1)
             WHERE id = ?1 AND upload = ?2",
            params![item.0, upload, as_i64(later_ms)],
        )?;
        return Ok(0);
    }
    let (state, reason) = match receipt.verdict {
        Verdict::Accepted => ("accepted", None),
        Verdict::Refused(reason) => ("refused", Some(reason.number())),
    };
    transaction.execute(
        "UPDATE items SET state = ?3, reason = ?4, epoch = ?5, server_time_ms = ?6, receipt = ?7,
                upload = NULL
         WHERE id = ?1 AND upload = ?2",
        params![
            item.0,
            upload,
            state,
            reason,
            as_i64(receipt.epoch),
            as_i64(receipt.server_time_ms),
            verified.envelope(),
        ],
    )
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}
