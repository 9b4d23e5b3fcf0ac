//! Sends what the queue holds, batch by batch, and takes in the receipts.
//!
//! Each call of [`Batches::step`] does one thing that [`super::plan`] decided on. An upload that broke off is asked for before
//! anything is sent again, so that a picture crosses the network about once. A batch that is not answered for halves; an item
//! that is not answered for alone is put off, and the others go before it. How often an item was sent is written down, so that
//! the next process goes on where this one stood.

use wayhex_protocol::id::{BatchId, DeviceId, ObservationId};
use wayhex_protocol::key::PublicKey;

use super::answers::{Answers, is_batch_unknown};
use super::ask::{SMALL_ANSWER_BYTES_MAX, ServerError, UPDATE_NEEDED, common_headers, problem_of};
use super::cost::body_part;
use super::gate::{Gate, GateError};
use super::patience::{Moment, Patience, put_off};
use super::plan::{Hold, Situation, Step, UnderWay, next_step};
use super::server::Server;
use crate::ports::{Answer, Body, Method, Random, Request, TransportError};
use crate::queue::{Contents, Queue, UploadTask, WaitUntil};

/// Bytes of one answer of a batch: a receipt of 256 bytes at most, its envelope, and two heads.
const ANSWER_BYTES_MAX: usize = 448;
/// How often a server may answer the question for an upload with something else, before its items are sent again without it.
const ASKS_MAX: u32 = 3;

/// Bytes that the answer to a batch of so many items may have; a problem instead has its room, too.
#[must_use]
pub fn answer_bytes_max(items: usize) -> usize {
    (items * ANSWER_BYTES_MAX).max(SMALL_ANSWER_BYTES_MAX)
}

/// The uploads to one server, for as long as the process lives.
#[derive(Debug)]
pub struct Batches {
    server: Server,
    server_key: PublicKey,
    device: DeviceId,
    patience: Patience,
    /// Questions for the upload under way that were answered with something else.
    asked_in_vain: u32,
    put_off: Vec<ObservationId>,
    counts: Counts,
}

/// What was sent and answered since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Batches that were answered whole.
    pub batches: u64,
    /// Times that a batch was sent, whole or in part.
    pub attempts: u64,
    /// Bytes of pictures that were sent, those sent again included.
    pub picture_bytes: u64,
    /// Receipts that repeated an earlier verdict.
    pub replayed: u64,
    /// Receipts that the pinned key did not sign, or that are for no item sent.
    pub unverified: u64,
}

/// How the uploads stand after a step.
#[derive(Debug)]
pub enum Progress {
    /// An upload was answered for as far as it was.
    Moved {
        /// Items that have ended by this step.
        ended: usize,
    },
    /// It is known what became of an upload that broke off: what is left of it is free for another batch.
    Known {
        /// Items that have ended by this step.
        ended: usize,
    },
    /// A step failed, and will be tried again after a wait.
    Failed(ServerError),
    /// The device has to be registered before anything else.
    NotRegistered,
    /// Nothing for so many milliseconds.
    Wait(u64),
    /// Nothing until a rule, the network or a clock changes.
    Held(Hold),
    /// Nothing is pending.
    Idle,
}

/// What to do when not every item has its answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Ask for it.
    IsAskedFor,
    /// Send it again.
    IsFree,
}

impl Batches {
    /// Uploads of a device to a server whose key is known.
    #[must_use]
    pub fn new(server: Server, server_key: PublicKey, device: DeviceId) -> Self {
        Self {
            server,
            server_key,
            device,
            patience: Patience::default(),
            asked_in_vain: 0,
            put_off: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// What was sent and answered.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Items that were put off since the start: sent alone, they were not answered for. They are pending still.
    #[must_use]
    pub fn put_off(&self) -> &[ObservationId] {
        &self.put_off
    }

    /// Does the next thing.
    ///
    /// # Errors
    /// What waiting does not mend: the queue, the disk, the server's demand for a newer app.
    pub fn step(
        &mut self,
        gate: &mut Gate<'_>,
        queue: &mut Queue,
        random: &dyn Random,
    ) -> Result<Progress, ServerError> {
        let now_ms = gate.now_ms();
        let mut dice = [0; 8];
        // Without randomness the wait is the shortest; how often is tried is bounded elsewhere.
        let dice = random
            .fill(&mut dice)
            .map_or(0, |()| u64::from_le_bytes(dice));
        let moment = Moment { now_ms, dice };
        let under_way = self.under_way(queue)?;
        let step = self.decide(gate, queue, under_way.as_ref())?;
        let done = match (step, under_way) {
            (Step::Send(items), _) => {
                let task = self.freeze(queue, &items)?;
                self.send(gate, queue, moment, &task)
            }
            (Step::SendFrozen, Some(task)) => self.send(gate, queue, moment, &task),
            (Step::Ask, Some(task)) => self.ask(gate, queue, moment, &task),
            (Step::Wait(until_ms), _) => {
                return Ok(Progress::Wait(until_ms.saturating_sub(now_ms)));
            }
            (Step::Held(hold), _) => return Ok(Progress::Held(hold)),
            (Step::Idle | Step::SendFrozen | Step::Ask, _) => return Ok(Progress::Idle),
        };
        match done {
            Err(ServerError::Gate(GateError::Held(hold))) => Ok(Progress::Held(hold)),
            // Smaller batches, or the same after a while, may pass whatever refused this one; only an old app stays old.
            Err(error) if error.is_passing() || error.is_refusal() => {
                self.patience.failed(moment, &error);
                Ok(Progress::Failed(error))
            }
            other => other,
        }
    }

    /// The upload under way to this server. One that was frozen for another address is not sent there: that server's key may not
    /// be the pinned one. Its items are free again.
    fn under_way(&self, queue: &mut Queue) -> Result<Option<UploadTask>, ServerError> {
        let Some(task) = queue.upload_under_way()? else {
            return Ok(None);
        };
        if task.url == self.batches_url() {
            return Ok(Some(task));
        }
        queue.settle(&task, &[], WaitUntil::default())?;
        Ok(None)
    }

    fn batches_url(&self) -> String {
        self.server.url("/v1/batches")
    }

    fn decide(
        &self,
        gate: &Gate<'_>,
        queue: &Queue,
        under_way: Option<&UploadTask>,
    ) -> Result<Step, ServerError> {
        let room = match gate.room(queue) {
            Ok(room) => Ok(room),
            Err(GateError::Held(hold)) => Err(hold),
            Err(other) => return Err(other.into()),
        };
        let now = gate.now();
        let next_sendable_ms = queue.next_sendable_ms(now)?;
        Ok(next_step(&Situation {
            now_ms: now.ms(),
            failures: self.patience.failures(),
            not_before_ms: self.patience.not_before_at(now.ms()),
            room,
            under_way: under_way.map(|task| {
                if task.doubtful {
                    UnderWay::Doubtful
                } else {
                    UnderWay::Unsent
                }
            }),
            sendable: &queue.sendable(now)?,
            next_sendable_ms,
            held: if next_sendable_ms.is_none() {
                queue.held(now)?
            } else {
                0
            },
        }))
    }

    fn freeze(
        &self,
        queue: &mut Queue,
        items: &[ObservationId],
    ) -> Result<UploadTask, ServerError> {
        let mut headers = common_headers();
        headers.push(("content-type".to_owned(), "application/cbor-seq".to_owned()));
        headers.push(("wayhex-batch".to_owned(), BatchId::of(items).to_string()));
        Ok(queue.freeze(items, &self.batches_url(), headers)?)
    }

    fn send(
        &mut self,
        gate: &mut Gate<'_>,
        queue: &mut Queue,
        moment: Moment,
        task: &UploadTask,
    ) -> Result<Progress, ServerError> {
        queue.mark_doubtful(task)?;
        self.asked_in_vain = 0;
        let contents = queue.contents(task)?;
        let request = Request {
            method: Method::Post,
            url: &task.url,
            headers: &task.headers,
            body: Body::File(&task.body_file),
            answer_bytes_max: answer_bytes_max(contents.names.len()),
        };
        let exchange = match gate.pass(queue, &request) {
            Ok(exchange) => exchange,
            Err(held) => {
                // Not a byte has left: the items are free for another batch, which may be smaller.
                queue.release(task)?;
                return Err(held.into());
            }
        };
        self.counts.attempts += u64::from(exchange.sent > 0);
        self.counts.picture_bytes += contents
            .picture_bytes
            .min(body_part(exchange.sent, &request));
        match exchange.outcome {
            Err(
                error @ (TransportError::NoConnection { .. } | TransportError::Unsendable { .. }),
            ) => {
                queue.release(task)?;
                Err(error.into())
            }
            // What arrived, and what the server made of it, is for the question that comes next.
            Err(error) => Err(error.into()),
            Ok(answer) if answer.status == 200 => {
                let with = (task, &contents);
                self.take_in(gate, queue, moment, with, &answer, Rest::IsAskedFor)
            }
            Ok(answer) if answer.status == UPDATE_NEEDED => {
                queue.settle(task, &[], WaitUntil::default())?;
                Err(problem_of(&task.url, &answer))
            }
            Ok(answer) => Err(problem_of(&task.url, &answer)),
        }
    }

    /// Asks what the server knows of an upload that may have arrived in part; what it has no answer for is free again. So is all of
    /// it where the server answers with something else each time: its verdicts do not change when an item comes twice.
    fn ask(
        &mut self,
        gate: &mut Gate<'_>,
        queue: &mut Queue,
        moment: Moment,
        task: &UploadTask,
    ) -> Result<Progress, ServerError> {
        let contents = queue.contents(task)?;
        let url = self.server.url(&format!("/v1/batches/{}", task.batch));
        let headers = common_headers();
        let request = Request {
            method: Method::Get,
            url: &url,
            headers: &headers,
            body: Body::Empty,
            answer_bytes_max: answer_bytes_max(contents.names.len()),
        };
        let answer = gate.pass(queue, &request)?.outcome?;
        let taken_in = self.take_in_what_is_known(gate, queue, moment, (task, &contents), answer);
        if let Err(ServerError::Problem { .. } | ServerError::Answer { .. }) = taken_in {
            self.asked_in_vain += 1;
            if self.asked_in_vain >= ASKS_MAX {
                let wait = self.wait_of(moment, &contents, 0);
                queue.settle(task, &[], wait)?;
            }
        }
        taken_in
    }

    fn take_in_what_is_known(
        &mut self,
        gate: &mut Gate<'_>,
        queue: &mut Queue,
        moment: Moment,
        with: (&UploadTask, &Contents),
        mut answer: Answer,
    ) -> Result<Progress, ServerError> {
        if answer.status == 404 && is_batch_unknown(&answer) {
            answer.body.clear();
        } else if answer.status != 200 {
            return Err(problem_of(&with.0.url, &answer));
        }
        if !answer.complete {
            return Err(self.unreadable(with.0, "it breaks off"));
        }
        self.take_in(gate, queue, moment, with, &answer, Rest::IsFree)
    }

    fn take_in(
        &mut self,
        gate: &mut Gate<'_>,
        queue: &mut Queue,
        moment: Moment,
        (task, contents): (&UploadTask, &Contents),
        answer: &Answer,
        rest: Rest,
    ) -> Result<Progress, ServerError> {
        let network = self.server.network();
        let read = Answers::read(&answer.body, contents, network, &self.server_key);
        let Some(answers) = read else {
            return Err(self.unreadable(task, "it holds no receipts"));
        };
        self.counts.unverified += answers.unverified;
        let whole = answers.verified.len() == contents.names.len();
        if !whole && rest == Rest::IsAskedFor {
            return Err(self.unreadable(task, "receipts are missing or cannot be verified"));
        }
        self.counts.replayed += answers.replayed;
        self.counts.batches += u64::from(whole);
        if answers.told_ms.is_some_and(|ms| gate.hear_time(ms)) {
            let ahead_ms = gate.ahead_ms().unwrap_or(0);
            queue.remember_clock(self.server.origin(), ahead_ms)?;
        }
        if answers.say(|verdict| !verdict.is_final()) {
            self.patience.later(moment);
        } else if whole {
            self.patience.reset();
        }
        let wait = self.wait_of(moment, contents, answers.verified.len());
        let ended = queue.settle(task, &answers.verified, wait)?;
        if self.is_unknown(queue, &answers)? {
            queue.forget_registration(self.server.origin())?;
            return Ok(Progress::NotRegistered);
        }
        Ok(match rest {
            Rest::IsAskedFor => Progress::Moved { ended },
            Rest::IsFree => Progress::Known { ended },
        })
    }

    /// Until when items wait that an upload did not end. One that was sent alone, often enough, and is not answered for is put off.
    fn wait_of(&mut self, moment: Moment, contents: &Contents, answered: usize) -> WaitUntil {
        let put_off = put_off(moment.now_ms, contents).filter(|_| answered == 0);
        self.put_off.extend(put_off.map(|(id, _)| id));
        WaitUntil {
            later_ms: self.patience.not_before_ms(),
            unanswered_ms: put_off.map_or(0, |(_, until_ms)| until_ms),
        }
    }

    /// Whether the server does not know this device. Items that an earlier key of it signed, and that the server does not know
    /// either, can never be accepted: they are given up.
    fn is_unknown(&self, queue: &mut Queue, answers: &Answers) -> Result<bool, ServerError> {
        let (mut unknown, mut lost) = (false, Vec::new());
        for id in answers.of_unknown_devices() {
            if queue.signer_of(id)? == Some(self.device) {
                unknown = true;
            } else {
                lost.push(id);
            }
        }
        if !lost.is_empty() {
            queue.evict_lost(&lost)?;
        }
        Ok(unknown)
    }

    fn unreadable(&self, task: &UploadTask, cause: &str) -> ServerError {
        ServerError::Answer {
            url: self.server.url(&format!("/v1/batches/{}", task.batch)),
            cause: cause.to_owned(),
        }
    }
}
