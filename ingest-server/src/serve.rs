//! `wayhex-server serve`: opens the store, binds, says where, serves until told to stop.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::app::{self, App};
use crate::clock::{ClockWatch, now_ms};
use crate::config::Config;
use crate::failpoints;
use crate::keys::Keys;
use crate::listen::{self, Limits};
use crate::policy::{self, PolicyBook, PolicyError};
use crate::reward::schedule;
use crate::store::{Store, latest_commit_ms};

/// What the ready file says, for a program that started the server.
#[derive(Debug, Serialize)]
struct Ready {
    /// Where the API answers.
    url: String,
    /// Where the metrics are.
    metrics: String,
    /// What a phone pins.
    server_key: String,
}

/// Serves until SIGINT or SIGTERM. Once connections are accepted, `ready_file` is written, whole or not at all.
///
/// # Errors
/// The store cannot be opened, or an address not bound.
pub fn run(config: Config, ready_file: Option<&Path>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(config, ready_file))
}

async fn serve(config: Config, ready_file: Option<&Path>) -> anyhow::Result<()> {
    let recorder = crate::metrics::install().context("cannot install the metrics recorder")?;
    crate::metrics::count_panics();
    let network = config.network.network()?;
    let folder = config.store.folder.clone();
    let keys = Keys::open(&folder)
        .with_context(|| format!("cannot open the keys of store {}", folder.display()))?;
    let keys = Arc::new(keys);
    let store = Store::open(&folder, Arc::clone(&keys), &network)
        .with_context(|| format!("cannot open the store {}", folder.display()))?;
    let policies = published(&config, &store).await?;
    let latest_ms = store.read(latest_commit_ms).await?;
    let clock = ClockWatch::new(now_ms(), Instant::now(), latest_ms);

    let listener = bind(config.server.listen, "server.listen").await?;
    let metrics_listener = bind(config.server.metrics, "server.metrics").await?;
    let bound = listener.local_addr()?;
    let ready = Ready {
        url: format!("http://{bound}"),
        metrics: format!("http://{}/metrics", metrics_listener.local_addr()?),
        server_key: keys.signing.thumbprint().to_string(),
    };
    let limits = Limits {
        connections_max: config.server.connections_max,
        head_timeout: Duration::from_secs(config.server.head_timeout_s),
        drain: Duration::from_secs(config.server.drain_s),
    };
    let app = Arc::new(App::new(
        config,
        network,
        store.clone(),
        policies,
        bound,
        clock,
    ));
    tracing::info!(url = ready.url, metrics = ready.metrics, server_key = ready.server_key, store = %folder.display(), "serving");
    if let Some(path) = ready_file {
        write_ready(path, &ready)
            .with_context(|| format!("cannot write the ready file {}", path.display()))?;
    }

    let stop = stop_signal()?;
    let schedule = tokio::spawn(schedule::run(Arc::clone(&app)));
    let upkeep = tokio::spawn(crate::metrics::upkeep(recorder.clone()));
    let metrics_router = crate::metrics::router(recorder);
    let metrics = listen::serve(
        metrics_listener,
        metrics_router,
        limits,
        stopped(stop.clone()),
    );
    let metrics = tokio::spawn(metrics);
    listen::serve(listener, app::router(app), limits, stopped(stop)).await;
    metrics.await.context("the metrics listener failed")?;
    schedule.abort();
    upkeep.abort();
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}

async fn published(config: &Config, store: &Store) -> anyhow::Result<PolicyBook> {
    let network = config.network.network()?;
    let terms = config.policy.terms()?;
    let keys = Arc::clone(store.keys());
    let book = store
        .write(
            failpoints::POLICY_COMMIT,
            move |transaction| -> Result<PolicyBook, PolicyError> {
                policy::publish(transaction, &terms, &network, &keys.signing, now_ms())?;
                PolicyBook::read(transaction, &network, &keys.signing)
            },
        )
        .await?;
    Ok(book)
}

async fn bind(address: std::net::SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{key}: cannot listen on {address}"))
}

fn write_ready(path: &Path, ready: &Ready) -> anyhow::Result<()> {
    let temporary = path.with_extension("tmp");
    failpoints::READY_WRITE.hit();
    std::fs::write(&temporary, serde_json::to_vec(ready)?)?;
    failpoints::READY_RENAME.hit();
    std::fs::rename(&temporary, path)?;
    Ok(())
}

/// Turns true with the first SIGINT or SIGTERM.
fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let (told, stop) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: requests in flight may end");
        told.send_replace(true);
    });
    Ok(stop)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // The sender lives until it has told; an end without a word is an end, too.
    drop(stop.wait_for(|told| *told).await);
}
