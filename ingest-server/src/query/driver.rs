//! Who asks about his own: a driver, by a token that his device signed for this very request.
//!
//! A driver sees what his device sent. Two devices of one account do not see each other's paths: whoever registers a device
//! may name any account.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use wayhex_protocol::envelope::{self, OpenError};
use wayhex_protocol::id::DeviceId;
use wayhex_protocol::key::PublicKey;
use wayhex_protocol::token::Token;

use crate::app::App;
use crate::clock::now_ms;
use crate::problem::Problem;
use crate::store::{DeviceRow, registered};

const SCHEME: &str = "Wayhex ";

/// A device that has shown that it asks.
pub(super) struct Driver {
    pub(super) device: DeviceId,
    pub(super) row: DeviceRow,
}

/// Why it is not believed: 401, with the scheme that would be. The answer's `date` tells by how much a clock is off.
pub(super) struct Unauthorized(Problem);

impl IntoResponse for Unauthorized {
    fn into_response(self) -> Response {
        ([(header::WWW_AUTHENTICATE, "Wayhex")], self.0).into_response()
    }
}

impl From<Problem> for Unauthorized {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

fn refused(code: &'static str, detail: &str) -> Unauthorized {
    Unauthorized(Problem::new(
        StatusCode::UNAUTHORIZED,
        code,
        format!("the token: {detail}"),
    ))
}

impl FromRequestParts<Arc<App>> for Driver {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let envelope = presented(parts).map_err(IntoResponse::into_response)?;
        let signer = envelope::peek::<Token>(&envelope).map(|(signer, _)| signer);
        let signer = signer
            .map_err(|error| refused("token_malformed", &error.to_string()).into_response())?;
        let found = app
            .store
            .read(move |connection| registered(connection, &signer))
            .await;
        let found = found.map_err(|error| Problem::from(error).into_response())?;
        let Some(device) = found else {
            let detail = "its device is not registered here";
            return Err(refused("token_unknown_device", detail).into_response());
        };
        match check(app, parts, &envelope, &device.key) {
            Ok(()) => Ok(Self {
                device: signer,
                row: device.row,
            }),
            Err(refusal) => Err(refusal.into_response()),
        }
    }
}

fn presented(parts: &Parts) -> Result<Vec<u8>, Unauthorized> {
    let value = parts.headers.get(header::AUTHORIZATION);
    let token = value
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix(SCHEME))
        .ok_or_else(|| refused("token_missing", "`authorization: Wayhex ...` is needed"))?;
    BASE64URL_NOPAD
        .decode(token.as_bytes())
        .map_err(|error| refused("token_malformed", &error.to_string()))
}

fn check(app: &App, parts: &Parts, envelope: &[u8], key: &PublicKey) -> Result<(), Unauthorized> {
    let opened = envelope::open::<Token>(envelope, &app.network, |_| Some(key.clone()));
    let token = opened.map_err(|error| match error {
        OpenError::Decode(error) => refused("token_malformed", &error.to_string()),
        error => refused("token_signature", &error.to_string()),
    })?;
    let token = token.message;
    if !app.origins.accepts(&token.audience) {
        return Err(refused("token_audience", "it is for another server"));
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if token.method != parts.method.as_str() || token.path != path {
        return Err(refused("token_request", "it is for another method or path"));
    }
    if !token.is_fresh(now_ms()) {
        let detail = "it is too old, or ahead of time; `date` tells the server's time";
        return Err(refused("token_stale", detail));
    }
    Ok(())
}
