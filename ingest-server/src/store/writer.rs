//! The one thread that writes: it takes what has gathered while the disk was busy and commits it as one group.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use metrics::gauge;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};
use wayhex_failpoint::Failpoint;
use wayhex_protocol::batch::Answer;
use wayhex_protocol::id::{BatchId, NetworkId};

use super::StoreError;
use super::commit::{Committer, commit_group};
use super::objects::Objects;
use crate::keys::Keys;
use crate::verify::Judged;

/// Jobs that wait at most; whoever comes then waits with its item. Bounds memory, with 2 MiB an item.
const WAITING_MAX: usize = 64;
/// Items of a group at most (one full batch): the first of them waits for the last.
const GROUP_ITEMS_MAX: usize = 64;

type Change = Box<dyn FnOnce(&mut Connection) + Send>;

/// What the writer is asked for.
pub(super) enum Job {
    Item(Item),
    Change(Change),
    /// Is answered at once: whoever asks learns that work is taken.
    Ping(oneshot::Sender<()>),
    /// Ends the thread; the sender is dropped when it has ended.
    Stop(oneshot::Sender<()>),
}

/// A judged item that waits for its receipt.
pub(super) struct Item {
    pub(super) judged: Judged,
    pub(super) batch: BatchId,
    answer: oneshot::Sender<Result<Answer, StoreError>>,
}

impl Job {
    pub(super) fn item(
        judged: Judged,
        batch: BatchId,
        answer: oneshot::Sender<Result<Answer, StoreError>>,
    ) -> Self {
        Self::Item(Item {
            judged,
            batch,
            answer,
        })
    }

    pub(super) fn change<T, E>(
        before_commit: Failpoint,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        answer: oneshot::Sender<Result<T, E>>,
    ) -> Self
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        Self::Change(Box::new(move |connection| {
            let result = in_transaction(connection, before_commit, change);
            // Whoever asked may have gone; the change stands either way.
            drop(answer.send(result));
        }))
    }
}

fn in_transaction<T, E: From<StoreError>>(
    connection: &mut Connection,
    before_commit: Failpoint,
    change: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = begun.map_err(StoreError::from)?;
    let value = change(&transaction)?;
    before_commit.hit();
    transaction.commit().map_err(StoreError::from)?;
    Ok(value)
}

/// What the writer works with.
pub(super) struct Desk {
    pub(super) connection: Connection,
    pub(super) objects: Objects,
    pub(super) keys: Arc<Keys>,
    pub(super) network: NetworkId,
}

/// The way to the writer.
pub(super) struct Writer(mpsc::Sender<Job>);

impl Writer {
    pub(super) fn start(desk: Desk) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let thread = thread::Builder::new().name("writer".to_owned());
        let started = thread.spawn(move || run(desk, receiver));
        started.map_err(StoreError::file("the writer's thread".as_ref()))?;
        Ok(Self(sender))
    }

    pub(super) async fn send(&self, job: Job) -> Result<(), StoreError> {
        let sent = self.0.send(job).await;
        sent.map_err(|_ended: mpsc::error::SendError<Job>| StoreError::Unavailable)
    }
}

fn run(desk: Desk, mut jobs: mpsc::Receiver<Job>) {
    let Desk {
        mut connection,
        objects,
        keys,
        network,
    } = desk;
    let mut committer = Committer::new(objects, keys, network);
    let mut group = Vec::new();
    while let Some(job) = jobs.blocking_recv() {
        gauge!("wayhex_writer_queue_depth").set(u32::try_from(jobs.len()).unwrap_or(u32::MAX));
        let mut next = Some(job);
        while let Some(Job::Item(item)) = next {
            group.push(item);
            next = if group.len() < GROUP_ITEMS_MAX {
                jobs.try_recv().ok()
            } else {
                None
            };
        }
        commit(&mut connection, &mut committer, &mut group);
        match next {
            Some(Job::Change(change)) => {
                // The transaction was rolled back on the way out, and whoever asked is told by the sender's end.
                unpanicked(|| change(&mut connection));
            }
            Some(Job::Ping(asked)) => drop(asked.send(())),
            Some(Job::Stop(ended)) => {
                drop(connection);
                drop(ended);
                return;
            }
            Some(Job::Item(_)) | None => {}
        }
    }
}

fn commit(connection: &mut Connection, committer: &mut Committer, group: &mut Vec<Item>) {
    if group.is_empty() {
        return;
    }
    let mut answers = answers_of(connection, committer, group);
    if answers.is_none() && group.len() > 1 {
        // One of them makes the program panic: the others are not to wait for it.
        let alone = group
            .chunks(1)
            .map(|one| answers_of(connection, committer, one));
        let alone = alone.flat_map(|one| one.unwrap_or_else(|| vec![Err(StoreError::Unavailable)]));
        answers = Some(alone.collect());
    }
    let answers = answers.unwrap_or_else(|| vec![Err(StoreError::Unavailable)]);
    for (item, answer) in group.drain(..).zip(answers) {
        // Whose upload was cut asks for the batch later; the verdict stands either way.
        drop(item.answer.send(answer));
    }
}

/// The answers of a group; `None` when the program panicked.
fn answers_of(
    connection: &mut Connection,
    committer: &mut Committer,
    group: &[Item],
) -> Option<Vec<Result<Answer, StoreError>>> {
    let answers = unpanicked(|| commit_group(connection, committer, group))?;
    Some(match answers {
        Ok(answers) => answers.into_iter().map(Ok).collect(),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                items = group.len(),
                "a group was not committed"
            );
            group.iter().map(|_| Err(StoreError::Unavailable)).collect()
        }
    })
}

/// Does a piece of work that may panic. The writer goes on then: a transaction that is dropped is rolled back and an object
/// removed, and the rest of its state is only ever added to.
fn unpanicked<T>(work: impl FnOnce() -> T) -> Option<T> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.inspect_err(|_message| tracing::error!("a panic in the writer; the work was undone"))
        .ok()
}
