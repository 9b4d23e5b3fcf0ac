//! Whether the server can do its work.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::app::App;
use crate::problem::Problem;
use crate::store::{OpenEpoch, StoreError};

/// The answer of a healthy server.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    /// `ok`.
    status: &'static str,
}

/// How long the writer may take to answer: longer than a group commit on a slow disk. A close of a large epoch in another
/// process may take longer; nothing can be accepted then, which is what the answer says.
const WRITER_ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Answers 200 when the database can be read and the writer takes work.
#[utoipa::path(get, path = "/health", tag = "server", responses(
    (status = 200, body = Health),
    (status = 503, description = "`storage_unavailable`")))]
pub(super) async fn health(State(app): State<Arc<App>>) -> Result<Json<Health>, Problem> {
    let problem = |error: StoreError| Problem::from(error);
    let writes = app.store.is_writing(WRITER_ANSWERS_WITHIN).await;
    writes.map_err(problem)?;
    app.store
        .read(|connection| OpenEpoch::read(connection).map(drop))
        .await
        .map_err(problem)?;
    Ok(Json(Health { status: "ok" }))
}
