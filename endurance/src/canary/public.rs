//! What anybody is told: the public API, and the metrics of the operator.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::ground::Ground;

/// Asks for all that is public, and for the metrics; the answers lie in `public` of this folder.
///
/// # Errors
/// Something is not answered.
pub(super) fn ask_as_anybody(ground: &Ground, url: &str, folder: &Path) -> Result<()> {
    let public = folder.join("public");
    fs::create_dir_all(&public)?;
    let (mut south, mut north) = (f64::MAX, f64::MIN);
    let (mut west, mut east) = (f64::MAX, f64::MIN);
    for fix in ground.fixes() {
        (south, north) = (south.min(fix.lat_deg()), north.max(fix.lat_deg()));
        (west, east) = (west.min(fix.lon_deg()), east.max(fix.lon_deg()));
    }
    // A box much larger than the way: what is asked must tell nothing by itself.
    let bbox = format!(
        "{:.1},{:.1},{:.1},{:.1}",
        west - 0.1,
        south - 0.1,
        east + 0.1,
        north + 0.1
    );
    let paths = [
        format!("/v1/coverage?bbox={bbox}&limit=10000"),
        "/v1/policy".to_owned(),
        "/v1/epochs/1".to_owned(),
        "/v1/epochs/1/units".to_owned(),
        "/v1/epochs/1/payouts/eip155:1:0x00000000000000000000000000000000000000ca".to_owned(),
    ];
    for (number, path) in paths.iter().enumerate() {
        let answer = get(url, path)?;
        ensure!(
            answer.starts_with(b"HTTP/1.1 200"),
            "{path} is not answered"
        );
        fs::write(public.join(format!("{number}.answer")), answer)?;
    }
    let ready: Value = serde_json::from_slice(&fs::read(folder.join("server/ready.json"))?)?;
    let metrics = ready["metrics"]
        .as_str()
        .context("the address of the metrics")?;
    let metrics = metrics.trim_end_matches("/metrics");
    fs::write(public.join("metrics.answer"), get(metrics, "/metrics")?)?;
    Ok(())
}

/// A whole answer, head and body.
fn get(origin: &str, path: &str) -> Result<Vec<u8>> {
    let host = origin.trim_start_matches("http://");
    let mut stream =
        TcpStream::connect(host).with_context(|| format!("{origin} does not listen"))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
