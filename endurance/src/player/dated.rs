//! The real transport, whose answers are dated by the phone's clock: a server's own date would make every run differ.

use std::sync::atomic::{AtomicBool, Ordering};

use wayhex_device::ports::{Clock, Exchange, Request, Transport};
use wayhex_device::upload::http::HttpTransport;

use super::ports::GivenClock;

/// Real HTTP with other dates.
pub struct Dated<'c> {
    http: HttpTransport,
    clock: &'c GivenClock,
    ahead_ms: i64,
    has_met: AtomicBool,
}

impl<'c> Dated<'c> {
    /// Answers say that the server's clock is so many milliseconds ahead.
    pub fn new(http: HttpTransport, clock: &'c GivenClock, ahead_ms: i64) -> Self {
        Self {
            http,
            clock,
            ahead_ms,
            has_met: AtomicBool::new(false),
        }
    }

    /// Whether the server has told its policy.
    pub fn has_met(&self) -> bool {
        self.has_met.load(Ordering::SeqCst)
    }
}

impl Transport for Dated<'_> {
    fn exchange(&self, request: &Request<'_>) -> Exchange {
        let mut exchange = self.http.exchange(request);
        if let Ok(answer) = &mut exchange.outcome {
            answer.date_ms = Some(self.clock.now_ms().saturating_add_signed(self.ahead_ms));
            let told = answer.status == 200 && answer.complete;
            if told && request.url.ends_with("/v1/policy") {
                self.has_met.store(true, Ordering::SeqCst);
            }
        }
        exchange
    }
}
