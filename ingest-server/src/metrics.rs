//! Figures for the operator, on a listener of their own. No figure tells of a driver, a device or a place.
//!
//! Counters and gauges are set where things happen; what they are called and mean is said once, in [`install`].

use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

const REQUESTS: &str = "wayhex_http_requests_total";
const OPEN_EPOCH: &str = "wayhex_open_epoch";
const PANICS: &str = "wayhex_panics_total";
/// Seconds of a group commit: two or three flushes to a disk take 1 to 100 ms, a close beside it seconds.
const COMMIT_SECONDS: &[f64] = &[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
/// Items of a group commit: up to one full batch.
const COMMIT_ITEMS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
/// How often measurements that nobody fetched are gathered, so that they do not pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder that every figure of this process reports to. Once a process.
///
/// # Errors
/// A recorder is installed already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let seconds = Matcher::Full("wayhex_group_commit_seconds".to_owned());
    let items = Matcher::Full("wayhex_group_commit_items".to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(seconds, COMMIT_SECONDS)?
        .set_buckets_for_metric(items, COMMIT_ITEMS)?
        .install_recorder()?;
    describe_counter!(REQUESTS, "Requests answered, by method, route and status");
    describe_counter!(
        "wayhex_items_total",
        "Items answered, by verdict and reason"
    );
    describe_counter!(
        "wayhex_upload_bytes_total",
        Unit::Bytes,
        "Bytes of batches received"
    );
    describe_histogram!("wayhex_group_commit_items", "Items committed together");
    describe_histogram!(
        "wayhex_group_commit_seconds",
        Unit::Seconds,
        "Time of a group commit"
    );
    describe_gauge!("wayhex_writer_queue_depth", "Jobs that wait for the writer");
    describe_gauge!(OPEN_EPOCH, "The number of the open epoch");
    describe_counter!(
        PANICS,
        "Faults of this program that were met, those that only cost one item too; anything above 0 wants a report"
    );
    Ok(handle)
}

/// Counts every panic from now on, caught or not, and lets it be reported as before. Once a process.
///
/// A panic in a task costs its item or request and no more, so that the answers would not show it.
pub fn count_panics() {
    counter!(PANICS).absolute(0);
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        counter!(PANICS).increment(1);
        report(panic);
    }));
}

/// `GET /metrics` in the text format of Prometheus.
pub fn router(handle: PrometheusHandle) -> Router {
    Router::new().route("/metrics", get(move || async move { handle.render() }))
}

/// Gathers measurements until it is dropped.
pub async fn upkeep(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        handle.run_upkeep();
    }
}

/// Counts each answer by its route, never by the path that was asked: a path may name an account.
pub async fn count_requests(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status).increment(1);
    response
}

/// Tells which epoch is open.
pub fn set_open_epoch(number: u64) {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a counter of days stays below 2^53"
    )]
    gauge!(OPEN_EPOCH).set(number as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_counted_although_it_was_caught() {
        let figures = install().expect("the first recorder of this process");
        count_panics();
        assert!(figures.render().contains("wayhex_panics_total 0"));
        let empty: &[u8] = &[];
        let place = std::hint::black_box(3);
        assert!(std::panic::catch_unwind(|| empty[place]).is_err());
        assert!(figures.render().contains("wayhex_panics_total 1"));
    }
}
