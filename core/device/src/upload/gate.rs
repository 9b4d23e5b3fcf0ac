//! The one way to the network: the driver's rules are asked before each request, and what it costs is booked.

use reqwest::Url;

use super::cost::cost_max;
use super::plan::{Hold, Rules};
use crate::ports::{Clock, Exchange, NetworkState, Request, Transport};
use crate::queue::{Queue, QueueError};

/// Moves requests that the rules allow.
pub struct Gate<'p> {
    transport: &'p dyn Transport,
    network: &'p dyn NetworkState,
    clock: &'p dyn Clock,
    rules: Rules,
    traffic: Traffic,
}

/// What passed since the gate was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent, headers included.
    pub sent: u64,
    /// Bytes received, headers included.
    pub received: u64,
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
        let now_ms = self.clock.now_ms();
        if self.room(queue)? < cost_max {
            return Err(Hold::DataCap.into());
        }
        queue.book(now_ms, cost_max)?;
        let exchange = self.transport.exchange(request);
        self.traffic.sent += exchange.sent;
        self.traffic.received += exchange.received;
        queue.settle_booking(now_ms, cost_max, exchange.sent + exchange.received)?;
        Ok(exchange)
    }

    /// Bytes that may still pass.
    ///
    /// # Errors
    /// The rule that forbids any, or the queue's error.
    pub fn room(&self, queue: &Queue) -> Result<u64, GateError> {
        let month_bytes = queue.traffic_bytes(self.clock.now_ms())?;
        Ok(self.rules.room(self.network.kind(), month_bytes)?)
    }

    /// What has passed.
    #[must_use]
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The clock that it books by.
    #[must_use]
    pub fn clock(&self) -> &'p dyn Clock {
        self.clock
    }
}
