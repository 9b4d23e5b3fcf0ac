//! Takes what phones send: within limits that are checked before anything is read, item by item, never holding what it will
//! refuse.

mod answers;
mod body;
mod health;
mod item;
mod nonces;
mod policy;
mod register;
mod under_way;
mod upload;
mod version;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) use nonces::Nonces;
pub(crate) use under_way::UnderWay;

/// The routes of phones.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(register::nonce))
        .routes(routes!(register::register))
        .routes(routes!(policy::policy))
        .routes(routes!(upload::upload))
        .routes(routes!(answers::answers))
        .routes(routes!(health::health))
}
