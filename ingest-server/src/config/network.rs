//! `[network]`

use serde::Deserialize;
use wayhex_protocol::id::NetworkId;

use super::ConfigError;

/// Which network the server serves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkConfig {
    /// The network's id, `[a-z0-9-]{1,32}`: part of every signature, never to be changed for a store in use.
    pub id: String,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            id: "wayhex-dev".to_owned(),
        }
    }
}

impl NetworkConfig {
    /// The id, parsed.
    ///
    /// # Errors
    /// It breaks its grammar.
    pub fn network(&self) -> Result<NetworkId, ConfigError> {
        NetworkId::parse(&self.id)
            .map_err(|error| ConfigError::value("network.id", error.to_string()))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.network().map(drop)
    }
}
