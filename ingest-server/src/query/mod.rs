//! Answers whoever asks: the map, the epochs, and a driver about his own.
//!
//! Everything public is delayed or summed as `delay` and the handlers say; what belongs to one driver needs a token signed by
//! his device. A list is answered in pages: `limit` rows at most, and `next`, which given back as `cursor` goes on after them.

mod asked;
mod bbox;
mod coverage;
mod delay;
mod driver;
mod epochs;
mod freshness;
mod items;
mod outline;
mod payouts;
mod rewards;
mod spatial;
mod units;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

/// The routes of the map and the rewards.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(coverage::coverage))
        .routes(routes!(freshness::freshness))
        .routes(routes!(epochs::epoch))
        .routes(routes!(units::units))
        .routes(routes!(payouts::payouts))
        .routes(routes!(items::items))
        .routes(routes!(rewards::rewards))
}
