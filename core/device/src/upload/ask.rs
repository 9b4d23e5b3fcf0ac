//! One question to a server, and what may come instead of the answer.

use serde::Deserialize;
use wayhex_protocol::id::DeviceId;

use super::WIRE_VERSION;
use super::gate::{Gate, GateError};
use crate::ports::{Answer, Body, Method, Request, TransportError};
use crate::queue::{Queue, QueueError};

/// Bytes of an answer that is a few fields of JSON, or a problem.
pub const SMALL_ANSWER_BYTES_MAX: usize = 8_192;
/// The status of an answer that wants a newer app.
pub const UPDATE_NEEDED: u16 = 426;

/// Why a server did not give what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The request did not leave.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// No answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// It said no.
    #[error("{url} answered {status} {code}: {detail}")]
    Problem {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The problem's code.
        code: String,
        /// What it said.
        detail: String,
    },
    /// It answered with something else than was asked for.
    #[error("the answer of {url} is not what was asked for: {cause}")]
    Answer {
        /// What was asked.
        url: String,
        /// What is wrong.
        cause: String,
    },
    /// It is not the server whose key is pinned.
    #[error(
        "the server at {origin} has the key {found}, and {pinned} is pinned; nothing is sent to it"
    )]
    KeyMismatch {
        /// The server.
        origin: String,
        /// The pinned key's thumbprint.
        pinned: DeviceId,
        /// Its key's thumbprint.
        found: DeviceId,
    },
    /// Its policy accepts only later versions of the wire than this app's.
    #[error(
        "the server at {origin} accepts version {oldest} of the wire and later, and this app speaks {WIRE_VERSION}; update the app"
    )]
    UpdateNeeded {
        /// The server.
        origin: String,
        /// The oldest version that it accepts.
        oldest: u64,
    },
    /// The device's key did not sign.
    #[error(transparent)]
    Sign(#[from] wayhex_protocol::key::SignError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl ServerError {
    /// The code in a summary's errors.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Gate(GateError::Held(hold)) => hold.code(),
            Self::Gate(GateError::Queue(_)) | Self::Queue(_) => "queue_failed",
            Self::Gate(GateError::Request { .. }) => "request_failed",
            Self::Transport(_) => "server_unreachable",
            Self::Problem { code, .. } => code,
            Self::Answer { .. } => "server_answer",
            Self::KeyMismatch { .. } => "server_key_mismatch",
            Self::UpdateNeeded { .. } => "version_too_old",
            Self::Sign(_) => "key_unavailable",
        }
    }

    /// Whether asking again in a while can help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            // The file of a frozen upload may be lost; its items are there, and are frozen anew.
            Self::Transport(_) | Self::Answer { .. } | Self::Gate(GateError::Request { .. }) => {
                true
            }
            Self::Problem { status, .. } => *status >= 500 || matches!(*status, 408 | 429),
            Self::Gate(_)
            | Self::KeyMismatch { .. }
            | Self::UpdateNeeded { .. }
            | Self::Sign(_)
            | Self::Queue(_) => false,
        }
    }

    /// Whether the server said no to the request as it is; a newer app would be heard.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Problem { status, .. } if *status != UPDATE_NEEDED)
    }

    /// Whether it is what was sent that the server did not take, rather than that it was sent now.
    #[must_use]
    pub fn is_of_content(&self) -> bool {
        matches!(self, Self::Problem { status, .. } if matches!(*status, 400 | 413 | 422))
    }
}

/// The headers that go with every request.
#[must_use]
pub fn common_headers() -> Vec<(String, String)> {
    [("accept", "*/*"), ("wayhex-version", WIRE_VERSION)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// The problem that an answer is, by RFC 9457 where it can be read so.
#[must_use]
pub fn problem_of(url: &str, answer: &Answer) -> ServerError {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Problem {
        code: String,
        detail: String,
    }
    let problem: Problem = serde_json::from_slice(&answer.body).unwrap_or_default();
    ServerError::Problem {
        url: url.to_owned(),
        status: answer.status,
        code: if problem.code.is_empty() {
            "server_answer".to_owned()
        } else {
            problem.code
        },
        detail: problem.detail,
    }
}

pub(super) fn ask(
    gate: &mut Gate<'_>,
    queue: &mut Queue,
    method: Method,
    url: &str,
    body: Body<'_>,
    answer_bytes_max: usize,
) -> Result<Answer, ServerError> {
    let mut headers = common_headers();
    if matches!(body, Body::Bytes(_)) {
        headers.push(("content-type".to_owned(), "application/cose".to_owned()));
    }
    let request = Request {
        method,
        url,
        headers: &headers,
        body,
        answer_bytes_max,
    };
    let answer = gate.pass(queue, &request)?.outcome?;
    match answer.status {
        200 if answer.complete => Ok(answer),
        200 => Err(not_asked_for(url, "it breaks off")),
        _ => Err(problem_of(url, &answer)),
    }
}

pub(super) fn json<T: for<'d> Deserialize<'d>>(
    url: &str,
    answer: &Answer,
) -> Result<T, ServerError> {
    serde_json::from_slice(&answer.body).map_err(|source| not_asked_for(url, &source.to_string()))
}

pub(super) fn not_asked_for(url: &str, cause: &str) -> ServerError {
    ServerError::Answer {
        url: url.to_owned(),
        cause: cause.to_owned(),
    }
}
