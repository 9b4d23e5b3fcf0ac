//! Makes verdicts and pictures durable, and hands out what proves it.
//!
//! A store is a folder: `wayhex.sqlite` with every record, `objects/` with the encrypted pictures, `keys/`. The order is
//! the law: object durable, then the rows, then the receipt. One thread writes, so that a group of items costs two or three
//! flushes to disk and not that many each; readers have connections of their own and never wait for it.
//!
//! Another process may close an epoch on the same store at any time: nothing about the open epoch is kept in memory.

mod account;
mod batches;
mod clock;
mod commit;
mod database;
mod devices;
mod epoch;
mod frame;
mod objects;
mod pictures;
mod trips;
mod verdicts;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;
use wayhex_failpoint::Failpoint;
use wayhex_protocol::batch::Answer;
use wayhex_protocol::id::{BatchId, NetworkId};

use crate::keys::Keys;
use crate::reward::sweep_evidence;
use crate::verify::Judged;
use crate::{lock, private};

pub use account::{account_id, account_of};
pub use batches::answers_of;
pub use clock::latest_commit_ms;
pub use database::connect;
pub use devices::{Binding, BindingError, Registered, register, registered};
pub use epoch::OpenEpoch;
pub use frame::{FrameError, SealedFrame};
pub use pictures::read_picture;
pub use verdicts::{DeviceRow, Given, Subject};

use database::Readers;
pub use objects::Objects;
use writer::{Job, Writer};

/// Why the store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A folder or file cannot be used.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another server has it open.
    #[error("another server is running on {path}")]
    InUse {
        /// The store's folder.
        path: PathBuf,
    },
    /// SQLite failed.
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
    /// The database's schema cannot be brought up to date.
    #[error("the database cannot be migrated")]
    Migration(#[source] Box<refinery::Error>),
    /// A row that the schema does not allow.
    #[error("the database is damaged: {0}")]
    Damaged(&'static str),
    /// A picture could not be encrypted or decrypted.
    #[error("a stored picture cannot be used")]
    Frame(#[from] FrameError),
    /// The key did not sign.
    #[error("a receipt cannot be signed")]
    Sign(#[from] wayhex_protocol::key::SignError),
    /// The writer has ended, or a group failed; the log has the cause.
    #[error("the writer cannot commit at present")]
    Unavailable,
}

impl StoreError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// A store, open. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    keys: Arc<Keys>,
    readers: Readers,
    objects: Objects,
    writer: Writer,
    /// Held as long as the store is open.
    _serving: File,
}

impl Store {
    /// Opens the store of a folder for the one server that it may have, makes what is missing, brings the schema up to date
    /// and removes what a killed server left. Publishes no policy and opens no epoch: [`crate::policy::publish`] does.
    ///
    /// # Errors
    /// The folder cannot be used, another server uses it, or the database is of a newer version or damaged.
    pub fn open(folder: &Path, keys: Arc<Keys>, network: &NetworkId) -> Result<Self, StoreError> {
        private::lasting_folder(folder).map_err(StoreError::file(folder))?;
        let serving = lock::take(folder, lock::SERVING).map_err(StoreError::file(folder))?;
        let serving = serving.ok_or_else(|| StoreError::InUse {
            path: folder.to_owned(),
        })?;
        let mut connection = connect(folder)?;
        let objects = Objects::open(folder)?;
        sweep(&mut connection, &objects, folder)?;
        let writer = Writer::start(writer::Desk {
            connection,
            objects: objects.clone(),
            keys: Arc::clone(&keys),
            network: network.clone(),
        })?;
        Ok(Self(Arc::new(Inner {
            keys,
            readers: Readers::new(folder),
            objects,
            writer,
            _serving: serving,
        })))
    }

    /// Whether the writer takes work within a time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: it has ended, or hangs on a disk or behind another process.
    pub async fn is_writing(&self, within: Duration) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.0.writer.send(Job::Ping(answer)).await?;
            answered.await.map_err(|_dropped| StoreError::Unavailable)
        };
        let answered = tokio::time::timeout(within, asked).await;
        answered.unwrap_or_else(|_elapsed| Err(StoreError::Unavailable))
    }

    /// Runs a query on a connection that cannot write, off the asynchronous threads.
    ///
    /// # Errors
    /// The query's own, or a connection cannot be opened.
    pub async fn read<T, E>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let store = self.clone();
        let work = move || store.0.readers.with(query);
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|_panicked| Err(StoreError::Unavailable.into()))
    }

    /// Runs a change on the writer's thread, in an immediate transaction that is committed if it succeeds; the commit is the
    /// step that `before_commit` names.
    ///
    /// # Errors
    /// The change's own, or the transaction cannot begin or commit.
    pub async fn write<T, E>(
        &self,
        before_commit: Failpoint,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Job::change(before_commit, change, answer);
        self.0.writer.send(job).await?;
        answered
            .await
            .unwrap_or_else(|_dropped| Err(StoreError::Unavailable.into()))
    }

    /// Commits a judged item, together with others that are under way, and returns its receipt once both picture and row
    /// are durable. A verdict that was given before comes back as it was.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: nothing was committed, and the item may be sent again.
    pub async fn commit(&self, judged: Judged, batch: BatchId) -> Result<Answer, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::item(judged, batch, answer);
        self.0.writer.send(job).await?;
        answered
            .await
            .unwrap_or_else(|_dropped| Err(StoreError::Unavailable))
    }

    /// Ends the writer after what it has been given.
    pub async fn close(&self) {
        let (answer, ended) = oneshot::channel();
        if self.0.writer.send(Job::Stop(answer)).await.is_ok() {
            // The writer drops its end when it is done; there is no other answer.
            drop(ended.await);
        }
    }

    /// The keys that it signs and wraps with.
    #[must_use]
    pub fn keys(&self) -> &Arc<Keys> {
        &self.0.keys
    }

    /// Where pictures lie, for [`read_picture`].
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.0.objects
    }
}

/// Removes what a killed server left, under the write lock: no close in another process is writing its evidence then.
fn sweep(connection: &mut Connection, objects: &Objects, folder: &Path) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    objects.sweep(|name| commit::is_named(&transaction, name))?;
    sweep_evidence(folder)?;
    transaction.rollback()?;
    Ok(())
}
