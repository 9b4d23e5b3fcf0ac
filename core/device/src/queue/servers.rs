//! What has to be remembered of a server and of the network, and the device's own secret.

use rusqlite::{OptionalExtension, params};
use wayhex_protocol::id::NetworkId;

use super::{Queue, QueueError, as_i64, as_u64, failed};
use crate::ports::{NoRandomness, Random};
use crate::tag::DeviceSecret;

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
}

/// Why there is no device secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// There was nothing to draw it from.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl Queue {
    /// Binds the queue to a network at its first use: its items are signed for it, and another one would refuse them for ever.
    ///
    /// # Errors
    /// [`QueueError::OtherNetwork`] where it is bound to another one already, or the database failed.
    pub fn bind(&mut self, network: &NetworkId) -> Result<(), QueueError> {
        const DOING: &str = "bind itself to a network";
        let asked = network.as_str();
        self.connection
            .execute(
                "INSERT INTO bound (one, network) VALUES (1, ?1) ON CONFLICT (one) DO NOTHING",
                [asked],
            )
            .map_err(failed(DOING))?;
        let bound: String = self
            .connection
            .query_row("SELECT network FROM bound", [], |row| row.get(0))
            .map_err(failed(DOING))?;
        if bound == asked {
            return Ok(());
        }
        Err(QueueError::OtherNetwork {
            path: self.path.clone(),
            bound,
            asked: asked.to_owned(),
        })
    }

    /// The secret that sessions, salts and zones are drawn from; made on first use.
    ///
    /// # Errors
    /// The database or the randomness failed.
    pub fn device_secret(&mut self, random: &dyn Random) -> Result<DeviceSecret, SecretError> {
        let stored: Option<[u8; 32]> = self
            .connection
            .query_row("SELECT secret FROM device", [], |row| row.get(0))
            .optional()
            .map_err(failed("read the device's secret"))?;
        if let Some(secret) = stored {
            return Ok(DeviceSecret::new(secret));
        }
        let mut secret = [0; 32];
        random.fill(&mut secret)?;
        self.connection
            .execute("INSERT INTO device (one, secret) VALUES (1, ?1)", [secret])
            .map_err(failed("store the device's secret"))?;
        Ok(DeviceSecret::new(secret))
    }

    /// What is known of the server at an origin.
    ///
    /// # Errors
    /// The database failed.
    pub fn server(&self, origin: &str) -> Result<Option<KnownServer>, QueueError> {
        self.connection
            .query_row(
                "SELECT key, policy, account, binding FROM servers WHERE origin = ?1",
                [origin],
                |row| {
                    Ok(KnownServer {
                        key: row.get(0)?,
                        policy: row.get(1)?,
                        account: row.get(2)?,
                        binding: as_u64(row.get(3)?),
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
        self.connection
            .execute(
                "INSERT INTO servers (origin, key, policy) VALUES (?1, ?2, ?3)
                 ON CONFLICT (origin) DO UPDATE SET key = ?2, policy = ?3",
                params![origin, key, policy],
            )
            .map(drop)
            .map_err(failed("remember a server"))
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
        self.connection
            .execute(
                "UPDATE servers SET account = ?2, binding = ?3 WHERE origin = ?1",
                params![origin, account, as_i64(binding)],
            )
            .map(drop)
            .map_err(failed("remember a registration"))
    }

    /// Forgets that the device is registered: the server said that it does not know it.
    ///
    /// # Errors
    /// The database failed.
    pub fn forget_registration(&mut self, origin: &str) -> Result<(), QueueError> {
        self.connection
            .execute(
                "UPDATE servers SET account = NULL WHERE origin = ?1",
                [origin],
            )
            .map(drop)
            .map_err(failed("forget a registration"))
    }
}
