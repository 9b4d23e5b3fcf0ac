//! How long to wait after a failure, and how small the next batch is.

use wayhex_protocol::id::ObservationId;

use super::ask::ServerError;
use super::plan::backoff_ms;
use crate::queue::{Contents, WAIT_LONGEST_MS};

/// How often an item is sent before it is put off, if it is alone in its batch and not answered for: once may be the network's
/// doing, and twice.
const TRIES_ALONE_MAX: u32 = 3;
/// How long an item is put off then, milliseconds; it doubles with each further time, up to [`WAIT_LONGEST_MS`]. So an outage
/// that met few items costs seconds, and an item that half a batch failed for waits minutes.
const PUT_OFF_BASE_MS: u64 = 10_000;
/// The least wait before a server is asked for an upload that broke off, milliseconds: it may be taking in what arrived.
const ASK_WAIT_MS: u64 = 1_000;

/// When a step is made, and the random number that its wait is drawn from.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub now_ms: u64,
    pub dice: u64,
}

/// What the last steps came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    /// Failures in a row, which make the next batch smaller.
    failures: u32,
    /// Those, and the times that the server wanted items later: they make the wait longer.
    waits: u32,
    not_before_ms: u64,
}

impl Patience {
    /// Failures in a row.
    pub const fn failures(self) -> u32 {
        self.failures
    }

    /// Until when to wait, Unix milliseconds.
    pub const fn not_before_ms(self) -> u64 {
        self.not_before_ms
    }

    /// The same at this time: a wait beyond the longest was made by a clock that has gone back since.
    pub fn not_before_at(self, now_ms: u64) -> u64 {
        let is_over = self.not_before_ms > now_ms.saturating_add(WAIT_LONGEST_MS);
        if is_over { 0 } else { self.not_before_ms }
    }

    /// All is well.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// A step failed.
    pub fn failed(&mut self, moment: Moment, error: &ServerError) {
        self.failures = self.failures.saturating_add(1);
        match error {
            // It is read and refused: a smaller batch may pass at once.
            error if error.is_of_content() => self.not_before_ms = moment.now_ms,
            ServerError::Transport(_) | ServerError::Answer { .. } => {
                self.wait(moment, ASK_WAIT_MS);
            }
            _ => self.wait(moment, 0),
        }
    }

    /// The server wants items later.
    pub fn later(&mut self, moment: Moment) {
        self.wait(moment, 0);
    }

    fn wait(&mut self, moment: Moment, least_ms: u64) {
        self.waits = self.waits.saturating_add(1);
        let wait_ms = least_ms + backoff_ms(self.waits, moment.dice);
        self.not_before_ms = moment.now_ms.saturating_add(wait_ms);
    }
}

/// The item that an upload was about alone, often enough and not answered for, and until when it is put off, Unix milliseconds.
pub(super) fn put_off(now_ms: u64, contents: &Contents) -> Option<(ObservationId, u64)> {
    let [(id, _)] = contents.names[..] else {
        return None;
    };
    let doublings = contents.attempts.checked_sub(TRIES_ALONE_MAX)?;
    let wait_ms = 1_u64
        .checked_shl(doublings)
        .map_or(WAIT_LONGEST_MS, |factor| {
            PUT_OFF_BASE_MS.saturating_mul(factor).min(WAIT_LONGEST_MS)
        });
    Some((id, now_ms.saturating_add(wait_ms)))
}
