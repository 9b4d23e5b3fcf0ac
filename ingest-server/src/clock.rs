//! The server's clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in Unix milliseconds; 0 for a clock that stands before 1970, which makes every capture one of the future.
#[must_use]
pub fn now_ms() -> u64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
