//! What every handler shares, and the table of routes.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;
use wayhex_protocol::id::NetworkId;

use crate::clock::ClockWatch;
use crate::config::Config;
use crate::metrics::count_requests;
use crate::policy::PolicyBook;
use crate::problem::Problem;
use crate::receive::{Nonces, UnderWay};
use crate::reward::trees::Trees;
use crate::store::Store;
use crate::{query, receive};

/// The server's state.
pub struct App {
    /// As it was read at the start.
    pub config: Config,
    /// The network that every signature is for.
    pub network: NetworkId,
    /// Everything that lasts.
    pub store: Store,
    /// The published policies; new ones come with a start.
    pub policies: PolicyBook,
    /// The names of this server.
    pub origins: Origins,
    /// Claim trees of closed epochs, for proofs.
    pub trees: Trees,
    pub(crate) nonces: Nonces,
    pub(crate) under_way: Arc<UnderWay>,
    pub(crate) clock: ClockWatch,
    pub(crate) uploads: Arc<Semaphore>,
    /// One for each core: pictures are decoded by as many threads, whatever the number of uploads.
    pub(crate) picture_slots: Arc<Semaphore>,
}

impl App {
    /// The state of a server that was bound to `bound`.
    #[must_use]
    pub fn new(
        config: Config,
        network: NetworkId,
        store: Store,
        policies: PolicyBook,
        bound: SocketAddr,
        clock: ClockWatch,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            origins: Origins::new(&config.server.origins, bound),
            uploads: Arc::new(Semaphore::new(config.receive.uploads_max)),
            picture_slots: Arc::new(Semaphore::new(cores)),
            trees: Trees::default(),
            nonces: Nonces::default(),
            under_way: Arc::default(),
            clock,
            config,
            network,
            store,
            policies,
        }
    }
}

/// The API's routes with their description.
#[must_use]
pub fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(receive::routes())
        .merge(query::routes())
}

/// The API, ready to be served.
pub fn router(app: Arc<App>) -> Router {
    let (routes, _description) = api().split_for_parts();
    routes
        .fallback(|| async { Problem::not_found("not_found", "there is nothing under this path") })
        .method_not_allowed_fallback(|| async {
            let detail = "this path does not answer to this method";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        })
        .layer(from_fn(count_requests))
        .with_state(app)
}

/// The origins as which phones may address the server. A registration or token that was made for another is somebody
/// else's, passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// The configured ones, else the loopback names of the bound address.
    #[must_use]
    pub fn new(configured: &[String], bound: SocketAddr) -> Self {
        if configured.is_empty() {
            let port = bound.port();
            Self(vec![
                format!("http://{bound}"),
                format!("http://localhost:{port}"),
            ])
        } else {
            Self(configured.to_vec())
        }
    }

    /// Whether an origin is this server's.
    #[must_use]
    pub fn accepts(&self, origin: &str) -> bool {
        self.0.iter().any(|known| known == origin)
    }

    /// The first of them.
    #[must_use]
    pub fn first(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}
