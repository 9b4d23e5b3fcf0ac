//! Sends what the queue holds, batch by batch, and takes in the receipts.
//!
//! Each call of [`Batches::step`] does one thing that [`super::plan`] decided on. An upload that broke off is asked for before
//! anything is sent again, so that a picture crosses the network about once.

use std::collections::BTreeMap;

use serde::Deserialize;
use wayhex_protocol::batch::Answer as ItemAnswer;
use wayhex_protocol::id::{BatchId, ObservationId};
use wayhex_protocol::key::PublicKey;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Verdict;

use super::ask::{SMALL_ANSWER_BYTES_MAX, ServerError, UPDATE_NEEDED, common_headers, problem_of};
use super::cost::head_bytes;
use super::gate::{Gate, GateError};
use super::plan::{Hold, Situation, Step, UnderWay, backoff_ms, next_step};
use super::server::Server;
use crate::ports::{Answer, Body, Method, Random, Request, TransportError};
use crate::queue::{Contents, Queue, UploadTask, VerifiedReceipt, WaitUntil};

/// Bytes of one answer of a batch: a receipt of 256 bytes at most, its envelope, and two heads.
const ANSWER_BYTES_MAX: usize = 448;
/// How long an item waits that the server would not even answer for, sent alone (10 minutes): the others go before it.
const UNANSWERABLE_WAIT_MS: u64 = 10 * 60 * 1_000;

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
    failures: u32,
    not_before_ms: u64,
    /// The upload that the server refused as a whole, if the last one was.
    refused_whole: Option<i64>,
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
    /// Something was done; there may be more to do.
    Moved {
        /// Items that have ended by this step.
        ended: usize,
    },
    /// A step failed, and will be tried again after a wait.
    Failed(ServerError),
    /// The device has to be registered before anything else.
    NotRegistered,
    /// Nothing until this time, Unix milliseconds.
    Wait(u64),
    /// Nothing until a rule or the network changes.
    Held(Hold),
    /// Nothing is pending.
    Idle,
}

/// When a step is made, and the random number that its wait is drawn from.
#[derive(Clone, Copy)]
struct Moment {
    now_ms: u64,
    dice: u64,
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
    /// Uploads to a server whose key is known.
    #[must_use]
    pub fn new(server: Server, server_key: PublicKey) -> Self {
        Self {
            server,
            server_key,
            failures: 0,
            not_before_ms: 0,
            refused_whole: None,
            counts: Counts::default(),
        }
    }

    /// What was sent and answered.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
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
        let now_ms = gate.clock().now_ms();
        let mut dice = [0; 8];
        // Without randomness the wait is the shortest; how often is tried is bounded elsewhere.
        let dice = random
            .fill(&mut dice)
            .map_or(0, |()| u64::from_le_bytes(dice));
        let moment = Moment { now_ms, dice };
        queue.evict_aged(now_ms)?;
        let under_way = self.under_way(queue)?;
        let done = match (
            self.decide(gate, queue, now_ms, under_way.as_ref())?,
            under_way,
        ) {
            (Step::Send(items), _) => {
                let task = self.freeze(queue, &items)?;
                self.send(gate, queue, moment, &task)
            }
            (Step::SendFrozen, Some(task)) => self.send(gate, queue, moment, &task),
            (Step::Ask, Some(task)) => self.ask(gate, queue, moment, &task),
            (Step::Wait(until_ms), _) => return Ok(Progress::Wait(until_ms)),
            (Step::Held(hold), _) => return Ok(Progress::Held(hold)),
            (Step::Idle | Step::SendFrozen | Step::Ask, _) => return Ok(Progress::Idle),
        };
        match done {
            Err(ServerError::Gate(GateError::Held(hold))) => Ok(Progress::Held(hold)),
            // Smaller batches, or the same after a while, may pass whatever refused this one; only an old app stays old.
            Err(error) if error.is_passing() || error.is_refusal() => {
                self.failed(moment);
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
        now_ms: u64,
        under_way: Option<&UploadTask>,
    ) -> Result<Step, ServerError> {
        let room = match gate.room(queue) {
            Ok(room) => Ok(room),
            Err(GateError::Held(hold)) => Err(hold),
            Err(other) => return Err(other.into()),
        };
        Ok(next_step(&Situation {
            now_ms,
            failures: self.failures,
            not_before_ms: self.not_before_ms,
            room,
            under_way: under_way.map(|task| {
                if task.doubtful {
                    UnderWay::Doubtful
                } else {
                    UnderWay::Unsent
                }
            }),
            sendable: &queue.sendable(now_ms)?,
            next_sendable_ms: queue.next_sendable_ms()?,
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
        let contents = queue.contents(task)?;
        let request = Request {
            method: Method::Post,
            url: &task.url,
            headers: &task.headers,
            body: Body::File(&task.body_file),
            answer_bytes_max: answer_bytes_max(contents.names.len()),
        };
        queue.mark_doubtful(task)?;
        self.refused_whole = None;
        let exchange = match gate.pass(queue, &request) {
            Ok(exchange) => exchange,
            Err(held) => {
                // Not a byte has left: the items are free for another batch, which may be smaller.
                queue.settle(task, &[], WaitUntil::default())?;
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
                queue.settle(task, &[], WaitUntil::default())?;
                Err(error.into())
            }
            // What arrived, and what the server made of it, is for the question that comes next.
            Err(error) => Err(error.into()),
            Ok(answer) if answer.status == 200 => {
                self.take_in(queue, moment, (task, &contents), &answer, Rest::IsAskedFor)
            }
            Ok(answer) if answer.status == UPDATE_NEEDED => {
                queue.settle(task, &[], WaitUntil::default())?;
                Err(problem_of(&task.url, &answer))
            }
            Ok(answer) => {
                self.refused_whole = (400..500).contains(&answer.status).then_some(task.id);
                Err(problem_of(&task.url, &answer))
            }
        }
    }

    /// Asks what the server knows of an upload that may have arrived in part; what it has no answer for is free again.
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
        let mut answer = gate.pass(queue, &request)?.outcome?;
        if answer.status == 404 && is_batch_unknown(&answer) {
            answer.body.clear();
        } else if answer.status != 200 {
            return Err(problem_of(&url, &answer));
        }
        if !answer.complete {
            return Err(self.unreadable(task, "it breaks off"));
        }
        self.take_in(queue, moment, (task, &contents), &answer, Rest::IsFree)
    }

    fn take_in(
        &mut self,
        queue: &mut Queue,
        moment: Moment,
        (task, contents): (&UploadTask, &Contents),
        answer: &Answer,
        rest: Rest,
    ) -> Result<Progress, ServerError> {
        let read = ItemAnswer::read_all(&answer.body);
        if read.is_empty() && !answer.body.is_empty() {
            return Err(self.unreadable(task, "it holds no receipts"));
        }
        let (verified, unverified) = self.verify(&contents.names, &read);
        self.counts.unverified += unverified;
        let whole = verified.len() == contents.names.len();
        if !whole && rest == Rest::IsAskedFor {
            return Err(self.unreadable(task, "receipts are missing or cannot be verified"));
        }
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        self.counts.replayed += count(read.iter().filter(|answer| answer.replayed).count());
        self.counts.batches += u64::from(whole);
        let says = |verdict: fn(Verdict) -> bool| {
            let mut receipts = verified.iter().map(|(_, it)| it.receipt().verdict);
            receipts.any(verdict)
        };
        if says(|verdict| !verdict.is_final()) {
            self.failed(moment);
        } else if whole {
            self.failures = 0;
            self.not_before_ms = 0;
        }
        let alone_and_refused = contents.names.len() == 1 && self.refused_whole == Some(task.id);
        let wait = WaitUntil {
            later_ms: self.not_before_ms,
            unanswered_ms: u64::from(alone_and_refused) * (moment.now_ms + UNANSWERABLE_WAIT_MS),
        };
        let ended = queue.settle(task, &verified, wait)?;
        if says(|verdict| verdict == Verdict::Refused(Reason::UnknownDevice)) {
            queue.forget_registration(self.server.origin())?;
            return Ok(Progress::NotRegistered);
        }
        Ok(Progress::Moved { ended })
    }

    /// The receipts that the pinned key signed, with the items they are for, each item at most once; and how many others came.
    fn verify(
        &self,
        names: &[(ObservationId, ObservationId)],
        read: &[ItemAnswer],
    ) -> (Vec<(ObservationId, VerifiedReceipt)>, u64) {
        let (mut verified, mut unverified) = (BTreeMap::new(), 0);
        for answer in read {
            let network = self.server.network();
            let opened = VerifiedReceipt::open(&answer.receipt, network, &self.server_key);
            let item = opened.ok().and_then(|opened| {
                let answered_id = opened.receipt().id;
                let mut names = names.iter();
                let (id, _) = names.find(|it| it.0 == answered_id || it.1 == answered_id)?;
                Some((*id, opened))
            });
            match item {
                Some((id, opened)) => {
                    verified.entry(id).or_insert(opened);
                }
                None => unverified += 1,
            }
        }
        (verified.into_iter().collect(), unverified)
    }

    fn failed(&mut self, moment: Moment) {
        self.failures = self.failures.saturating_add(1);
        self.not_before_ms = moment.now_ms + backoff_ms(self.failures, moment.dice);
    }

    fn unreadable(&self, task: &UploadTask, cause: &str) -> ServerError {
        ServerError::Answer {
            url: self.server.url(&format!("/v1/batches/{}", task.batch)),
            cause: cause.to_owned(),
        }
    }
}

/// How much of the bytes sent was body.
fn body_part(sent: u64, request: &Request<'_>) -> u64 {
    let head = reqwest::Url::parse(request.url).map_or(0, |url| {
        head_bytes(request.method, &url, request.headers, Some(0))
    });
    sent.saturating_sub(head)
}

fn is_batch_unknown(answer: &Answer) -> bool {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    serde_json::from_slice::<Problem>(&answer.body)
        .is_ok_and(|problem| problem.code == "batch_unknown")
}
