//! The latest time at which anything was committed, for a server that doubts its clock.

use rusqlite::{Connection, Transaction};

use super::StoreError;

/// The latest time of a commit, Unix milliseconds; 0 before the first.
///
/// # Errors
/// The database failed.
pub fn latest_commit_ms(connection: &Connection) -> Result<u64, StoreError> {
    let mut query = connection.prepare_cached("SELECT at_ms FROM latest_commit")?;
    Ok(query.query_row([], |row| row.get(0))?)
}

/// Notes the time of a commit. A clock that goes back leaves what was noted.
pub(super) fn note_commit(transaction: &Transaction<'_>, now_ms: u64) -> Result<(), StoreError> {
    let mut update =
        transaction.prepare_cached("UPDATE latest_commit SET at_ms = ?1 WHERE at_ms < ?1")?;
    update.execute([now_ms])?;
    Ok(())
}
