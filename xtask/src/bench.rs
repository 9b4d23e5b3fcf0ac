//! What a frame costs: CPU time of each stage on one thread, and the peak memory of the process.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::demo::{Server, new_run_folder, prepared_drive};
use crate::models;
use crate::run::{capture, cargo, run as run_program, say};
use crate::workspace::Workspace;

/// The stages whose CPU time is reported, in the order of a frame's way.
const STAGES: [&str; 6] = ["capture", "privacy", "tag", "sign", "queue", "upload"];

/// Plays a drive with the optimised programs and prints what it cost: the given drive, else drive-sf of the recordings, else
/// the rendered one.
pub fn run(workspace: &Workspace, drive: Option<&Path>) -> Result<()> {
    say("building the optimised programs");
    run_program(&mut cargo(
        workspace,
        &["build", "--release", "--workspace", "--bins"],
    ))?;
    let workspace = &workspace.in_release();
    let models = models::ensure(&workspace.root, &say)?;
    let recorded = workspace.recordings().map(|data| data.join("drive-sf"));
    let drive = prepared_drive(workspace, drive.or(recorded.as_deref()))?;
    let folder = new_run_folder(workspace)?;
    let server = Server::start(workspace, &folder)?;
    let mut dashcam = Command::new(workspace.program("dashcam"));
    dashcam.args([
        "--json",
        "--trim-m",
        "0",
        "--server",
        &server.url,
        "--server-key",
        &server.key,
    ]);
    dashcam
        .arg("--replay")
        .arg(&drive)
        .arg("--store")
        .arg(folder.join("phone"));
    dashcam.arg("--models").args(models.parent());
    let (output, code) = capture(&mut dashcam)?;
    ensure!(code == Some(0), "the dashcam ended with {code:?}");
    say(&format!("drive {}", drive.display()));
    print(&serde_json::from_str(&output).context("the dashcam's report is not JSON")?)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds and bytes of a run are far below 2^52"
)]
fn print(report: &Value) -> Result<()> {
    let count = |value: &Value| value.as_u64().unwrap_or(0) as f64;
    let kept = count(&report["frames"]["queued"]).max(1.0);
    let mut out = stdout().lock();
    writeln!(
        out,
        "{} frames seen, {} kept; CPU milliseconds for each kept frame",
        report["frames"]["seen"], kept
    )?;
    let mut total = 0.0;
    for stage in STAGES {
        let ms = count(&report["cpu_us"][stage]) / 1_000.0 / kept;
        total += ms;
        writeln!(out, "{stage:>8} {ms:>9.2}")?;
    }
    writeln!(out, "{:>8} {total:>9.2}", "all")?;
    writeln!(
        out,
        "peak memory {:.1} MB",
        count(&report["peak_memory_bytes"]) / 1e6
    )?;
    Ok(())
}
