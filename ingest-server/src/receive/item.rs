//! One item's way to its answer.

use std::sync::Arc;

use wayhex_protocol::batch::{Answer, RawItem};
use wayhex_protocol::envelope;
use wayhex_protocol::id::{BatchId, ObservationId};
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::{Receipt, Verdict};

use crate::app::App;
use crate::clock::now_ms;
use crate::store::{OpenEpoch, StoreError};
use crate::verify::{Authentic, Judged, Known, authenticate, check, check_picture};

/// Judges an item, has the verdict made durable, and returns the receipt. Where the store fails after the item was read, the
/// answer is a signed `later`.
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
    let (epoch, known) = app
        .store
        .read(move |connection| -> Result<_, StoreError> {
            let epoch = OpenEpoch::read(connection)?.number;
            Ok((epoch, authenticate(connection, item, &network)?))
        })
        .await?;
    let (id, judged) = match known {
        Known::Later(id, reason) => return later(&app, id, reason, epoch),
        Known::Judged(judged) => (None, Ok(judged)),
        Known::Authentic(authentic) => (
            Some(authentic.subject.item),
            judge(&app, *authentic, received_ms).await,
        ),
    };
    let committed = match judged {
        Ok(judged) => app.store.commit(judged, batch).await,
        Err(error) => Err(error),
    };
    match (committed, id) {
        (Err(error), Some(id)) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "an item is to come again later"
            );
            later(&app, id, Reason::StorageUnavailable, epoch)
        }
        (committed, _) => committed,
    }
}

async fn judge(
    app: &Arc<App>,
    authentic: Authentic,
    received_ms: u64,
) -> Result<Judged, StoreError> {
    let subject = authentic.subject;
    let lawful = match check(authentic, &app.policies, received_ms) {
        Ok(lawful) => lawful,
        Err(reason) => return Ok(Judged::Refuse(subject, reason)),
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
            Ok(Judged::Refuse(subject, Reason::PictureInvalid))
        }
        // Nobody looked at it: the server is stopping.
        Err(_cancelled) => Err(StoreError::Unavailable),
    }
}

fn later(app: &App, id: ObservationId, reason: Reason, epoch: u64) -> Result<Answer, StoreError> {
    metrics::counter!("wayhex_items_total", "verdict" => "later", "reason" => reason.name())
        .increment(1);
    let decided = Receipt {
        id,
        verdict: Verdict::Refused(reason),
        epoch,
        server_time_ms: now_ms(),
    };
    Ok(Answer {
        receipt: envelope::seal(&decided, &app.network, &app.store.keys().signing)?,
        replayed: false,
    })
}
