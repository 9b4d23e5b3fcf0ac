//! `[receive]`

use serde::Deserialize;

use super::ConfigError;

/// What the server takes from whom at a time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiveConfig {
    /// Uploads at a time; a further one is answered 503 `server_busy`. Bounds memory: some 10 MiB each.
    pub uploads_max: usize,
    /// Seconds within which the next bytes of an upload must come.
    pub pause_max_s: u64,
    /// Seconds that an upload may take as a whole: 16 MiB at 256 kbit/s need 525.
    pub upload_max_s: u64,
}

impl Default for ReceiveConfig {
    fn default() -> Self {
        Self {
            uploads_max: 32,
            pause_max_s: 30,
            upload_max_s: 600,
        }
    }
}

impl ReceiveConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.uploads_max == 0 {
            return Err(ConfigError::value("receive.uploads_max", "at least 1"));
        }
        if self.pause_max_s == 0 {
            return Err(ConfigError::value("receive.pause_max_s", "at least 1"));
        }
        if self.upload_max_s == 0 {
            return Err(ConfigError::value("receive.upload_max_s", "at least 1"));
        }
        Ok(())
    }
}
