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

/// A body whose sender may pause only so long.
pub(super) struct PacedBody {
    body: Body,
    pause_max: Duration,
    deadline: Instant,
}

impl PacedBody {
    pub(super) fn new(body: Body, limits: &ReceiveConfig) -> Self {
        Self {
            body,
            pause_max: Duration::from_secs(limits.pause_max_s),
            deadline: Instant::now() + Duration::from_secs(limits.upload_max_s),
        }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// The connection broke, or the sender is too slow (408 `body_timeout`).
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        let until = self.deadline.min(Instant::now() + self.pause_max);
        match timeout_at(until, next(&mut self.body)).await {
            Ok(chunk) => chunk,
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
