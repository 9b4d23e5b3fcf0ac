//! `POST /v1/batches`: items are judged and committed while the next ones are still coming.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::counter;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use wayhex_protocol::batch::{Answer, BatchFault, BatchReader, RawItem};
use wayhex_protocol::id::BatchId;
use wayhex_protocol::limits::BATCH_BYTES_MAX;

use super::answers::sequence;
use super::body::{PacedBody, too_large};
use super::under_way::UploadMark;
use super::{item, version};
use crate::app::App;
use crate::failpoints;
use crate::problem::Problem;
use crate::store::StoreError;

/// The header that names the batch.
const BATCH_HEADER: &str = "wayhex-batch";
/// Items of one upload that are under way to their verdicts at a time: enough to fill a group commit, few enough that an
/// upload holds some 10 MiB.
const UNDER_WAY_MAX: usize = 4;

/// Takes a batch. Each whole item is committed by itself: when the body breaks off, the answers to what came before are had
/// from `GET /v1/batches/{id}`.
#[utoipa::path(post, path = "/v1/batches", tag = "phone",
    params(
        ("wayhex-batch" = String, Header, description = "SHA-256 over the items' ids in hexadecimal digits"),
        ("wayhex-version" = u64, Header, description = "The wire version")),
    request_body(content = Vec<u8>, content_type = "application/cbor-seq"),
    responses(
        (status = 200, content_type = "application/cbor-seq", body = Vec<u8>),
        (status = 400, description = "`malformed`, `batch_missing`, `version_missing`, `body_broken`"),
        (status = 408, description = "`body_timeout`"),
        (status = 413, description = "`too_large`"),
        (status = 426, description = "`version_too_old`"),
        (status = 503, description = "`server_busy`, `storage_unavailable`")))]
pub(super) async fn upload(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut body = PacedBody::new(body, &app.config.receive);
    match admitted(&app, &head.headers) {
        Ok(upload) => match upload.take(&mut body).await {
            Ok(answers) => {
                failpoints::BATCH_ANSWER.hit();
                sequence(&answers)
            }
            Err(problem) => refuse(body, problem),
        },
        Err(problem) => refuse(body, problem),
    }
}

fn refuse(body: PacedBody, problem: Problem) -> Response {
    body.linger();
    problem.into_response()
}

/// Everything that can be refused before a byte of the body is read.
fn admitted(app: &Arc<App>, headers: &HeaderMap) -> Result<Upload, Problem> {
    version::check(headers, app)?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let batch = text(BATCH_HEADER)
        .and_then(BatchId::from_hex)
        .ok_or_else(|| {
            let detail =
                format!("the header {BATCH_HEADER} must be 64 lower-case hexadecimal digits");
            Problem::bad_request("batch_missing", detail)
        })?;
    let length = text(header::CONTENT_LENGTH.as_str()).and_then(|text| text.parse::<usize>().ok());
    if length.is_some_and(|length| length > BATCH_BYTES_MAX) {
        return Err(too_large(BATCH_BYTES_MAX));
    }
    let slot = Arc::clone(&app.uploads).try_acquire_owned();
    let slot =
        slot.map_err(|_full| Problem::busy("as many uploads as can be taken are under way"))?;
    Ok(Upload {
        app: Arc::clone(app),
        batch,
        slot: Arc::new(slot),
        mark: app.under_way.begin(batch),
        under_way: VecDeque::with_capacity(UNDER_WAY_MAX),
        answers: Vec::new(),
    })
}

/// An upload under way.
struct Upload {
    app: Arc<App>,
    batch: BatchId,
    /// Held by every item, too: an upload that was cut has its place until its items are done.
    slot: Arc<OwnedSemaphorePermit>,
    mark: UploadMark,
    under_way: VecDeque<JoinHandle<Result<Answer, StoreError>>>,
    answers: Vec<Answer>,
}

impl Upload {
    /// Reads the body to its end, or to where it breaks off; whole items are answered for either way.
    async fn take(mut self, body: &mut PacedBody) -> Result<Vec<Answer>, Problem> {
        let read = self.read(body).await;
        let answered = self.wait_for(0).await;
        read?;
        answered?;
        Ok(self.answers)
    }

    async fn read(&mut self, body: &mut PacedBody) -> Result<(), Problem> {
        let mut reader = BatchReader::default();
        while let Some(chunk) = body.chunk().await? {
            self.mark.heard();
            counter!("wayhex_upload_bytes_total").increment(chunk.len() as u64);
            reader.push(&chunk)?;
            while let Some(item) = reader.next_item()? {
                self.wait_for(UNDER_WAY_MAX - 1).await?;
                self.begin(item);
            }
        }
        Ok(reader.finish()?)
    }

    /// In a task of its own, so that what was received is judged and kept even when the phone hangs up.
    fn begin(&mut self, item: RawItem) {
        let (app, batch, slot) = (Arc::clone(&self.app), self.batch, Arc::clone(&self.slot));
        let mark = self.mark.item();
        self.under_way.push_back(tokio::spawn(async move {
            let answer = item::answer(app, item, batch).await;
            drop((slot, mark));
            answer
        }));
    }

    /// Waits until at most `most` items are under way; answers are kept in the order of the items.
    async fn wait_for(&mut self, most: usize) -> Result<(), Problem> {
        while self.under_way.len() > most {
            if let Some(task) = self.under_way.pop_front() {
                let answer = task
                    .await
                    .unwrap_or_else(|_panicked| Err(StoreError::Unavailable));
                self.answers.push(answer?);
            }
        }
        Ok(())
    }
}

impl From<BatchFault> for Problem {
    fn from(fault: BatchFault) -> Self {
        match fault {
            BatchFault::Decode(_) | BatchFault::CutShort => {
                Self::bad_request("malformed", fault.to_string())
            }
            BatchFault::TooLarge { .. } | BatchFault::TooManyItems | BatchFault::TooManyBytes => {
                Self::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "too_large",
                    fault.to_string(),
                )
            }
        }
    }
}
