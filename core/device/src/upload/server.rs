//! One server, and what is said to it apart from uploads: its policy, the registration, the freshness of units.
//!
//! Its key is pinned: by the driver, else by the first use. A server with another key is not spoken to; a 200 that is not signed
//! by the pinned key, such as a captive portal's, changes nothing.

use std::collections::BTreeMap;

use reqwest::Url;
use serde::Deserialize;
use wayhex_protocol::account::Account;
use wayhex_protocol::batch::SignedPolicy;
use wayhex_protocol::envelope::{open, seal};
use wayhex_protocol::id::{DeviceId, NetworkId, Nonce};
use wayhex_protocol::key::{PublicKey, Signer};
use wayhex_protocol::limits::POLICY_BYTES_MAX;
use wayhex_protocol::micros::Micros;
use wayhex_protocol::policy::Policy;
use wayhex_protocol::registration::Registration;
use wayhex_protocol::unit::{CellId, Quadrant, Unit};

use super::WIRE_VERSION_NUMBER;
use super::ask::{SMALL_ANSWER_BYTES_MAX, ServerError, ask, json, not_asked_for};
use super::gate::Gate;
use crate::ports::{Answer, Body, Method};
use crate::queue::Queue;

/// Cells that one question about freshness may name: the server's limit.
const FRESHNESS_CELLS_MAX: usize = 500;
/// Bytes of an answer about freshness: four quadrants of each cell in a line of JSON.
const FRESHNESS_BYTES_MAX: usize = FRESHNESS_CELLS_MAX * 4 * 96 + 1_024;

/// A server as the driver names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    origin: String,
    network: NetworkId,
    expected_key: Option<DeviceId>,
}

/// A server's key and policy, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The key that its receipts are verified with.
    pub key: PublicKey,
    /// The policy that it has published.
    pub policy: Policy,
}

/// What a visit to a server's policy gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The server, verified.
    pub known: Known,
    /// Whether its key was pinned by this visit.
    pub newly_pinned: bool,
}

/// F of the open epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The epoch that is open.
    pub epoch: u64,
    /// The units that are not wholly fresh.
    pub units: BTreeMap<Unit, Micros>,
}

/// An address that is no server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("server address {text:?} is not http(s)://host[:port]")]
pub struct AddressError {
    text: String,
}

impl Server {
    /// A server by its address; `expected_key` is the thumbprint of its key where the driver knows it.
    ///
    /// # Errors
    /// The address is not of the form `http(s)://host[:port]`.
    pub fn new(
        address: &str,
        network: NetworkId,
        expected_key: Option<DeviceId>,
    ) -> Result<Self, AddressError> {
        let wrong = || AddressError {
            text: address.chars().take(256).collect(),
        };
        let url = Url::parse(address).map_err(|_no_url| wrong())?;
        let bare =
            matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !bare {
            return Err(wrong());
        }
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            network,
            expected_key,
        })
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The network it is believed to serve.
    #[must_use]
    pub const fn network(&self) -> &NetworkId {
        &self.network
    }

    /// A path's whole address.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// What an earlier visit left: no request is made. `None` where there was none, or where the driver has pinned another key since.
    ///
    /// # Errors
    /// The queue failed, or holds no policy where one should be.
    pub fn remembered(&self, queue: &Queue) -> Result<Option<Known>, ServerError> {
        let Some(stored) = queue.server(&self.origin)? else {
            return Ok(None);
        };
        let known = self.verified("stored policy", &stored.policy)?;
        let expected = self.expected_key.unwrap_or_else(|| known.key.thumbprint());
        Ok((known.key.thumbprint() == expected).then_some(known))
    }

    /// Fetches the policy, checks the server's key against the pinned one, or pins it.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn visit(&self, gate: &mut Gate<'_>, queue: &mut Queue) -> Result<Visit, ServerError> {
        let url = self.url("/v1/policy");
        let answer = ask(
            gate,
            queue,
            Method::Get,
            &url,
            Body::Empty,
            POLICY_BYTES_MAX + 1_024,
        )?;
        let known = self.verified(&url, &answer.body)?;
        let found = known.key.thumbprint();
        let pinned = match self.expected_key {
            Some(expected) => Some(expected),
            None => match queue.server(&self.origin)? {
                Some(stored) => Some(key_of(&url, &stored.key)?.thumbprint()),
                None => None,
            },
        };
        match pinned {
            Some(pinned) if pinned != found => Err(ServerError::KeyMismatch {
                origin: self.origin.clone(),
                pinned,
                found,
            }),
            _ => {
                let known = self.take_in(gate, queue, known, &answer)?;
                Ok(Visit {
                    known,
                    newly_pinned: pinned.is_none(),
                })
            }
        }
    }

    /// Remembers a verified policy, and hears the time with it. One that is older than what was seen before comes from a cache, or
    /// from somebody who wants it back: the newer one stands, and the answer's time is not believed.
    fn take_in(
        &self,
        gate: &mut Gate<'_>,
        queue: &mut Queue,
        known: Known,
        answer: &Answer,
    ) -> Result<Known, ServerError> {
        let before = self.remembered(queue).ok().flatten();
        if let Some(before) = before
            && before.key == known.key
            && before.policy.version > known.policy.version
        {
            return Ok(before);
        }
        queue.remember_policy(&self.origin, &known.key_bytes(), &answer.body)?;
        if let Some(date_ms) = answer.date_ms {
            gate.hear_time(date_ms);
            queue.remember_clock(&self.origin, gate.ahead_ms().unwrap_or(0))?;
        }
        Ok(known)
    }

    /// Binds the device to an account, unless the server is known to have it so.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn register(
        &self,
        gate: &mut Gate<'_>,
        queue: &mut Queue,
        signer: &dyn Signer,
        account: &Account,
    ) -> Result<(), ServerError> {
        #[derive(Deserialize)]
        struct NonceAnswer {
            nonce: String,
        }
        let stored = queue.server(&self.origin)?;
        let bound = stored.as_ref().and_then(|stored| stored.account.as_deref());
        if bound == Some(account.as_str()) {
            return Ok(());
        }
        let binding = stored.map_or(0, |stored| stored.binding) + 1;
        let url = self.url("/v1/devices/nonce");
        let answer = ask(
            gate,
            queue,
            Method::Post,
            &url,
            Body::Empty,
            SMALL_ANSWER_BYTES_MAX,
        )?;
        let nonce: NonceAnswer = json(&url, &answer)?;
        let nonce = Nonce::from_hex(&nonce.nonce)
            .ok_or_else(|| not_asked_for(&url, "the nonce is not 64 hexadecimal digits"))?;
        let registration = Registration {
            key: signer.public_key(),
            nonce,
            origin: self.origin.clone(),
            network: self.network.clone(),
            account: account.clone(),
            binding,
        };
        let envelope = seal(&registration, &self.network, signer)?;
        let url = self.url("/v1/devices");
        ask(
            gate,
            queue,
            Method::Post,
            &url,
            Body::Bytes(&envelope),
            SMALL_ANSWER_BYTES_MAX,
        )?;
        queue.remember_registration(&self.origin, account.as_str(), binding)?;
        Ok(())
    }

    /// F of units in these cells, as the open epoch began with it.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn freshness(
        &self,
        gate: &mut Gate<'_>,
        queue: &mut Queue,
        cells: &[CellId],
    ) -> Result<Freshness, ServerError> {
        let mut freshness = Freshness::default();
        for part in cells.chunks(FRESHNESS_CELLS_MAX) {
            let names: Vec<String> = part.iter().map(|cell| cell.to_hex()).collect();
            let url = self.url(&format!("/v1/freshness?cells={}", names.join(",")));
            let answer = ask(
                gate,
                queue,
                Method::Get,
                &url,
                Body::Empty,
                FRESHNESS_BYTES_MAX,
            )?;
            let answer: FreshnessAnswer = json(&url, &answer)?;
            freshness.epoch = freshness.epoch.max(answer.epoch);
            for unit in &answer.units {
                let (unit, micros) = unit
                    .read()
                    .ok_or_else(|| not_asked_for(&url, "a unit cannot be read"))?;
                freshness.units.insert(unit, micros);
            }
        }
        Ok(freshness)
    }

    fn verified(&self, url: &str, bytes: &[u8]) -> Result<Known, ServerError> {
        let wrong = |cause: String| not_asked_for(url, &cause);
        let signed = SignedPolicy::from_bytes(bytes).map_err(|source| wrong(source.to_string()))?;
        let key = key_of(url, &signed.server_key)?;
        let opened = open::<Policy>(&signed.envelope, &self.network, |kid| {
            (key.thumbprint() == kid).then(|| key.clone())
        })
        .map_err(|source| wrong(source.to_string()))?;
        let policy = opened.message;
        if policy.network != self.network {
            let other = policy.network.as_str();
            let cause = format!("it is for network {other}, not {}", self.network.as_str());
            return Err(wrong(cause));
        }
        Ok(Known { key, policy })
    }
}

impl Known {
    /// The oldest wire version that the server accepts, where this app's is older: nothing that is sent would be taken.
    #[must_use]
    pub fn newer_version_needed(&self) -> Option<u64> {
        let oldest = self.policy.parameters.version_min;
        (oldest > WIRE_VERSION_NUMBER).then_some(oldest)
    }

    fn key_bytes(&self) -> Vec<u8> {
        wayhex_protocol::cbor::Wire::to_bytes(&self.key)
    }
}

#[derive(Deserialize)]
struct FreshnessAnswer {
    epoch: u64,
    units: Vec<FreshnessUnit>,
}

#[derive(Deserialize)]
struct FreshnessUnit {
    cell: String,
    quadrant: u8,
    freshness_micros: String,
}

impl FreshnessUnit {
    fn read(&self) -> Option<(Unit, Micros)> {
        let unit = Unit {
            cell: CellId::from_hex(&self.cell)?,
            quadrant: Quadrant::from_number(self.quadrant)?,
        };
        Some((unit, Micros(self.freshness_micros.parse().ok()?)))
    }
}

fn key_of(url: &str, bytes: &[u8]) -> Result<PublicKey, ServerError> {
    PublicKey::from_bytes(bytes).map_err(|source| not_asked_for(url, &source.to_string()))
}
