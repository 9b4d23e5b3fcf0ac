//! Every outside door on one page.
//!
//! The pipeline decides; what a phone, a desktop or a test has to bring stands here: time, chance, a place for files, the
//! network, keys, frames and detectors. None of the pipeline's stages reads a clock, opens a socket or makes a random number by
//! itself.

use std::io;
use std::path::{Path, PathBuf};

pub use wayhex_protocol::key::{SignError, Signer};
pub use wayhex_vision::Detector;

pub use crate::source::FrameSource;

use crate::failpoints::{STORAGE_CHMOD, STORAGE_DONE, STORAGE_MKDIR};

/// What time it is.
pub trait Clock: Send + Sync {
    /// The phone's wall clock, Unix milliseconds; it may be wrong, and is corrected by the server's.
    fn now_ms(&self) -> u64;

    /// Nanoseconds since an arbitrary start; never goes back.
    fn monotonic_ns(&self) -> u64;

    /// Lets this many milliseconds pass; a clock that is not the world's own does it at once.
    fn wait_ms(&self, ms: u64) {
        std::thread::sleep(std::time::Duration::from_millis(ms));
    }
}

/// A source of bytes that nobody can guess.
pub trait Random: Send + Sync {
    /// Fills `out` with random bytes.
    ///
    /// # Errors
    /// The system gave none; nothing may be drawn from what is in `out` then.
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness>;
}

/// The system's source of randomness failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct NoRandomness;

/// What the phone is connected by, as the platform tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkKind {
    /// A network that costs nothing by volume.
    Wifi,
    /// A network that costs by volume.
    Metered,
    /// None.
    Offline,
}

/// The state of the network, asked before each request.
pub trait NetworkState: Send + Sync {
    /// What the phone is connected by now.
    fn kind(&self) -> NetworkKind;
}

/// A state that does not change: a desktop's, as its user names it.
impl NetworkState for NetworkKind {
    fn kind(&self) -> NetworkKind {
        *self
    }
}

/// Moves one HTTP request and tells what it cost. It neither retries nor follows a redirect: the planner decides.
pub trait Transport: Send + Sync {
    /// Sends the request and waits for the answer or for the failure.
    fn exchange(&self, request: &Request<'_>) -> Exchange;
}

/// One request, complete: the transport adds nothing but what HTTP itself needs (`host`, `content-length`).
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: &'a str,
    /// Names in lower case, and values.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: Body<'a>,
    /// Bytes of body that the answer may have; more is [`TransportError::AnswerTooLarge`].
    pub answer_bytes_max: usize,
}

/// The methods that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
}

impl Method {
    /// The name in HTTP.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// What goes with a request.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Nothing.
    Empty,
    /// These bytes.
    Bytes(&'a [u8]),
    /// The bytes of a file, which is read while it is sent.
    File(&'a Path),
}

/// What came of a request, and what it cost whether or not it succeeded.
#[derive(Debug)]
pub struct Exchange {
    /// Bytes handed to the network: request line, headers and body. Never less than what left the phone above TCP.
    pub sent: u64,
    /// Bytes taken from the network: status line, headers and body.
    pub received: u64,
    /// The answer.
    pub outcome: Result<Answer, TransportError>,
}

/// An answer of whatever status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The server's `date`, Unix milliseconds (whole seconds), where it gave one.
    pub date_ms: Option<u64>,
    /// The body, or the part of it that came.
    pub body: Vec<u8>,
    /// Whether the body came whole.
    pub complete: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection; nothing was sent.
    #[error("no connection to {url}: {cause}")]
    NoConnection {
        /// Where to.
        url: String,
        /// What the network said.
        cause: String,
    },
    /// The connection broke, or time ran out; the server may have got all of it or nothing.
    #[error("the exchange with {url} broke off: {cause}")]
    Broken {
        /// Where to.
        url: String,
        /// What the network said.
        cause: String,
    },
    /// The answer has more bytes than it may.
    #[error("the answer of {url} is longer than {limit} bytes")]
    AnswerTooLarge {
        /// Where from.
        url: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The request itself is none: a bad address, or a file that cannot be read.
    #[error("the request to {url} cannot be made: {cause}")]
    Unsendable {
        /// Where to.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// The folder that is the phone's own: key, queue and frozen uploads lie in it, readable by nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoragePath(PathBuf);

impl StoragePath {
    /// Makes the folder where it is missing, and closes it to all but its owner, whoever made it.
    ///
    /// # Errors
    /// The folder cannot be made or closed.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        STORAGE_MKDIR.hit();
        builder.create(path)?;
        STORAGE_CHMOD.hit();
        #[cfg(unix)]
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        STORAGE_DONE.hit();
        Ok(Self(path.to_owned()))
    }

    /// The folder.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The file of the software key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.0.join("device.key")
    }

    /// The database of queue, places and usage.
    #[must_use]
    pub fn queue(&self) -> PathBuf {
        self.0.join("queue.sqlite")
    }

    /// The folder of frozen uploads.
    #[must_use]
    pub fn uploads(&self) -> PathBuf {
        self.0.join("uploads")
    }
}
