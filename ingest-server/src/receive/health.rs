//! Whether the server can do its work.

use std::sync::Arc;

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

/// Answers 200 when the database can be read.
#[utoipa::path(get, path = "/health", tag = "server", responses(
    (status = 200, body = Health),
    (status = 503, description = "`storage_unavailable`")))]
pub(super) async fn health(State(app): State<Arc<App>>) -> Result<Json<Health>, Problem> {
    app.store
        .read(|connection| OpenEpoch::read(connection).map(drop))
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    Ok(Json(Health { status: "ok" }))
}
