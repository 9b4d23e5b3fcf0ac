//! A request's body at the pace that the server allows.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::StatusCode;
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::ReceiveConfig;
use crate::problem::Problem;

/// How long, and how many bytes (1 MiB), a refused body is still read and thrown away: a connection that is closed on unread
/// bytes is reset, and the phone may lose the answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 1_024 * 1_024;

/// Bytes a second that a sender must keep up on average (8 kbit/s), a fraction of the oldest mobile network: whoever sends a
/// byte now and then would hold an upload's place for its whole time.
const RATE_MIN_BYTES_S: u64 = 1_024;
/// How long a sender may be slower in all: a phone that loses its network for a moment goes on afterwards.
const SLOW_MAX: Duration = Duration::from_secs(30);

/// How long is still waited for a sender that was waited for so long and sent so much.
fn patience_left(bytes: u64, waited: Duration) -> Duration {
    let earned = Duration::from_secs(bytes / RATE_MIN_BYTES_S);
    (SLOW_MAX + earned).saturating_sub(waited)
}

/// A body whose sender may pause only so long and be only so slow.
pub(super) struct PacedBody {
    body: Body,
    pause_max: Duration,
    deadline: Instant,
    /// How long it was waited for the sender, and what came.
    waited: Duration,
    bytes: u64,
}

impl PacedBody {
    pub(super) fn new(body: Body, limits: &ReceiveConfig) -> Self {
        Self {
            body,
            pause_max: Duration::from_secs(limits.pause_max_s),
            deadline: Instant::now() + Duration::from_secs(limits.upload_max_s),
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// The connection broke, or the sender is too slow (408 `body_timeout`).
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        let begun = Instant::now();
        let patience = self.pause_max.min(patience_left(self.bytes, self.waited));
        let until = self.deadline.min(begun + patience);
        let came = timeout_at(until, next(&mut self.body)).await;
        // Only what the sender takes counts: a server that is busy does not read.
        self.waited += begun.elapsed();
        match came {
            Ok(Ok(Some(chunk))) => {
                self.bytes += chunk.len() as u64;
                Ok(Some(chunk))
            }
            Ok(other) => other,
            Err(_elapsed) => Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                "the body came too slowly",
            )),
        }
    }

    /// The whole of a small body.
    ///
    /// # Errors
    /// It is longer than `limit` bytes (413 `too_large`), or see [`Self::chunk`].
    pub(super) async fn whole(mut self, limit: usize) -> Result<Vec<u8>, Problem> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if whole.len() + chunk.len() > limit {
                self.linger();
                return Err(too_large(limit));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }

    /// Reads on for a moment while the answer is under way.
    pub(super) fn linger(mut self) {
        tokio::spawn(async move {
            let mut bytes = 0;
            let discard = async {
                while let Ok(Some(chunk)) = next(&mut self.body).await {
                    bytes += chunk.len();
                    if bytes > LINGER_BYTES_MAX {
                        return;
                    }
                }
            };
            // Both ends are alike: the time is over, or there is nothing more to discard.
            drop(timeout(LINGER, discard).await);
        });
    }
}

pub(super) fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("the body may have {limit} bytes"),
    )
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        let Some(frame) = frame else {
            return Ok(None);
        };
        let frame = frame.map_err(|error| {
            Problem::bad_request("body_broken", format!("the body broke off: {error}"))
        })?;
        // What is no data is trailers, which say nothing here.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_keeps_its_place_as_long_as_it_keeps_up_the_least_rate() {
        let seconds = Duration::from_secs;
        assert_eq!(patience_left(0, Duration::ZERO), SLOW_MAX);
        assert_eq!(patience_left(0, seconds(31)), Duration::ZERO);
        let steady = |s: u64| patience_left(s * RATE_MIN_BYTES_S, seconds(s));
        assert!((0..600).all(|s| steady(s) == SLOW_MAX));
        let trickling = |s: u64| patience_left(s / 29, seconds(s));
        assert_eq!(trickling(60), Duration::ZERO, "a byte now and then");
    }
}
