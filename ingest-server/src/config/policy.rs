//! `[policy]`

use std::collections::BTreeMap;

use serde::Deserialize;
use wayhex_protocol::policy::Parameters;

use super::ConfigError;

/// The policy's parameters that are to differ from genesis, by their names in `wire.md`. Changing them publishes a new
/// version of the policy at the next start; the epoch that is open is still scored by the version it was opened with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct PolicyConfig {
    overrides: BTreeMap<String, u64>,
}

impl PolicyConfig {
    /// The genesis parameters with the overrides put in.
    ///
    /// # Errors
    /// A name that no parameter has.
    pub fn parameters(&self) -> Result<Parameters, ConfigError> {
        let mut parameters = Parameters::default();
        for (name, value) in &self.overrides {
            let Some(parameter) = parameters.get_mut(name) else {
                return Err(ConfigError::value(
                    format!("policy.{name}"),
                    "the policy has no parameter of this name",
                ));
            };
            *parameter = *value;
        }
        Ok(parameters)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let parameters = self.parameters()?;
        // The database counts in signed 64 bits, as does every sum of these.
        let beyond = |(_, value): &(&str, u64)| i64::try_from(*value).is_err();
        if let Some((name, _)) = parameters.entries().into_iter().find(beyond) {
            return Err(ConfigError::value(
                format!("policy.{name}"),
                "at most 2^63 - 1",
            ));
        }
        Ok(())
    }
}
