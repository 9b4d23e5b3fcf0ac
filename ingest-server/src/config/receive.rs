//! `[receive]`

use serde::Deserialize;

use super::{ConfigError, within};

/// Uploads at a time at most: 40 GiB of memory.
const UPLOADS_MOST: usize = 4_096;
/// Seconds of a pause at most (an hour): no network comes back to a connection after that.
const PAUSE_MOST_S: u64 = 3_600;
/// Seconds of an upload at most (a day): 16 MiB at 1.6 kbit/s.
const UPLOAD_MOST_S: u64 = 86_400;

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
        within("receive.uploads_max", self.uploads_max, &(1..=UPLOADS_MOST))?;
        within("receive.pause_max_s", self.pause_max_s, &(1..=PAUSE_MOST_S))?;
        within(
            "receive.upload_max_s",
            self.upload_max_s,
            &(1..=UPLOAD_MOST_S),
        )
    }
}
