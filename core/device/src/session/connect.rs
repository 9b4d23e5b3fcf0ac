//! Meets the server: its policy, its key, the registration.

use super::{Notice, Session};
use crate::cpu::in_this_process;
use crate::ports::{Clock, Signer};
use crate::upload::ask::ServerError;
use crate::upload::batches::Batches;
use crate::upload::plan::backoff_ms;
use crate::upload::server::{Known, Server};

/// Failures in a row after which this session gives up on the network; with full jitter they take half a minute together.
const FAILURES_MAX: u32 = 6;
/// How often the stop flag is looked at while waiting, milliseconds.
const STOP_LOOK_MS: u64 = 100;

impl Session<'_> {
    /// Fetches the policy, so that what is captured next names it. A server that cannot be met now is met before the
    /// uploads.
    pub fn connect(&mut self) {
        let Some(server) = self.settings.server.clone() else {
            return;
        };
        let mut times = self.times;
        if let Err(error) = in_this_process(&mut times.upload, || self.meet(&server)) {
            tracing::info!(%error, "the server was not met yet");
        }
        self.times.upload = times.upload;
    }

    /// Meets the server, as often as it takes or makes sense; whether it was met.
    pub(super) fn meet_patiently(&mut self, server: &Server) -> bool {
        let mut failures = 0;
        loop {
            match self.meet(server) {
                Ok(()) => return true,
                Err(error) => {
                    failures += 1;
                    if !error.is_passing() || failures == FAILURES_MAX || self.stop.is_set() {
                        self.note_error(error.code(), server.origin(), error.to_string());
                        self.note_update(server);
                        return false;
                    }
                    let wait_ms = backoff_ms(failures, self.dice());
                    self.wait_ms(wait_ms);
                }
            }
        }
    }

    /// Takes what an earlier session knew of the server.
    pub(super) fn remember(&mut self) {
        let Some(server) = &self.settings.server else {
            return;
        };
        match server.remembered(&self.queue) {
            Ok(known) => self.known = known,
            // The server will say it again.
            Err(error) => tracing::warn!(%error, "what was known of the server is not used"),
        }
        match self.queue.server(server.origin()) {
            Ok(stored) => {
                let ahead_ms = stored.and_then(|stored| stored.clock_ahead_ms);
                self.gate.remember_ahead(ahead_ms.unwrap_or(0));
            }
            Err(error) => tracing::warn!(%error, "the server's clock is not known"),
        }
    }

    /// A server that cannot be met may have said before that it needs a newer app.
    fn note_update(&mut self, server: &Server) {
        let oldest = self.known.as_ref().and_then(Known::newer_version_needed);
        if let Some(oldest) = oldest {
            let error = update_needed(server, oldest);
            self.note_error(error.code(), server.origin(), error.to_string());
        }
    }

    fn meet(&mut self, server: &Server) -> Result<(), ServerError> {
        self.queue.make_way()?;
        if self.batches.is_none() {
            let visit = server.visit(&mut self.gate, &mut self.queue)?;
            if visit.newly_pinned {
                (self.notify)(Notice::Pinned(visit.known.key.thumbprint()));
            }
            self.known = Some(visit.known.clone());
            if let Some(oldest) = visit.known.newer_version_needed() {
                return Err(update_needed(server, oldest));
            }
            let signer: &dyn Signer = self.ports.signer;
            let device = signer.public_key().thumbprint();
            self.batches = Some(Batches::new(server.clone(), visit.known.key, device));
        }
        match self.settings.account.clone() {
            Some(account) => {
                let signer: &dyn Signer = self.ports.signer;
                server.register(&mut self.gate, &mut self.queue, signer, &account)
            }
            None => Ok(()),
        }
    }

    pub(super) fn dice(&self) -> u64 {
        let mut dice = [0; 8];
        // Without randomness the wait is the shortest; how often is tried is bounded.
        let filled = self.ports.random.fill(&mut dice);
        filled.map_or(0, |()| u64::from_le_bytes(dice))
    }

    /// Waits, or until the session is stopped.
    pub(super) fn wait_ms(&self, ms: u64) {
        let clock: &dyn Clock = self.ports.clock;
        let mut left_ms = ms;
        while left_ms > 0 && !self.stop.is_set() {
            let part_ms = left_ms.min(STOP_LOOK_MS);
            clock.wait_ms(part_ms);
            left_ms -= part_ms;
        }
    }
}

fn update_needed(server: &Server, oldest: u64) -> ServerError {
    ServerError::UpdateNeeded {
        origin: server.origin().to_owned(),
        oldest,
    }
}
