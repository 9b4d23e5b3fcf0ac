//! Hands out the signed policy.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use wayhex_protocol::batch::SignedPolicy;
use wayhex_protocol::cbor::Wire;
use wayhex_protocol::key::Signer;

use crate::app::App;
use crate::problem::Problem;
use crate::store::StoreError;

/// The newest policy and the key that signed it: CBOR `[COSE_Key bstr, envelope bstr]`.
#[utoipa::path(get, path = "/v1/policy", tag = "phone", responses(
    (status = 200, content_type = "application/cbor", body = Vec<u8>)))]
pub(super) async fn policy(State(app): State<Arc<App>>) -> Result<impl IntoResponse, Problem> {
    let current = app
        .policies
        .current()
        .ok_or(StoreError::Damaged("no policy was published"))?;
    let signed = SignedPolicy {
        server_key: app.store.keys().signing.public_key().to_bytes(),
        envelope: current.envelope.clone(),
    };
    Ok((
        [(header::CONTENT_TYPE, "application/cbor")],
        signed.to_bytes(),
    ))
}
