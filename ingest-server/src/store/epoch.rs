//! The open epoch, as a transaction sees it.

use rusqlite::Connection;

use super::StoreError;

/// The epoch that is open, and the policy that scores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenEpoch {
    /// Its number.
    pub number: u64,
    /// The version of its policy.
    pub policy: u64,
    /// When it was opened, Unix milliseconds.
    pub opened_ms: u64,
}

impl OpenEpoch {
    /// Reads it. What it says holds as long as the transaction it was read in.
    ///
    /// # Errors
    /// The database failed, or no epoch is open, which [`crate::policy::publish`] and every close see to.
    pub fn read(connection: &Connection) -> Result<Self, StoreError> {
        let mut query = connection.prepare_cached(
            "SELECT number, policy, opened_ms FROM epochs WHERE closed_ms IS NULL",
        )?;
        let open = query.query_row([], |row| {
            Ok(Self {
                number: row.get(0)?,
                policy: row.get(1)?,
                opened_ms: row.get(2)?,
            })
        })?;
        Ok(open)
    }
}
