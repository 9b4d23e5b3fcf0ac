//! `[store]`

use std::path::PathBuf;

use serde::Deserialize;

/// Where the server keeps what it accepts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The folder of the database, the pictures and the keys; made when it is not there. It must be on a local disk.
    pub folder: PathBuf,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("wayhex-store"),
        }
    }
}
