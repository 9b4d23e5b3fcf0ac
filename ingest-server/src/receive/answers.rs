//! What is known of a batch, for a phone whose upload was cut.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use wayhex_protocol::batch::Answer;
use wayhex_protocol::id::BatchId;

use super::version;
use crate::app::App;
use crate::failpoints;
use crate::problem::Problem;
use crate::store::{StoreError, answers_of};

/// A CBOR sequence of `[receipt bstr, replayed bool]`.
pub(super) const CONTENT_TYPE: &str = "application/cbor-seq";

/// The answers of a batch that are final, in the order in which they were decided. Items of it that have arrived here and are
/// not judged yet are waited for, up to ten seconds: whose upload was cut learns all that need not be sent again.
#[utoipa::path(get, path = "/v1/batches/{id}", tag = "phone",
    params(("id" = String, Path, description = "The batch's id in hexadecimal digits")),
    responses(
        (status = 200, content_type = "application/cbor-seq", body = Vec<u8>),
        (status = 404, description = "`batch_unknown`"),
        (status = 426, description = "`version_too_old`")))]
pub(super) async fn answers(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    version::check(&headers, &app)?;
    let unknown = || Problem::not_found("batch_unknown", "no item of this batch was answered");
    let batch = BatchId::from_hex(&id).ok_or_else(unknown)?;
    app.under_way.settled(&batch).await;
    let answers = app
        .store
        .read(move |connection| answers_of(connection, &batch))
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    failpoints::ANSWERS_ANSWER.hit();
    Ok(sequence(&answers.ok_or_else(unknown)?))
}

/// Answers as a body.
pub(super) fn sequence(answers: &[Answer]) -> Response {
    let body: Vec<u8> = answers.iter().flat_map(Answer::to_bytes).collect();
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response()
}
