//! Connections to the database, each with the settings that durability rests on.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::StoreError;
use crate::{failpoints, lock, private};

mod migrations {
    refinery::embed_migrations!("migrations");
}

const FILE: &str = "wayhex.sqlite";
/// How long a connection waits for another's transaction: a close of a large epoch takes seconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);
/// Readers' connections kept open: as many as ever work at once on a machine that one SQLite file serves.
const READERS_KEPT_MAX: usize = 8;
/// Statements that a connection keeps prepared: more than the server has.
const STATEMENTS_KEPT_MAX: usize = 64;

/// Opens the database of a store's folder for writing, makes both when they are not there, and brings the schema up to date.
/// Both are their owner's alone; SQLite gives the write-ahead log the mode of the database.
///
/// Whoever changes something begins an *immediate* transaction: a deferred one that read first could not become a writer
/// after another process has written.
///
/// # Errors
/// The folder or file cannot be used, or the schema is one that this program does not know.
pub fn connect(folder: &Path) -> Result<Connection, StoreError> {
    failpoints::DATABASE_CREATE.hit();
    private::lasting_folder(folder).map_err(StoreError::file(folder))?;
    let setting_up = lock::wait_for(folder, lock::SETTING_UP).map_err(StoreError::file(folder))?;
    let file = folder.join(FILE);
    private::file(&file).map_err(StoreError::file(&file))?;
    let mut connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // In WAL mode only FULL flushes the log at each commit: a receipt must survive a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
    failpoints::DATABASE_MIGRATE.hit();
    // In one transaction: a kill between a version and the note of it would leave a store that nobody opens again.
    let migrated = migrations::migrations::runner()
        .set_grouped(true)
        .run(&mut connection);
    migrated.map_err(|error| StoreError::Migration(Box::new(error)))?;
    drop(setting_up);
    Ok(connection)
}

/// Connections that only read, kept for the next query.
pub(super) struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            file: folder.join(FILE),
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn with<T, E: From<StoreError>>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let idle = self.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let result = query(&connection);
        let mut idle = self.lock();
        if idle.len() < READERS_KEPT_MAX {
            idle.push(connection);
        }
        result
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let connection = Connection::open_with_flags(
            &self.file,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
        Ok(connection)
    }

    /// A connection is pushed and popped whole: a panic elsewhere leaves the list as it was.
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
