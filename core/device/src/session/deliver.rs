//! Sends what the queue holds, until nothing is left, a rule forbids it, or the network has failed too often.

use std::collections::BTreeSet;

use wayhex_protocol::unit::CellId;

use super::{Notice, Session, SessionError};
use crate::cpu::in_this_process;
use crate::estimate::observed;
use crate::upload::ask::ServerError;
use crate::upload::batches::{Batches, Progress};
use crate::upload::server::Server;

/// The longest wait for an item that the server put off, milliseconds; longer ones are for a later session.
const WAIT_MAX_MS: u64 = 60_000;
/// Steps in a row that end no item, after which this session gives up: a batch of 64 halves six times before its bad item is alone
/// and is put off, and one step is for the network. With full jitter they take two minutes together.
const FRUITLESS_MAX: u32 = 8;
/// Cells that a session asks the freshness of, four questions of them: the driver's streets of some weeks. Those beyond it count as
/// wholly fresh in the estimate.
const FRESHNESS_CELLS_MAX: usize = 2_000;

/// Whether to go on.
enum Next {
    Step,
    End,
}

impl Session<'_> {
    /// Sends what is pending. What keeps items pending in the end stands in the report's errors.
    ///
    /// # Errors
    /// The queue failed.
    pub fn deliver(&mut self) -> Result<(), SessionError> {
        let Some(server) = self.settings.server.clone() else {
            return Ok(());
        };
        let mut times = self.times;
        let done = in_this_process(&mut times.upload, || self.deliver_to(&server));
        self.times.upload = times.upload;
        done
    }

    fn deliver_to(&mut self, server: &Server) -> Result<(), SessionError> {
        if self.settings.account.is_none() {
            let cause = "no account is named, so that the device cannot be registered".to_owned();
            self.note_error("no_account", server.origin(), cause);
            return Ok(());
        }
        if self.stop.is_set() || !self.meet_patiently(server) {
            return Ok(());
        }
        let (mut fruitless, mut done) = (0, 0);
        while !self.stop.is_set() {
            if !self.time_is_known(server)? {
                break;
            }
            self.keep_time()?;
            let Some(batches) = self.batches.as_mut() else {
                break;
            };
            let step = batches.step(&mut self.gate, &mut self.queue, self.ports.random);
            match self.after_step(server, step, &mut fruitless, &mut done)? {
                Next::Step => {}
                Next::End => break,
            }
        }
        self.note_unverified(server);
        if done > 0 {
            self.note_put_off()?;
        }
        self.note_held()?;
        self.ask_freshness(server)
    }

    /// A clock that was set while the process lives has to be compared with the server's again, before anything is dated by it.
    fn time_is_known(&mut self, server: &Server) -> Result<bool, SessionError> {
        if !self.gate.was_set() {
            return Ok(true);
        }
        match server.visit(&mut self.gate, &mut self.queue) {
            Ok(visit) => self.known = Some(visit.known),
            Err(ServerError::Queue(error)) => return Err(error.into()),
            Err(error) => {
                self.note_error(error.code(), server.origin(), error.to_string());
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Receipts that the pinned key did not sign ended no item; that they came at all has to be known.
    fn note_unverified(&mut self, server: &Server) {
        let counts = self.batches.as_ref().map(Batches::counts);
        let unverified = counts.unwrap_or_default().unverified;
        if unverified > 0 {
            let cause =
                format!("{unverified} receipts could not be verified, and count for nothing");
            self.note_error("receipts_unverified", server.origin(), cause);
        }
    }

    /// Where others were answered for, it is the item's doing, and not the server's.
    fn note_put_off(&mut self) -> Result<(), SessionError> {
        let put_off = self.batches.as_ref().map(|it| it.put_off().to_vec());
        for item in put_off.unwrap_or_default() {
            let stored = self.queue.item(item)?;
            if !stored.is_some_and(|stored| stored.state.is_pending()) {
                continue;
            }
            let cause =
                "sent alone it was not answered for; it is pending, and the others go before it"
                    .to_owned();
            self.note_error("item_unanswered", &item.to_string(), cause);
        }
        Ok(())
    }

    fn note_held(&mut self) -> Result<(), SessionError> {
        let held = self.queue.held(self.gate.now())?;
        if held > 0 {
            let cause = format!(
                "by the server's clock {held} items were captured in the future, or too long ago; they are kept and not sent"
            );
            let subject = self.store.as_path().display().to_string();
            self.note_error("clock", &subject, cause);
        }
        Ok(())
    }

    fn after_step(
        &mut self,
        server: &Server,
        step: Result<Progress, ServerError>,
        fruitless: &mut u32,
        done: &mut u64,
    ) -> Result<Next, SessionError> {
        match step {
            Ok(Progress::Moved { ended }) => {
                *fruitless += 1;
                self.count(ended, fruitless, done);
            }
            // What is left of the upload goes into smaller batches, which is some headway.
            Ok(Progress::Known { ended }) => self.count(ended, fruitless, done),
            Ok(Progress::NotRegistered) => {
                *fruitless += 1;
                if !self.meet_patiently(server) {
                    return Ok(Next::End);
                }
            }
            Ok(Progress::Failed(error)) => {
                *fruitless += 1;
                if *fruitless >= FRUITLESS_MAX {
                    self.note_error(error.code(), server.origin(), error.to_string());
                    return Ok(Next::End);
                }
            }
            Ok(Progress::Wait(wait_ms)) => {
                if wait_ms > WAIT_MAX_MS {
                    let cause = format!("what is left is sent in {wait_ms} ms again");
                    self.note_error("put_off", server.origin(), cause);
                    return Ok(Next::End);
                }
                self.wait_ms(wait_ms);
            }
            Ok(Progress::Held(hold)) => {
                self.note_error(hold.code(), server.origin(), hold.to_string());
                return Ok(Next::End);
            }
            Ok(Progress::Idle) => return Ok(Next::End),
            Err(ServerError::Queue(error)) => return Err(error.into()),
            Err(error) => {
                self.note_error(error.code(), server.origin(), error.to_string());
                return Ok(Next::End);
            }
        }
        if *fruitless < FRUITLESS_MAX {
            return Ok(Next::Step);
        }
        let cause = format!("{fruitless} steps in a row ended no item");
        self.note_error("put_off", server.origin(), cause);
        Ok(Next::End)
    }

    fn count(&mut self, ended: usize, fruitless: &mut u32, done: &mut u64) {
        if ended > 0 {
            *fruitless = 0;
        }
        *done += u64::try_from(ended).unwrap_or(u64::MAX);
        (self.notify)(Notice::Items { done: *done });
    }

    /// Asks for F of the units that the estimate is made over.
    fn ask_freshness(&mut self, server: &Server) -> Result<(), SessionError> {
        let Some(epoch) = self.queue.latest_epoch()? else {
            return Ok(());
        };
        let mut cells = BTreeSet::new();
        self.queue.earning(epoch, |item| {
            if cells.len() < FRESHNESS_CELLS_MAX {
                cells.extend(observed(item)?.1.cells);
            }
            Ok(())
        })?;
        let cells: Vec<CellId> = cells.into_iter().take(FRESHNESS_CELLS_MAX).collect();
        match server.freshness(&mut self.gate, &mut self.queue, &cells) {
            Ok(freshness) => self.freshness = freshness,
            Err(ServerError::Queue(error)) => return Err(error.into()),
            Err(error) => self.note_error(error.code(), server.origin(), error.to_string()),
        }
        Ok(())
    }
}
