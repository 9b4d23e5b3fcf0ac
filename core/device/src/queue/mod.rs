//! What was signed and is not yet answered for, crash-safe.
//!
//! One SQLite file (WAL, synchronous FULL). An item is in one of five states: queued, sending, accepted, refused with a
//! reason, evicted with a reason. Only a verified receipt, a stated bound or a lost key ends an item; what ended keeps its row
//! and loses its picture. The fate of each frame is committed together with the item made of it, so that a replay that was
//! killed goes on where it stood.
//!
//! A picture that has ended is overwritten in the database (`secure_delete`), its pages go back to the file system, and the
//! log that it was written through is emptied ([`space`]). The file of an upload is unlinked. What flash memory keeps of cells
//! that were overwritten or unlinked is beyond a program's reach; a phone's file encryption covers that.

mod body;
mod bounds;
mod drives;
mod entry;
mod owner;
mod pending;
mod receipts;
mod reserve;
mod resign;
mod servers;
mod space;
mod traffic;
mod uploads;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use wayhex_failpoint::Failpoint;
use wayhex_protocol::reason::Reason;

use crate::failpoints::{CONNECT_DONE, CONNECT_MIGRATE, CONNECT_OPEN, CONNECT_PRAGMAS};
use crate::ports::StoragePath;

pub use bounds::Bounds;
pub use drives::{Fate, FateKind, FrameNote, SessionRow};
pub use entry::{Item, State};
pub use owner::SecretError;
pub use pending::{Pending, WAIT_LONGEST_MS};
pub use receipts::VerifiedReceipt;
pub use resign::{OutOfTime, Resigned, Unsent, Which};
pub use servers::KnownServer;
pub use uploads::{Contents, UploadTask, WaitUntil};

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
    /// Items that were given up since the queue was opened.
    evicted: BTreeMap<Reason, u64>,
}

/// What time it is, and whether a server has said so since the process began. A phone's clock may be wrong by days: nothing
/// is given up by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Now {
    /// Unix milliseconds by the server's clock.
    Confirmed(u64),
    /// Unix milliseconds by the phone's.
    Unconfirmed(u64),
}

impl Now {
    /// Unix milliseconds.
    #[must_use]
    pub const fn ms(self) -> u64 {
        match self {
            Self::Confirmed(ms) | Self::Unconfirmed(ms) => ms,
        }
    }
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

impl QueueError {
    /// Whether the disk is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Database { source, .. } => {
                source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
            }
            Self::File { source, .. } => matches!(
                source.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
            ),
            _ => false,
        }
    }
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
        let mut connection = match connect(&path) {
            Err(error) if error.is_full() => {
                reserve::give_up_beside(&path)?;
                connect(&path)?
            }
            connected => connected?,
        };
        CONNECT_MIGRATE.hit();
        // In one transaction: a kill between a version and the note of it would leave a store that nobody opens again.
        embedded::migrations::runner()
            .set_grouped(true)
            .run(&mut connection)
            .map_err(|source| QueueError::Migrate {
                path: path.clone(),
                source: Box::new(source),
            })?;
        CONNECT_DONE.hit();
        let queue = Self {
            connection,
            bounds,
            path,
            uploads: store.uploads(),
            notes: Vec::new(),
            evicted: BTreeMap::new(),
        };
        queue.remove_files_of_no_upload()?;
        // A process that died may have left a log that still holds what it had deleted.
        queue.empty_log()?;
        queue.keep_reserve();
        Ok(queue)
    }

    /// Items that were given up since the queue was opened, by reason.
    #[must_use]
    pub const fn evicted(&self) -> &BTreeMap<Reason, u64> {
        &self.evicted
    }

    fn write(&mut self, doing: &'static str) -> Result<Transaction<'_>, QueueError> {
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed(doing))
    }

    /// One statement that is a transaction of its own.
    fn execute(
        &self,
        doing: &'static str,
        commit: Commit,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<usize, QueueError> {
        commit.0.hit();
        let changed = self
            .connection
            .execute(sql, values)
            .map_err(failed(doing))?;
        commit.1.hit();
        Ok(changed)
    }
}

/// Exclusive: one process owns a store, and a second one is told so. What sorting needs stays in memory: a temporary file would
/// hold positions that nothing overwrites. A log that a large commit made long is cut to 4 MiB when it begins anew.
fn connect(path: &Path) -> Result<Connection, QueueError> {
    let opened = (|| {
        CONNECT_OPEN.hit();
        let connection = Connection::open(path)?;
        CONNECT_PRAGMAS.hit();
        connection.execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE;
             PRAGMA temp_store = MEMORY;
             PRAGMA auto_vacuum = INCREMENTAL;
             PRAGMA journal_mode = WAL;
             PRAGMA journal_size_limit = 4194304;
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
