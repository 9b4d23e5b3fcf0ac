//! Registration: a nonce, then a message that a key signed for this server and nonce.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use wayhex_protocol::envelope::{OpenError, peek};
use wayhex_protocol::limits::ENVELOPE_BYTES_MAX;
use wayhex_protocol::registration::Registration;

use super::body::PacedBody;
use super::version;
use crate::app::App;
use crate::clock::now_ms;
use crate::failpoints;
use crate::problem::Problem;
use crate::store::{BindingError, register as store_registration};

/// A challenge.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct NonceAnswer {
    /// 32 bytes in hexadecimal digits; good once and for 5 minutes.
    nonce: String,
}

/// For whom a device now works.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct BindingAnswer {
    /// The device's id in hexadecimal digits.
    device: String,
    /// CAIP-10.
    account: String,
    /// The binding's counter.
    binding: u64,
    /// The first epoch in which it holds.
    effective_epoch: u64,
}

/// Gives out a nonce for a registration.
#[utoipa::path(post, path = "/v1/devices/nonce", tag = "phone", responses(
    (status = 200, body = NonceAnswer),
    (status = 426, description = "`version_too_old`")))]
pub(super) async fn nonce(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Json<NonceAnswer>, Problem> {
    version::check(&headers, &app)?;
    let nonce = app.nonces.give(Instant::now());
    let nonce = nonce.map_err(|ring::error::Unspecified| {
        Problem::busy("the system gives no random bytes at present")
    })?;
    Ok(Json(NonceAnswer {
        nonce: nonce.to_string(),
    }))
}

/// Registers a device, or binds it to another account from the next epoch on.
#[utoipa::path(post, path = "/v1/devices", tag = "phone",
    request_body(content = Vec<u8>, content_type = "application/cose"),
    responses(
        (status = 200, body = BindingAnswer),
        (status = 400, description = "`malformed`"),
        (status = 403, description = "`network_mismatch`, `origin_mismatch`, `bad_signature`, `nonce_unknown`"),
        (status = 409, description = "`binding_stale`"),
        (status = 426, description = "`version_too_old`")))]
pub(super) async fn register(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<BindingAnswer>, Problem> {
    version::check(request.headers(), &app)?;
    let body = PacedBody::new(request.into_body(), &app.config.receive);
    let registration = verified(&app, &body.whole(ENVELOPE_BYTES_MAX).await?)?;
    let bound = app
        .store
        .write(failpoints::REGISTRATION_COMMIT, move |transaction| {
            store_registration(transaction, &registration, now_ms())
        })
        .await?;
    failpoints::REGISTRATION_ANSWER.hit();
    Ok(Json(BindingAnswer {
        device: bound.device.to_string(),
        account: bound.account.to_string(),
        binding: bound.counter,
        effective_epoch: bound.effective_epoch,
    }))
}

/// Opens a registration; its nonce is used up by the first that a key signed.
fn verified(app: &App, bytes: &[u8]) -> Result<Registration, Problem> {
    let malformed = |cause: String| Problem::bad_request("malformed", cause);
    let forbidden = |code, detail| Problem::new(StatusCode::FORBIDDEN, code, detail);
    let (_, claimed) = peek::<Registration>(bytes).map_err(|error| malformed(error.to_string()))?;
    if claimed.network != app.network {
        let (theirs, ours) = (claimed.network.as_str(), app.network.as_str());
        let detail = format!("the registration is for network {theirs}, this is {ours}");
        return Err(forbidden("network_mismatch", detail));
    }
    if !app.origins.accepts(&claimed.origin) {
        let detail = format!(
            "the registration is for {}, this is {}",
            claimed.origin,
            app.origins.first()
        );
        return Err(forbidden("origin_mismatch", detail));
    }
    if i64::try_from(claimed.binding).is_err() {
        return Err(malformed("binding: at most 2^63 - 1".to_owned()));
    }
    let opened = Registration::open(bytes, &app.network).map_err(|error| match error {
        OpenError::Decode(error) => malformed(error.to_string()),
        other => forbidden("bad_signature", other.to_string()),
    })?;
    if !app.nonces.take(&opened.message.nonce, Instant::now()) {
        let detail = "the nonce was not given out here, was used, or is older than 5 minutes";
        return Err(forbidden("nonce_unknown", detail.to_owned()));
    }
    Ok(opened.message)
}

impl From<BindingError> for Problem {
    fn from(error: BindingError) -> Self {
        match error {
            BindingError::Stale { .. } => {
                Self::new(StatusCode::CONFLICT, "binding_stale", error.to_string())
            }
            BindingError::Store(error) => error.into(),
        }
    }
}
