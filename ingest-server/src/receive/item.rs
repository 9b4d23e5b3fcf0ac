//! One item's way to its answer.

use std::sync::Arc;
use std::time::Instant;

use wayhex_protocol::batch::{Answer, RawItem};
use wayhex_protocol::envelope;
use wayhex_protocol::id::{BatchId, ObservationId};
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::{Receipt, Verdict};

use crate::app::App;
use crate::clock::now_ms;
use crate::store::{OpenEpoch, StoreError, latest_commit_ms};
use crate::verify::{Authentic, Finding, Judged, Known, authenticate, check, check_picture};

/// Judges an item, has the verdict made durable, and returns the receipt. Where the store fails after the item was read, the
/// answer is a signed `later`, or what was answered before.
///
/// # Errors
/// The database cannot even be read, or the key does not sign.
pub(super) async fn answer(
    app: Arc<App>,
    item: RawItem,
    batch: BatchId,
) -> Result<Answer, StoreError> {
    let received_ms = now_ms();
    let network = app.network.clone();
    let (now, known) = app
        .store
        .read(move |connection| -> Result<_, StoreError> {
            let now = Now {
                received_ms,
                epoch: OpenEpoch::read(connection)?.number,
                latest_ms: latest_commit_ms(connection)?,
            };
            Ok((now, authenticate(connection, item, &network)?))
        })
        .await?;
    let (id, finding) = match known {
        Known::Later(id, reason) => return later(&app, id, reason, &now),
        Known::Repeat(given) => {
            // What was decided is durable: a store that cannot note this batch keeps nobody from hearing it.
            let repeated = given.repeated();
            let committed = app.store.commit(Judged::Repeat(given), batch).await;
            return Ok(committed.unwrap_or(repeated));
        }
        Known::Refuse(subject, reason) => {
            let refused = Judged::Refuse(subject, reason);
            (subject.item, Ok(Finding::Final(refused)))
        }
        Known::Authentic(authentic) => {
            (authentic.subject.item, judge(&app, *authentic, &now).await)
        }
    };
    let committed = match finding {
        Ok(Finding::Final(judged)) => app.store.commit(judged, batch).await,
        Ok(Finding::Later(reason)) => return later(&app, id, reason, &now),
        Err(error) => Err(error),
    };
    committed.or_else(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "an item is to come again later"
        );
        later(&app, id, Reason::StorageUnavailable, &now)
    })
}

/// What an item is judged at.
struct Now {
    received_ms: u64,
    epoch: u64,
    /// When anything was committed last.
    latest_ms: u64,
}

async fn judge(app: &Arc<App>, authentic: Authentic, now: &Now) -> Result<Finding, StoreError> {
    let subject = authentic.subject;
    let lawful = match check(authentic, &app.policies, now.received_ms) {
        Ok(lawful) => lawful,
        Err(Reason::TooLate | Reason::CapturedInFuture) if is_doubted(app, now) => {
            return Ok(Finding::Later(Reason::ServerClock));
        }
        Err(reason) => return Ok(Finding::Final(Judged::Refuse(subject, reason))),
    };
    let slot = Arc::clone(&app.picture_slots).acquire_owned().await;
    let keys = Arc::clone(app.store.keys());
    let checked = tokio::task::spawn_blocking(move || {
        let checked = check_picture(lawful, &keys.wrapping);
        drop(slot);
        checked
    });
    match checked.await {
        Ok(checked) => Ok(checked?),
        Err(error) if error.is_panic() => {
            // A picture that breaks the decoder would break it again: this is for ever, too.
            tracing::error!(%error, "a picture could not be looked at");
            let refused = Judged::Refuse(subject, Reason::PictureInvalid);
            Ok(Finding::Final(refused))
        }
        // Nobody looked at it: the server is stopping.
        Err(_cancelled) => Err(StoreError::Unavailable),
    }
}

fn is_doubted(app: &App, now: &Now) -> bool {
    app.clock
        .is_doubted(now.received_ms, Instant::now(), now.latest_ms)
}

fn later(app: &App, id: ObservationId, reason: Reason, now: &Now) -> Result<Answer, StoreError> {
    metrics::counter!("wayhex_items_total", "verdict" => "later", "reason" => reason.name())
        .increment(1);
    let decided = Receipt {
        id,
        verdict: Verdict::Refused(reason),
        epoch: now.epoch,
        server_time_ms: now_ms(),
    };
    Ok(Answer {
        receipt: envelope::seal(&decided, &app.network, &app.store.keys().signing)?,
        replayed: false,
    })
}
