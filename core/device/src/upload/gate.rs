//! The one way to the network: the driver's rules are asked before each request, and what it costs is booked.
//!
//! The gate also knows what time it is, since only what comes through it can tell: the phone's clock, put right by the server's.

use reqwest::Url;
use wayhex_protocol::limits::POLICY_BYTES_MAX;

use super::cost::cost_max;
use super::plan::{Hold, Rules};
use crate::failpoints::{ANSWER_CAME, ANSWER_TAKEN_IN, REQUEST_LEAVES};
use crate::ports::{Clock, Exchange, NetworkState, Request, Transport};
use crate::queue::{Now, Queue, QueueError};

/// What clocks may differ by before one is put right, milliseconds: a `date` tells whole seconds.
const CLOCK_DIFFERENCE_MS: u64 = 2_000;
/// What the phone's two clocks may differ by before the one that can be set was set, milliseconds (a minute). A phone that slept looks
/// like it, too, and asks for the time again.
const CLOCK_SET_MS: u64 = 60_000;
/// Bytes that one question may cost that asks a server for the time when the driver's cap is reached and the phone's clock says
/// that a new month has begun: a policy, and four times what HTTP and TLS add to it.
const TIME_QUESTION_BYTES_MAX: u64 = 65_536;
const _: () = assert!(POLICY_BYTES_MAX < 65_536 / 2);

/// Moves requests that the rules allow.
pub struct Gate<'p> {
    transport: &'p dyn Transport,
    network: &'p dyn NetworkState,
    clock: &'p dyn Clock,
    rules: Rules,
    traffic: Traffic,
    /// What the server told of the time last.
    heard: Option<Heard>,
    /// What it was ahead when it was last heard in an earlier run.
    ahead_before_ms: i64,
    /// Whether the question for the time was let through beyond the cap.
    asked_the_time: bool,
}

/// What passed since the gate was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent, headers included.
    pub sent: u64,
    /// Bytes received, headers included.
    pub received: u64,
}

/// What a server told of the time, and where the phone's clocks stood.
#[derive(Clone, Copy, Debug)]
struct Heard {
    ahead_ms: i64,
    phone_ms: u64,
    monotonic_ns: u64,
}

/// Why a request did not pass.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// A rule forbids it; not a byte was sent.
    #[error(transparent)]
    Held(#[from] Hold),
    /// Its cost could not be booked; not a byte was sent.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Its address is none, or its body cannot be read; not a byte was sent.
    #[error("the request to {url} cannot be made: {cause}")]
    Request {
        /// Where to.
        url: String,
        /// What is wrong.
        cause: String,
    },
}

impl<'p> Gate<'p> {
    /// A gate that has let nothing pass yet.
    #[must_use]
    pub fn new(
        transport: &'p dyn Transport,
        network: &'p dyn NetworkState,
        clock: &'p dyn Clock,
        rules: Rules,
    ) -> Self {
        Self {
            transport,
            network,
            clock,
            rules,
            traffic: Traffic::default(),
            heard: None,
            ahead_before_ms: 0,
            asked_the_time: false,
        }
    }

    /// Sends one request, if what it may cost at most is allowed, and books what it did cost.
    ///
    /// # Errors
    /// See [`GateError`]. A failure of the network is no error here: it has its cost, and is the exchange's outcome.
    pub fn pass(
        &mut self,
        queue: &mut Queue,
        request: &Request<'_>,
    ) -> Result<Exchange, GateError> {
        let unsendable = |cause: String| GateError::Request {
            url: request.url.to_owned(),
            cause,
        };
        let url = Url::parse(request.url).map_err(|source| unsendable(source.to_string()))?;
        let cost_max = cost_max(request, &url).map_err(|source| unsendable(source.to_string()))?;
        let now = self.booked_at();
        if self.room(queue)? < cost_max {
            return Err(Hold::DataCap.into());
        }
        self.asked_the_time = true;
        queue.book(now, cost_max)?;
        REQUEST_LEAVES.hit();
        let exchange = self.transport.exchange(request);
        ANSWER_CAME.hit();
        self.traffic.sent += exchange.sent;
        self.traffic.received += exchange.received;
        queue.settle_booking(now, cost_max, exchange.sent + exchange.received)?;
        ANSWER_TAKEN_IN.hit();
        Ok(exchange)
    }

    /// Bytes that may still pass. A month that only the phone's clock says has begun is not begun; but the first request of a run,
    /// which tells the time, may pass then, if a new month's cap had room for it.
    ///
    /// # Errors
    /// The rule that forbids any, or the queue's error.
    pub fn room(&self, queue: &Queue) -> Result<u64, GateError> {
        let now = self.booked_at();
        let kind = self.network.kind();
        let room = self.rules.room(kind, queue.traffic_bytes(now)?);
        let may_ask = match now {
            Now::Confirmed(_) => false,
            Now::Unconfirmed(ms) => !self.asked_the_time && queue.is_new_month(ms)?,
        };
        if !may_ask {
            return Ok(room?);
        }
        let room_then = self.rules.room(kind, 0)?.min(TIME_QUESTION_BYTES_MAX);
        Ok(room.unwrap_or(0).max(room_then))
    }

    /// What has passed.
    #[must_use]
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The phone's clock, put right by the server's once it has told the time, Unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now().ms()
    }

    /// The same, and whether a server has told it since this gate was made.
    #[must_use]
    pub fn now(&self) -> Now {
        let phone_ms = self.clock.now_ms();
        match self.ahead_ms() {
            Some(ahead_ms) => Now::Confirmed(phone_ms.saturating_add_signed(ahead_ms)),
            None => Now::Unconfirmed(phone_ms),
        }
    }

    /// What the server's clock is ahead of the phone's, milliseconds; `None` until it has told the time, and after the phone's clock
    /// was set, which often happens as soon as there is a network: the server has to tell it again then.
    #[must_use]
    pub fn ahead_ms(&self) -> Option<i64> {
        let heard = self.heard?;
        let passed_ms = self.clock.monotonic_ns().saturating_sub(heard.monotonic_ns) / 1_000_000;
        let expected_ms = heard.phone_ms.saturating_add(passed_ms);
        let is_set = self.clock.now_ms().abs_diff(expected_ms) > CLOCK_SET_MS;
        (!is_set).then_some(heard.ahead_ms)
    }

    /// Whether the phone's clock was set since the server told the time.
    #[must_use]
    pub fn was_set(&self) -> bool {
        self.heard.is_some() && self.ahead_ms().is_none()
    }

    /// What the server's clock was ahead of the phone's when it was heard before, milliseconds.
    #[must_use]
    pub const fn ahead_before_ms(&self) -> i64 {
        self.ahead_before_ms
    }

    /// Takes what the server's clock was ahead of the phone's when it was last heard, milliseconds.
    pub const fn remember_ahead(&mut self, ahead_ms: i64) {
        self.ahead_before_ms = ahead_ms;
    }

    /// Hears the server's time, Unix milliseconds, right after it was told. A difference that HTTP's whole seconds cannot tell is
    /// none. Says whether the clock has been put right by it.
    pub fn hear_time(&mut self, server_ms: u64) -> bool {
        let phone_ms = self.clock.now_ms();
        match (self.ahead_ms(), self.heard) {
            (Some(_), _) if self.now_ms().abs_diff(server_ms) < CLOCK_DIFFERENCE_MS => {
                return false;
            }
            // The clock was set: what is dated by what it was before can still be put right.
            (None, Some(before)) => self.ahead_before_ms = before.ahead_ms,
            _ => {}
        }
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let ahead_ms = if phone_ms.abs_diff(server_ms) < CLOCK_DIFFERENCE_MS {
            0
        } else {
            signed(server_ms).saturating_sub(signed(phone_ms))
        };
        self.heard = Some(Heard {
            ahead_ms,
            phone_ms,
            monotonic_ns: self.clock.monotonic_ns(),
        });
        true
    }

    fn booked_at(&self) -> Now {
        match self.now() {
            Now::Unconfirmed(ms) => {
                Now::Unconfirmed(ms.saturating_add_signed(self.ahead_before_ms))
            }
            confirmed @ Now::Confirmed(_) => confirmed,
        }
    }
}
