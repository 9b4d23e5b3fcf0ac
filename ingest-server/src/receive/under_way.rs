//! Which batches are being received now, so that whoever asks for one hears of what has arrived and is not judged yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wayhex_protocol::id::BatchId;

/// How long an answer waits at most for a batch: four pictures of 2 MB are judged and committed in less on a slow machine.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// How long an upload without items under way may say nothing before it counts as dead: its connection was cut and nobody
/// told this end.
const SILENCE_MAX: Duration = Duration::from_millis(500);
/// How often to look again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The batches under way, no more than there are uploads.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(Mutex<HashMap<BatchId, State>>);

#[derive(Debug)]
struct State {
    uploads: usize,
    items: usize,
    /// When bytes of it came last.
    heard: Instant,
}

impl UnderWay {
    /// Notes an upload of a batch, until the mark is dropped.
    pub(super) fn begin(self: &Arc<Self>, batch: BatchId) -> UploadMark {
        let mut batches = self.lock();
        let state = batches.entry(batch).or_insert_with(State::new);
        state.uploads += 1;
        state.heard = Instant::now();
        UploadMark(Mark {
            under_way: Arc::clone(self),
            batch,
        })
    }

    /// Waits until every whole item of a batch that has arrived is answered, but no longer than ten seconds.
    pub(super) async fn settled(&self, batch: &BatchId) {
        let begun = Instant::now();
        while self.is_busy(batch) && begun.elapsed() < WAIT_MAX {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn is_busy(&self, batch: &BatchId) -> bool {
        let batches = self.lock();
        let state = batches.get(batch);
        state.is_some_and(|state| state.items > 0 || state.heard.elapsed() < SILENCE_MAX)
    }

    /// Each change is whole: a panic elsewhere leaves the counts as they were.
    fn lock(&self) -> MutexGuard<'_, HashMap<BatchId, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new() -> Self {
        Self {
            uploads: 0,
            items: 0,
            heard: Instant::now(),
        }
    }
}

#[derive(Debug)]
struct Mark {
    under_way: Arc<UnderWay>,
    batch: BatchId,
}

impl Mark {
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut batches = self.under_way.lock();
        if let Some(state) = batches.get_mut(&self.batch) {
            change(state);
            if state.uploads == 0 && state.items == 0 {
                batches.remove(&self.batch);
            }
        }
    }
}

/// An upload under way.
#[derive(Debug)]
pub(super) struct UploadMark(Mark);

impl UploadMark {
    /// Notes that bytes came.
    pub(super) fn heard(&self) {
        self.0.change(|state| state.heard = Instant::now());
    }

    /// Notes a whole item, until the mark is dropped.
    pub(super) fn item(&self) -> ItemMark {
        self.0.change(|state| state.items += 1);
        ItemMark(Mark {
            under_way: Arc::clone(&self.0.under_way),
            batch: self.0.batch,
        })
    }
}

impl Drop for UploadMark {
    fn drop(&mut self) {
        self.0.change(|state| state.uploads -= 1);
    }
}

/// An item under way.
#[derive(Debug)]
pub(super) struct ItemMark(Mark);

impl Drop for ItemMark {
    fn drop(&mut self) {
        self.0.change(|state| state.items -= 1);
    }
}
