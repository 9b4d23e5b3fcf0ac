//! What was signed and is not yet answered for, crash-safe.
//!
//! One SQLite file (WAL, synchronous FULL). An item is in one of five states: queued, sending, accepted, refused with a
//! reason, evicted with a reason. Only a verified receipt or a stated bound ends an item; what ended keeps its row and loses
//! its picture, which is overwritten on the disk. The fate of each frame is committed together with the item made of it,
//! so that a replay that was killed goes on where it stood.

mod bounds;
mod drives;
mod entry;
mod receipts;
mod servers;
mod traffic;
mod uploads;

use std::path::{Path, PathBuf};

use wayhex_failpoint::Failpoint;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::ports::StoragePath;

pub use bounds::Bounds;
pub use drives::{Fate, FateKind, FrameNote, SessionRow};
pub use entry::{Item, State};
pub use receipts::VerifiedReceipt;
pub use servers::{KnownServer, SecretError};
pub use uploads::{Contents, Pending, UploadTask, WaitUntil};

mod embedded {
    //! The versions of the database, in order.
    refinery::embed_migrations!("migrations");
}

/// The queue and all else that has to survive with it.
#[derive(Debug)]
pub struct Queue {
    connection: Connection,
    bounds: Bounds,
    path: PathBuf,
    uploads: PathBuf,
    /// Drops that wait for the next commit: a replay that is killed finds them again.
    notes: Vec<FrameNote>,
}

/// Why the queue cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Another process has it open.
    #[error("the store {path} is in use by another process")]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// What it holds is signed for another network, whose servers alone take it.
    #[error("the store {path} belongs to the network {bound}, and cannot be used for {asked}")]
    OtherNetwork {
        /// The database file.
        path: PathBuf,
        /// The network that it was first used for.
        bound: String,
        /// The network that it is to be used for.
        asked: String,
    },
    /// The file is no queue, or one of a later version.
    #[error("the queue {path} cannot be brought to this version: {source}")]
    Migrate {
        /// The database file.
        path: PathBuf,
        /// What the migration said.
        source: Box<refinery::Error>,
    },
    /// The database failed.
    #[error("the queue cannot {doing}: {source}")]
    Database {
        /// What was to be done.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A file of a frozen upload failed.
    #[error("the upload file {path} cannot be used: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A row holds what cannot be.
    #[error("the queue holds a {what} that cannot be read")]
    Corrupt {
        /// What it should be.
        what: &'static str,
    },
}

impl Queue {
    /// Opens the queue of a store, and makes it where it is missing.
    ///
    /// # Errors
    /// It is in use, damaged, of a later version, or the disk fails.
    pub fn open(store: &StoragePath) -> Result<Self, QueueError> {
        Self::open_bounded(store, Bounds::default())
    }

    /// Opens a queue with bounds of one's own.
    ///
    /// # Errors
    /// See [`Self::open`].
    pub fn open_bounded(store: &StoragePath, bounds: Bounds) -> Result<Self, QueueError> {
        let path = store.queue();
        let mut connection = connect(&path)?;
        embedded::migrations::runner()
            .run(&mut connection)
            .map_err(|source| QueueError::Migrate {
                path: path.clone(),
                source: Box::new(source),
            })?;
        let queue = Self {
            connection,
            bounds,
            path,
            uploads: store.uploads(),
            notes: Vec::new(),
        };
        queue.remove_files_of_no_upload()?;
        Ok(queue)
    }

    fn write(&mut self, doing: &'static str) -> Result<Transaction<'_>, QueueError> {
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed(doing))
    }
}

/// Exclusive: one process owns a store, and a second one is told so.
fn connect(path: &Path) -> Result<Connection, QueueError> {
    let opened = (|| {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE;
             PRAGMA auto_vacuum = INCREMENTAL;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA secure_delete = ON;
             PRAGMA foreign_keys = ON;
             BEGIN IMMEDIATE; COMMIT;",
        )?;
        Ok(connection)
    })();
    opened.map_err(|source: rusqlite::Error| match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            QueueError::InUse {
                path: path.to_owned(),
            }
        }
        _ => failed("open its file")(source),
    })
}

/// Where a test may end the process: before a commit, and after it.
#[derive(Clone, Copy)]
struct Commit(Failpoint, Failpoint);

fn failed(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> QueueError {
    move |source| QueueError::Database { doing, source }
}

/// Unix milliseconds and sizes as SQLite holds them; beyond 63 bits nothing is lawful, and the largest stands for it.
fn as_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn as_u64(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
