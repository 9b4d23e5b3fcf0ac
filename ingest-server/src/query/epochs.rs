//! An epoch's public summary.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rusqlite::Connection;

use super::asked::Named;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::reward::EpochSummary;
use crate::store::OpenEpoch;

/// Reads the epoch that a path names, by number or as `current`.
///
/// # Errors
/// 404 `epoch_unknown`, 400 `malformed`.
pub(super) fn named_epoch(connection: &Connection, name: &str) -> Result<EpochSummary, Problem> {
    let number = match name {
        "current" => OpenEpoch::read(connection)?.number,
        _ => name.parse().map_err(|error: std::num::ParseIntError| {
            let detail = format!("epoch {name:?} is neither a number nor current: {error}");
            Problem::bad_request("malformed", detail)
        })?,
    };
    let unknown = || {
        Problem::not_found(
            "epoch_unknown",
            format!("epoch {number} has not begun here"),
        )
    };
    // The database counts in signed 64 bits; a larger number has not begun.
    if i64::try_from(number).is_err() {
        return Err(unknown());
    }
    EpochSummary::read(connection, number)?.ok_or_else(unknown)
}

/// The same, closed.
///
/// # Errors
/// Also 404 `epoch_open`.
pub(super) fn closed_epoch(connection: &Connection, name: &str) -> Result<EpochSummary, Problem> {
    let epoch = named_epoch(connection, name)?;
    if !epoch.closed {
        let detail = format!(
            "epoch {} is still open; this is known once it is closed",
            epoch.number
        );
        return Err(Problem::not_found("epoch_open", detail));
    }
    Ok(epoch)
}

/// An epoch
///
/// Totals, the root of the claim tree and the hash of the evidence; the totals are null while the epoch is open.
#[utoipa::path(
    get,
    path = "/v1/epochs/{epoch}",
    tag = "epochs",
    params(("epoch" = String, Path, description = "Its number, or `current` for the open one")),
    responses(
        (status = 200, description = "The epoch", body = EpochSummary),
        (status = 400, description = "`malformed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`epoch_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn epoch(
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
) -> Result<Json<EpochSummary>, Problem> {
    let read = move |connection: &Connection| named_epoch(connection, &name);
    Ok(Json(app.store.read(read).await?))
}
