//! What has to be remembered of a server.

use rusqlite::{OptionalExtension, params};

use super::{Commit, Queue, QueueError, as_i64, as_u64, failed};
use crate::failpoints::{
    CLOCK_COMMIT, CLOCK_DONE, FORGET_COMMIT, FORGET_DONE, POLICY_COMMIT, POLICY_DONE,
    REGISTRATION_COMMIT, REGISTRATION_DONE,
};

/// A server that was spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownServer {
    /// Its pinned `COSE_Key`, encoded.
    pub key: Vec<u8>,
    /// The latest answer to `GET /v1/policy`, as it came.
    pub policy: Vec<u8>,
    /// The account that it has for this device; `None` until the device is registered there.
    pub account: Option<String>,
    /// The binding's counter, that of the latest registration.
    pub binding: u64,
    /// What its clock was ahead of the phone's when it was last heard, milliseconds.
    pub clock_ahead_ms: Option<i64>,
}

impl Queue {
    /// What is known of the server at an origin.
    ///
    /// # Errors
    /// The database failed.
    pub fn server(&self, origin: &str) -> Result<Option<KnownServer>, QueueError> {
        self.connection
            .query_row(
                "SELECT key, policy, account, binding, clock_ahead_ms FROM servers WHERE origin = ?1",
                [origin],
                |row| {
                    Ok(KnownServer {
                        key: row.get(0)?,
                        policy: row.get(1)?,
                        account: row.get(2)?,
                        binding: as_u64(row.get(3)?),
                        clock_ahead_ms: row.get(4)?,
                    })
                },
            )
            .optional()
            .map_err(failed("look for a server"))
    }

    /// Remembers a server's pinned key and latest policy; what is known of the registration stays.
    ///
    /// # Errors
    /// The database failed.
    pub fn remember_policy(
        &mut self,
        origin: &str,
        key: &[u8],
        policy: &[u8],
    ) -> Result<(), QueueError> {
        self.execute(
            "remember a server",
            Commit(POLICY_COMMIT, POLICY_DONE),
            "INSERT INTO servers (origin, key, policy) VALUES (?1, ?2, ?3)
                 ON CONFLICT (origin) DO UPDATE SET key = ?2, policy = ?3",
            params![origin, key, policy],
        )
        .map(drop)
    }

    /// Remembers that the device is registered at a known server.
    ///
    /// # Errors
    /// The database failed.
    pub fn remember_registration(
        &mut self,
        origin: &str,
        account: &str,
        binding: u64,
    ) -> Result<(), QueueError> {
        self.execute(
            "remember a registration",
            Commit(REGISTRATION_COMMIT, REGISTRATION_DONE),
            "UPDATE servers SET account = ?2, binding = ?3 WHERE origin = ?1",
            params![origin, account, as_i64(binding)],
        )
        .map(drop)
    }

    /// Forgets that the device is registered: the server said that it does not know it.
    ///
    /// # Errors
    /// The database failed.
    pub fn forget_registration(&mut self, origin: &str) -> Result<(), QueueError> {
        self.execute(
            "forget a registration",
            Commit(FORGET_COMMIT, FORGET_DONE),
            "UPDATE servers SET account = NULL WHERE origin = ?1",
            [origin],
        )
        .map(drop)
    }

    /// Remembers what a known server's clock is ahead of the phone's.
    ///
    /// # Errors
    /// The database failed.
    pub fn remember_clock(&mut self, origin: &str, ahead_ms: i64) -> Result<(), QueueError> {
        self.execute(
            "remember a server's clock",
            Commit(CLOCK_COMMIT, CLOCK_DONE),
            "UPDATE servers SET clock_ahead_ms = ?2 WHERE origin = ?1 AND clock_ahead_ms IS NOT ?2",
            params![origin, ahead_ms],
        )
        .map(drop)
    }
}
