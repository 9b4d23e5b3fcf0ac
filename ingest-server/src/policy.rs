//! The policies that this server has published: signed once, stored as they were signed, read again at every start.

use rusqlite::{Connection, Transaction, params};
use wayhex_protocol::envelope::{self, OpenError};
use wayhex_protocol::id::{NetworkId, PolicyHash};
use wayhex_protocol::key::{SignError, Signer};
use wayhex_protocol::observation::Model;
use wayhex_protocol::policy::{Parameters, Policy};

use crate::keys::SigningKey;
use crate::store::StoreError;

/// For how long after its registration a device may go on under the genesis policy, milliseconds (24 h): longer than a drive
/// that began before the phone met its server.
const GENESIS_AFTER_REGISTRATION_MS: u64 = 86_400_000;

/// The number of the first epoch.
pub const FIRST_EPOCH: u64 = 1;

/// What the operator of a network decides of its policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The constants.
    pub parameters: Parameters,
    /// The detectors whose pictures are accepted.
    pub models: Vec<Model>,
}

/// Those of the genesis policy.
impl Default for Terms {
    fn default() -> Self {
        Self {
            parameters: Parameters::default(),
            models: Policy::genesis_models(),
        }
    }
}

/// A policy as it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// What it says.
    pub policy: Policy,
    /// What observations name it by.
    pub sha256: PolicyHash,
    /// The signed document.
    pub envelope: Vec<u8>,
    /// When its successor was published, Unix milliseconds; `None` of the newest.
    pub superseded_ms: Option<u64>,
}

impl Published {
    /// Whether a capture at `captured_ms` may name it, by a device that was registered at `registered_ms`.
    ///
    /// The document was signed before anybody knew of a successor, so that its own end cannot tell. It ends here, the lateness
    /// that it allows after its successor was published: whoever could not hear of the successor has to deliver by then
    /// anyway. The genesis policy is also what a phone goes by that has never met its server.
    #[must_use]
    pub fn covers(&self, captured_ms: u64, registered_ms: u64) -> bool {
        let lateness_ms = self.policy.parameters.latency_last_ms;
        let has_not_ended = self
            .superseded_ms
            .is_none_or(|superseded_ms| captured_ms < superseded_ms.saturating_add(lateness_ms));
        let had_not_met =
            || captured_ms < registered_ms.saturating_add(GENESIS_AFTER_REGISTRATION_MS);
        self.policy.in_force_at(captured_ms)
            && (has_not_ended || (self.is_genesis() && had_not_met()))
    }

    fn is_genesis(&self) -> bool {
        self.policy == Policy::genesis(self.policy.network.clone())
    }
}

/// Version, envelope, and when the next version was published.
type Stored = (u64, Vec<u8>, Option<u64>);

/// All policies of a store, oldest first; at least one once [`publish`] ran.
#[derive(Clone, Debug, Default)]
pub struct PolicyBook(Vec<Published>);

/// Why a store's policies cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The store failed.
    #[error("the policies cannot be read or written")]
    Store(#[from] StoreError),
    /// The key did not sign.
    #[error("the policy cannot be signed")]
    Sign(#[from] SignError),
    /// A stored document is not one that this server signed for this network.
    #[error(
        "policy {version} of the store is not for network {network}, or not signed by the key of this store"
    )]
    Foreign {
        /// Its version.
        version: u64,
        /// The network of the configuration.
        network: String,
        /// What is wrong with it.
        source: OpenError,
    },
}

impl PolicyBook {
    /// The newest policy: what phones are given, and what the next epoch is scored by. `None` before the first start.
    #[must_use]
    pub fn current(&self) -> Option<&Published> {
        self.0.last()
    }

    /// The policy that an observation names.
    #[must_use]
    pub fn of_hash(&self, hash: &PolicyHash) -> Option<&Published> {
        self.0.iter().find(|published| published.sha256 == *hash)
    }

    /// The policy of a version, as a row of `epochs` names it.
    #[must_use]
    pub fn of_version(&self, version: u64) -> Option<&Published> {
        let mut published = self.0.iter();
        published.find(|published| published.policy.version == version)
    }

    /// Reads all policies of a store.
    ///
    /// # Errors
    /// The store cannot be read, or holds a document that its key did not sign for this network.
    pub fn read(
        connection: &Connection,
        network: &NetworkId,
        key: &SigningKey,
    ) -> Result<Self, PolicyError> {
        let read = || -> Result<Vec<Stored>, StoreError> {
            let mut query = connection.prepare(
                "SELECT version, envelope, LEAD(published_ms) OVER (ORDER BY version)
                 FROM policies ORDER BY version",
            )?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        let open = |(version, envelope, superseded_ms): Stored| {
            let opened = envelope::open::<Policy>(&envelope, network, |kid| {
                (kid == key.thumbprint()).then(|| key.public_key())
            });
            let opened = opened.map_err(|source| PolicyError::Foreign {
                version,
                network: network.as_str().to_owned(),
                source,
            })?;
            Ok(Published {
                sha256: opened.message.hash(),
                policy: opened.message,
                envelope,
                superseded_ms,
            })
        };
        read()?
            .into_iter()
            .map(open)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Publishes the configured terms as a new version if they are not those of the newest one, and opens the first epoch
/// of a new store. A network's first policy is always the genesis policy. Belongs in one transaction, after which [`PolicyBook::read`] gives what holds.
///
/// # Errors
/// See [`PolicyError`].
pub fn publish(
    transaction: &Transaction<'_>,
    terms: &Terms,
    network: &NetworkId,
    key: &SigningKey,
    now_ms: u64,
) -> Result<(), PolicyError> {
    let genesis = Policy::genesis(network.clone());
    let wanted = Policy {
        parameters: terms.parameters.clone(),
        models: terms.models.clone(),
        ..genesis.clone()
    };
    let book = PolicyBook::read(transaction, network, key)?;
    // A phone that has not met its server yet captures under the policy that is compiled into both.
    let policy = if book.current().is_none() && wanted != genesis {
        let first = write(transaction, genesis, key, now_ms)?;
        next_version(Some(&first), wanted, now_ms)
    } else {
        next_version(book.current(), wanted, now_ms)
    };
    if book.of_version(policy.version).is_some() {
        return Ok(());
    }
    let published = write(transaction, policy, key, now_ms)?;
    let open = || -> Result<(), StoreError> {
        transaction.execute(
            "INSERT INTO epochs (number, policy, opened_ms)
             SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM epochs)",
            params![FIRST_EPOCH, published.policy.version, now_ms],
        )?;
        Ok(())
    };
    Ok(open()?)
}

fn write(
    transaction: &Transaction<'_>,
    policy: Policy,
    key: &SigningKey,
    now_ms: u64,
) -> Result<Published, PolicyError> {
    let envelope = envelope::seal(&policy, &policy.network, key)?;
    let published = Published {
        sha256: policy.hash(),
        policy,
        envelope,
        superseded_ms: None,
    };
    let insert = || -> Result<(), StoreError> {
        transaction.execute(
            "INSERT INTO policies (version, sha256, envelope, published_ms) VALUES (?1, ?2, ?3, ?4)",
            params![published.policy.version, published.sha256.0, published.envelope, now_ms],
        )?;
        Ok(())
    };
    insert()?;
    tracing::info!(version = published.policy.version, sha256 = %published.sha256, bytes = published.envelope.len(), "published a policy");
    Ok(published)
}

/// The newest policy itself if it says what is wanted, else its successor. A first policy holds from the beginning of time.
/// A later one reaches back as far as captures may be late: a recorded drive is uploaded under the policy that its phone has
/// just read, whenever it was driven.
fn next_version(newest: Option<&Published>, wanted: Policy, now_ms: u64) -> Policy {
    let Some(Published { policy: newest, .. }) = newest else {
        return wanted;
    };
    let unchanged = Policy {
        version: newest.version,
        valid_from_ms: newest.valid_from_ms,
        ..wanted
    };
    if unchanged == *newest {
        return unchanged;
    }
    Policy {
        version: newest.version + 1,
        valid_from_ms: now_ms.saturating_sub(unchanged.parameters.latency_last_ms),
        ..unchanged
    }
}
