//! Closes the open epoch once it has lasted as long as its policy says.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::clock::now_ms;
use crate::failpoints;
use crate::reward::{CloseError, Closed, Closer};
use crate::store::OpenEpoch;

/// How long to wait at most before looking again: another process may have closed the epoch meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long to wait at least, so that a policy of very short epochs does not keep the writer busy.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Runs until it is dropped. An epoch length of 0 leaves closing to whoever calls `close-epoch`. A close that fails is
/// logged and tried again.
pub async fn run(app: Arc<App>) {
    loop {
        let pause = match look(&app).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the epoch was not closed"
                );
                LOOK_AGAIN
            }
        };
        tokio::time::sleep(pause.clamp(PAUSE_MIN, LOOK_AGAIN)).await;
    }
}

async fn look(app: &Arc<App>) -> Result<Duration, CloseError> {
    let open = app.store.read(OpenEpoch::read).await?;
    crate::metrics::set_open_epoch(open.number);
    let policy = app.policies.of_version(open.policy);
    let length_s = policy.map_or(0, |published| published.policy.parameters.epoch_length_s);
    if length_s == 0 {
        return Ok(LOOK_AGAIN);
    }
    let due_ms = open
        .opened_ms
        .saturating_add(length_s.saturating_mul(1_000));
    let left_ms = due_ms.saturating_sub(now_ms());
    if left_ms > 0 {
        return Ok(Duration::from_millis(left_ms));
    }
    let closed = close(app, open.number).await?;
    tracing::info!(
        epoch = closed.summary.number,
        observations = closed.summary.totals.observations,
        root = closed.summary.totals.root,
        "closed an epoch on schedule"
    );
    crate::metrics::set_open_epoch(open.number + 1);
    Ok(PAUSE_MIN)
}

async fn close(app: &Arc<App>, number: u64) -> Result<Closed, CloseError> {
    let within = Arc::clone(app);
    let change = move |transaction: &rusqlite::Transaction<'_>| {
        let closer = Closer {
            folder: &within.config.store.folder,
            network: &within.network,
            keys: within.store.keys(),
        };
        closer.close_within(transaction, Some(number), now_ms())
    };
    let closed = app
        .store
        .write(failpoints::SCHEDULED_CLOSE_COMMIT, change)
        .await?;
    failpoints::SCHEDULED_CLOSE_ANSWER.hit();
    Ok(closed)
}
