//! A queue that holds as much as it may, measured by `large_queue` of wayhex-device in a process of its own.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::programs::program;

/// The most memory that the process may have held, bytes.
pub const MEMORY_MAX_BYTES: u64 = 100_000_000;
/// How long opening and resuming may take, milliseconds.
pub const OPEN_MAX_MS: f64 = 1_000.0;
/// How long it may take to name what is sent next, milliseconds.
pub const NEXT_MAX_MS: f64 = 10.0;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Items in the queue.
    pub items: u64,
    /// Milliseconds until a session was open and had resumed.
    pub open_ms: f64,
    /// Milliseconds until the next task was named.
    pub next_task_ms: f64,
    /// The most memory that the process held, bytes.
    pub peak_bytes: u64,
}

/// Fills a queue in a folder with so many items of so many bytes, and opens it in another process.
///
/// # Errors
/// The program is not built or fails, or the queue does not hold what it was given.
pub fn measure(folder: &Path, items: u64, bytes: u64, seed: u64) -> Result<Figures> {
    let numbers = [items, bytes, seed].map(|number| number.to_string());
    let [items_text, bytes_text, seed_text] = &numbers;
    large_queue(
        folder,
        &["fill"],
        &[
            "--items", items_text, "--bytes", bytes_text, "--seed", seed_text,
        ],
    )?;
    let opened = large_queue(folder, &["open"], &[])?;
    let figure = |name: &str| {
        let value = opened[name].as_f64();
        value.with_context(|| format!("large_queue says no {name}: {opened}"))
    };
    let figures = Figures {
        items: opened["pending"].as_u64().context("no number of items")?,
        open_ms: figure("open_ms")?,
        next_task_ms: figure("next_task_ms")?,
        peak_bytes: opened["peak_rss_bytes"].as_u64().context("no memory")?,
    };
    ensure!(
        figures.items == items,
        "{} items are pending of {items}",
        figures.items
    );
    Ok(figures)
}

fn large_queue(folder: &Path, before: &[&str], after: &[&str]) -> Result<Value> {
    let path = program("examples/large_queue")?;
    let mut command = Command::new(path);
    let output = command.args(before).arg(folder).args(after).output()?;
    ensure!(
        output.status.success(),
        "large_queue {before:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("large_queue prints no JSON")
}
