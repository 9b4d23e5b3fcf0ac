//! `[policy]`

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use wayhex_protocol::id::ModelHash;
use wayhex_protocol::limits::POLICY_MODELS_MAX;
use wayhex_protocol::observation::{Model, Role};
use wayhex_protocol::policy::Parameters;

use super::ConfigError;
use crate::policy::Terms;

const MODELS: &str = "models";

/// What the policy says other than genesis: parameters by their names in `wire.md`, and the detectors whose pictures are
/// accepted, each as `face:` or `plate:` and the SHA-256 of its file. Changing them publishes a new version of the policy at
/// the next start; the epoch that is open is still scored by the version it was opened with, and what was captured under an
/// older version is judged by that one for as long as docs/adr/0006 says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyConfig {
    overrides: BTreeMap<String, u64>,
    /// Absent: those of genesis.
    models: Option<Vec<String>>,
}

impl PolicyConfig {
    /// The terms of genesis with the overrides put in.
    ///
    /// # Errors
    /// A name that no parameter has, a value beyond its bound, or a list of models that no phone could meet.
    pub fn terms(&self) -> Result<Terms, ConfigError> {
        let mut terms = Terms::default();
        for (name, value) in &self.overrides {
            let Some(parameter) = terms.parameters.get_mut(name) else {
                return Err(ConfigError::value(
                    format!("policy.{name}"),
                    "the policy has no parameter of this name",
                ));
            };
            *parameter = *value;
        }
        check_bounds(&terms.parameters)?;
        if let Some(models) = &self.models {
            terms.models =
                parsed(models).map_err(|cause| ConfigError::value("policy.models", cause))?;
        }
        Ok(terms)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.terms().map(drop)
    }
}

fn check_bounds(parameters: &Parameters) -> Result<(), ConfigError> {
    match parameters.beyond() {
        None => Ok(()),
        Some(bound) => Err(ConfigError::value(
            format!("policy.{}", bound.name),
            format!("at most {} ({})", bound.max, bound.why),
        )),
    }
}

fn parsed(texts: &[String]) -> Result<Vec<Model>, String> {
    let models: Vec<Model> = texts
        .iter()
        .map(|text| model(text))
        .collect::<Result<_, _>>()?;
    if models.len() > POLICY_MODELS_MAX {
        return Err(format!("a policy names at most {POLICY_MODELS_MAX}"));
    }
    if models.iter().collect::<BTreeSet<_>>().len() < models.len() {
        return Err("one of them is named twice".to_owned());
    }
    if !models.iter().any(|model| model.role == Role::Face) {
        return Err(
            "no detector of faces is among them, without which no picture is accepted".to_owned(),
        );
    }
    Ok(models)
}

fn model(text: &str) -> Result<Model, String> {
    let role = |name: &str| {
        [Role::Face, Role::Plate]
            .into_iter()
            .find(|role| role.name() == name)
    };
    let parts = text.split_once(':');
    let model = parts.and_then(|(name, hash)| {
        Some(Model {
            role: role(name)?,
            sha256: ModelHash::from_hex(hash)?,
        })
    });
    model.ok_or_else(|| format!("{text:?} is not face: or plate: and the 64 digits of a SHA-256"))
}

/// By hand: a derived reader that takes the names of all parameters could not say which of them was wrong.
impl<'de> Deserialize<'de> for PolicyConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Section)
    }
}

struct Section;

impl<'de> Visitor<'de> for Section {
    type Value = PolicyConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parameters of the policy, and a list of models")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PolicyConfig, A::Error> {
        let mut config = PolicyConfig::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == MODELS {
                config.models = Some(map.next_value()?);
            } else {
                let value = map.next_value()?;
                config.overrides.insert(key, value);
            }
        }
        Ok(config)
    }
}
