//! The configuration: one struct for each section of the TOML file, each with a default, so that the server runs with no
//! file at all.
//!
//! Sources, the later one winning: the defaults, the file given by `--config`, and the environment, where
//! `WAYHEX_SERVER__SECTION__KEY` stands for `key` of `[section]`. An unknown key or a wrong value stops the start, and the
//! error names it.

mod network;
mod policy;
mod receive;
mod server;
mod store;

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use config::{Environment, File, FileFormat};
use serde::Deserialize;

pub use network::NetworkConfig;
pub use policy::PolicyConfig;
pub use receive::ReceiveConfig;
pub use server::ServerConfig;
pub use store::StoreConfig;

const ENVIRONMENT_PREFIX: &str = "WAYHEX_SERVER";
const ENVIRONMENT_SEPARATOR: &str = "__";

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the server listens and under which names it is known.
    pub server: ServerConfig,
    /// Which network it serves.
    pub network: NetworkConfig,
    /// Where it keeps what it accepts.
    pub store: StoreConfig,
    /// What it takes from whom at a time.
    pub receive: ReceiveConfig,
    /// What the policy says other than genesis.
    pub policy: PolicyConfig,
}

/// Why the configuration cannot be used; each names the key or the file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key is unknown, or its value of another type.
    #[error("the configuration is wrong: {0}")]
    Source(#[from] config::ConfigError),
    /// A value that the server cannot run with.
    #[error("{key}: {cause}")]
    Value {
        /// The key, as `section.key`.
        key: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl ConfigError {
    pub(crate) fn value(key: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::Value {
            key: key.into(),
            cause: cause.into(),
        }
    }
}

/// Refuses a value outside its bounds, by the key that it stands under.
fn within<T: Copy + PartialOrd + Display>(
    key: &str,
    value: T,
    bounds: &RangeInclusive<T>,
) -> Result<(), ConfigError> {
    if bounds.contains(&value) {
        return Ok(());
    }
    let (least, most) = (bounds.start(), bounds.end());
    let cause = format!("{value} is not within {least} and {most}");
    Err(ConfigError::value(key, cause))
}

impl Config {
    /// Reads the file, if one is given, and the environment of this process.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let text = match file {
            Some(path) => std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
                path: path.to_owned(),
                source,
            })?,
            None => String::new(),
        };
        Self::read(&text, Environment::default())
    }

    /// Reads a file's text alone.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let nothing = Environment::default().source(Some(config::Map::new()));
        Self::read(text, nothing)
    }

    fn read(text: &str, environment: Environment) -> Result<Self, ConfigError> {
        let environment = environment
            .prefix(ENVIRONMENT_PREFIX)
            .prefix_separator(ENVIRONMENT_SEPARATOR)
            .separator(ENVIRONMENT_SEPARATOR)
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("server.origins")
            .with_list_parse_key("policy.models");
        let config: Self = config::Config::builder()
            .add_source(File::from_str(text, FileFormat::Toml))
            .add_source(environment)
            .build()?
            .try_deserialize()?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.server.check()?;
        self.network.check()?;
        self.receive.check()?;
        self.policy.check()
    }
}
