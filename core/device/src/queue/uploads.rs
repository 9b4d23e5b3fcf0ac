//! Frozen uploads: which items are on their way, and what the answer did to them.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, Row, Transaction, params};
use wayhex_protocol::batch::RawItem;
use wayhex_protocol::id::{BatchId, ObservationId};
use wayhex_protocol::limits::BATCH_ITEMS_MAX;
use wayhex_protocol::receipt::Verdict;

use super::receipts::VerifiedReceipt;
use super::{Queue, QueueError, as_i64, as_u64, failed};

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

/// An item that waits to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its id.
    pub id: ObservationId,
    /// Bytes of it in a batch.
    pub size_bytes: u64,
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
}

impl Queue {
    /// The oldest items that may be sent now, at most a batch of them.
    ///
    /// # Errors
    /// The database failed.
    pub fn sendable(&self, now_ms: u64) -> Result<Vec<Pending>, QueueError> {
        const DOING: &str = "look for what to send";
        let mut statement = self
            .connection
            .prepare(
                "SELECT id, size_bytes FROM items WHERE state = 'queued' AND not_before_ms <= ?1
                 ORDER BY place LIMIT ?2",
            )
            .map_err(failed(DOING))?;
        let limit = i64::try_from(BATCH_ITEMS_MAX).unwrap_or(i64::MAX);
        let rows = statement
            .query_map(params![as_i64(now_ms), limit], |row| {
                Ok(Pending {
                    id: ObservationId(row.get(0)?),
                    size_bytes: as_u64(row.get(1)?),
                })
            })
            .map_err(failed(DOING))?;
        rows.collect::<Result<_, _>>().map_err(failed(DOING))
    }

    /// When the first of the items that wait may be sent, Unix milliseconds; `None` when none waits.
    ///
    /// # Errors
    /// The database failed.
    pub fn next_sendable_ms(&self) -> Result<Option<u64>, QueueError> {
        self.connection
            .query_row(
                "SELECT min(not_before_ms) FROM items WHERE state = 'queued'",
                [],
                |row| row.get::<_, Option<i64>>(0),
            )
            .map(|time| time.map(as_u64))
            .map_err(failed("look for what to send"))
    }

    /// Freezes an upload of these items, which are sending from now on.
    ///
    /// # Errors
    /// The disk or the database failed; the items stay queued.
    pub fn freeze(
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
        self.write_body(items, &body_file)?;
        let transaction = self.write(DOING)?;
        let id = (|| {
            transaction.execute(
                "INSERT INTO uploads (batch, url, headers, body_file) VALUES (?1, ?2, ?3, ?4)",
                params![batch.0, url, headers_text, file_name(&body_file)],
            )?;
            let id = transaction.last_insert_rowid();
            for item in items {
                transaction.execute(
                    "UPDATE items SET state = 'sending', upload = ?1, attempts = attempts + 1
                     WHERE id = ?2 AND state = 'queued'",
                    params![id, item.0],
                )?;
            }
            transaction.commit()?;
            Ok(id)
        })()
        .map_err(failed(DOING))?;
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

    /// Notes that an upload is about to leave the phone: from now on the server may have it.
    ///
    /// # Errors
    /// The database failed; then it must not be sent.
    pub fn mark_doubtful(&mut self, task: &UploadTask) -> Result<(), QueueError> {
        self.connection
            .execute(
                "UPDATE uploads SET doubtful = 1 WHERE upload = ?1",
                [task.id],
            )
            .map(drop)
            .map_err(failed("note that an upload leaves"))
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
            transaction.commit()?;
            Ok(ended)
        })()
        .map_err(failed(DOING))?;
        remove(&task.body_file)?;
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
                "SELECT id, envelope, coalesce(length(picture), 0) FROM items WHERE upload = ?1 ORDER BY place",
            )
            .map_err(failed(DOING))?;
        let mut picture_bytes = 0;
        let names = statement
            .query_map([task.id], |row| {
                let unreadable = RawItem {
                    envelope: row.get(1)?,
                    picture: None,
                }
                .unreadable_id();
                picture_bytes += as_u64(row.get(2)?);
                Ok((ObservationId(row.get(0)?), unreadable))
            })
            .map_err(failed(DOING))?
            .collect::<Result<_, _>>()
            .map_err(failed(DOING))?;
        Ok(Contents {
            names,
            picture_bytes,
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

    fn write_body(&self, items: &[ObservationId], path: &Path) -> Result<(), QueueError> {
        const DOING: &str = "read an item to send";
        let file_failed = |source| QueueError::File {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(&self.uploads).map_err(file_failed)?;
        let mut file = File::create(path).map_err(file_failed)?;
        let mut statement = self
            .connection
            .prepare("SELECT envelope, picture FROM items WHERE id = ?1")
            .map_err(failed(DOING))?;
        for item in items {
            let raw = statement
                .query_row([item.0], |row| {
                    Ok(RawItem {
                        envelope: row.get(0)?,
                        picture: row.get(1)?,
                    })
                })
                .map_err(failed(DOING))?;
            file.write_all(&raw.to_bytes()).map_err(file_failed)?;
        }
        file.sync_all().map_err(file_failed)
    }

    /// Deletes upload files that no row speaks of: a process died between the two.
    pub(super) fn remove_files_of_no_upload(&self) -> Result<(), QueueError> {
        let known = self.upload_under_way()?;
        let listed = match fs::read_dir(&self.uploads) {
            Ok(listed) => listed,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(self.folder_failed(source)),
        };
        for file in listed {
            let path = file.map_err(|source| self.folder_failed(source))?.path();
            if known.as_ref().is_none_or(|task| task.body_file != path) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    fn folder_failed(&self, source: std::io::Error) -> QueueError {
        QueueError::File {
            path: self.uploads.clone(),
            source,
        }
    }

    /// Deleted pictures leave free pages; they go back to the file system. The pragma frees one page for each step.
    fn give_space_back(&self) -> Result<(), QueueError> {
        const DOING: &str = "give space back";
        let mut statement = self
            .connection
            .prepare("PRAGMA incremental_vacuum")
            .map_err(failed(DOING))?;
        let mut steps = statement.query([]).map_err(failed(DOING))?;
        while steps.next().map_err(failed(DOING))?.is_some() {}
        Ok(())
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
            "UPDATE items SET state = 'queued', upload = NULL, not_before_ms = ?3
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
                upload = NULL, picture = NULL
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

fn remove(path: &Path) -> Result<(), QueueError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(QueueError::File {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
