//! Whose store it is: the network and the key that its items are signed for and with, and the device's own secret.

use rusqlite::OptionalExtension;
use wayhex_protocol::id::{DeviceId, NetworkId};

use super::{Commit, Queue, QueueError, failed};
use crate::failpoints::{
    BIND_COMMIT, BIND_DONE, DEVICE_COMMIT, DEVICE_DONE, SECRET_COMMIT, SECRET_DONE,
};
use crate::ports::{NoRandomness, Random};
use crate::tag::DeviceSecret;

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
        self.execute(
            DOING,
            Commit(BIND_COMMIT, BIND_DONE),
            "INSERT INTO bound (one, network) VALUES (1, ?1) ON CONFLICT (one) DO NOTHING",
            [asked],
        )?;
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

    /// The key that signed for this store last; `None` before the first.
    ///
    /// # Errors
    /// The database failed.
    pub fn device(&self) -> Result<Option<DeviceId>, QueueError> {
        self.connection
            .query_row("SELECT device FROM bound", [], |row| {
                row.get::<_, Option<[u8; 32]>>(0)
            })
            .optional()
            .map(|device| device.flatten().map(DeviceId))
            .map_err(failed("look for its device"))
    }

    /// Notes the key that signs from now on. No server knows a new one: it has to be registered with each.
    ///
    /// # Errors
    /// The database failed.
    pub fn bind_device(&mut self, device: DeviceId) -> Result<(), QueueError> {
        const DOING: &str = "note the device's key";
        let transaction = self.write(DOING)?;
        (|| {
            transaction.execute(
                "UPDATE servers SET account = NULL
                 WHERE EXISTS (SELECT 1 FROM bound WHERE device IS NOT NULL AND device <> ?1)",
                [device.0],
            )?;
            transaction.execute("UPDATE bound SET device = ?1", [device.0])?;
            DEVICE_COMMIT.hit();
            transaction.commit()
        })()
        .map_err(failed(DOING))?;
        DEVICE_DONE.hit();
        Ok(())
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
        self.execute(
            "store the device's secret",
            Commit(SECRET_COMMIT, SECRET_DONE),
            "INSERT INTO device (one, secret) VALUES (1, ?1)",
            [secret],
        )?;
        Ok(DeviceSecret::new(secret))
    }
}
