//! The demo: a drive, a phone, a server, an epoch, an audit, and the books compared.

mod audit;
mod drive;
mod identities;
mod print;
mod server;
mod summary;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::exit::{Ending, Exit};
use crate::models;
use crate::run::{ask_to_end, cargo, run as run_program, say};
use crate::workspace::Workspace;
pub use server::Server;
use summary::{Problem, Summary};

/// Faces that the rendered drive must show covered: a demo that covers none proves nothing.
const RENDERED_FACES_MIN: u64 = 20;

/// Whether the user has interrupted the demo.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The process id of the phone while it runs, else 0.
static PHONE: AtomicU32 = AtomicU32::new(0);
/// How long the folders of earlier runs are kept.
const RUNS_KEPT: Duration = Duration::from_hours(24);

/// What the demo's user can choose.
#[derive(Args)]
pub struct Options {
    /// Play this drive: a folder of pictures with a JSON beside each, of geotagged JPEGs, of CSV tables, or a recorded session.
    #[arg(long, value_name = "DIR")]
    drive: Option<PathBuf>,
    /// Trim exactly so many metres from both ends of a trip: 0 (recordings only) or 100 and more.
    #[arg(long, value_name = "N", value_parser = trim)]
    trim_m: Option<u32>,
    /// End after the summary instead of serving on.
    #[arg(long)]
    once: bool,
    /// Print the summary as one JSON object on standard output.
    #[arg(long)]
    json: bool,
}

/// Plays the drive and shows what came of it.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let began = Instant::now();
    on_interrupt()?;
    build(workspace)?;
    models::ensure(&workspace.root, &say)?;
    let drive = drive::prepare(workspace, options.drive.as_deref())?;
    let folder = new_run_folder(workspace)?;
    let server = Server::start(workspace, &folder)?;
    say(&format!(
        "server: {} with its store in {}",
        server.url,
        server.store.display()
    ));

    let (report, ending) = play(workspace, options, &drive, &server, &folder)?;
    let mut summary = Summary::of_report(&report, &server);
    if let Err(error) = audit::close_and_audit(workspace, &server, &mut summary) {
        summary.errors.push(Problem::new(
            "epoch_not_closed",
            "epoch",
            format!("{error:#}"),
        ));
    }
    if drive.is_rendered && summary.faces() < RENDERED_FACES_MIN {
        let cause = format!(
            "{} faces were covered, at least {RENDERED_FACES_MIN} are drawn to be",
            summary.faces()
        );
        summary
            .errors
            .push(Problem::new("faces_not_covered", "rendered drive", cause));
    }
    let broken = identities::broken(&summary);
    summary.errors.extend(
        broken
            .iter()
            .map(|law| Problem::new("identity", "summary", law.clone())),
    );
    summary.settle(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));

    print::summary(&summary, options.json)?;
    if !options.once && ending.is_none() {
        say(&format!(
            "serving on at {} until interrupted (Ctrl-C)",
            server.url
        ));
        server::wait_for_end()?;
    }
    yield_to_interruption();
    verdict(&summary, &broken, ending)
}

fn verdict(summary: &Summary, broken: &[String], ending: Option<Exit>) -> Result<()> {
    let cause = |fallback: &str| {
        summary
            .errors
            .first()
            .map_or_else(|| fallback.to_owned(), |problem| problem.cause.clone())
    };
    match ending {
        Some(exit) => Err(Ending::error(exit, cause("the phone did not finish"))),
        None if summary.ok && broken.is_empty() => Ok(()),
        None => Err(Ending::error(
            Exit::Identity,
            cause("the audit does not match"),
        )),
    }
}

fn build(workspace: &Workspace) -> Result<()> {
    say("building the server and the phone");
    // The whole workspace: another selection would build the dependencies again with other features.
    run_program(&mut cargo(workspace, &["build", "--workspace", "--bins"]))
}

/// The folder of a drive that can be played: the given one, or the rendered one.
pub fn prepared_drive(workspace: &Workspace, given: Option<&Path>) -> Result<PathBuf> {
    drive::prepare(workspace, given).map(|drive| drive.folder)
}

/// Plays the drive through the real device pipeline; returns its report and, where it did not end well, how.
fn play(
    workspace: &Workspace,
    options: &Options,
    drive: &drive::Prepared,
    server: &Server,
    folder: &Path,
) -> Result<(Value, Option<Exit>)> {
    let mut phone = Command::new(workspace.program("dashcam"));
    phone
        .arg("--json")
        .arg("--replay")
        .arg(&drive.folder)
        .args(["--server", &server.url]);
    phone
        .args(["--server-key", &server.key])
        .arg("--store")
        .arg(folder.join("phone"));
    phone.arg("--models").arg(workspace.root.join("models"));
    for zone in &drive.private_zones {
        phone.args(["--private-zone", zone]);
    }
    if let Some(metres) = options.trim_m {
        phone.args(["--trim-m", &metres.to_string()]);
        say(&format!("trips are trimmed by exactly {metres} m"));
    }
    let running = phone
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the phone")?;
    PHONE.store(running.id(), Ordering::SeqCst);
    let ended = running
        .wait_with_output()
        .context("cannot wait for the phone")?;
    PHONE.store(0, Ordering::SeqCst);
    yield_to_interruption();
    let code = ended.status.code();
    let output = String::from_utf8(ended.stdout).context("the phone printed no text")?;
    let report = folder.join("report.json");
    std::fs::write(&report, &output)
        .with_context(|| format!("cannot write {}", report.display()))?;
    let ending = (code != Some(0)).then(|| Exit::of_code(code));
    match (serde_json::from_str(&output), ending) {
        (Ok(report), ending) => Ok((report, ending)),
        (Err(_), Some(exit)) => Err(Ending::error(
            exit,
            "the phone ended without a report; see above",
        )),
        (Err(error), None) => Err(error).context("the phone's report is not JSON"),
    }
}

/// The phone refuses the same; said here before anything is built.
fn trim(text: &str) -> Result<u32, String> {
    let metres = text
        .parse()
        .map_err(|error| format!("not a number of metres: {error}"))?;
    if (1..100).contains(&metres) {
        return Err("1 to 99 m hide nothing; it is 0 (for recordings) or 100 and more".to_owned());
    }
    Ok(metres)
}

/// A new folder for what a run writes.
pub fn new_run_folder(workspace: &Workspace) -> Result<PathBuf> {
    let now_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?
        .as_millis();
    let runs = workspace.scratch.join("runs");
    remove_old_runs(&runs, now_ms)?;
    let folder = runs.join(format!("{now_ms}-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// A run's folder begins with the millisecond it was made in.
fn remove_old_runs(runs: &Path, now_ms: u128) -> Result<()> {
    for run in std::fs::read_dir(runs).into_iter().flatten().flatten() {
        let name = run.file_name();
        let made_ms = name
            .to_str()
            .and_then(|name| name.split('-').next()?.parse::<u128>().ok());
        if made_ms.is_some_and(|made_ms| made_ms + RUNS_KEPT.as_millis() < now_ms) {
            let folder = run.path();
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
    }
    Ok(())
}

/// An interruption ends the phone and the server before this program, which then ends with its own code, whatever the
/// main thread is about to end with.
fn on_interrupt() -> Result<()> {
    ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        let phone = PHONE.load(Ordering::SeqCst);
        if phone != 0 {
            ask_to_end(phone);
        }
        server::stop_running();
        std::process::exit(Exit::Interrupted as i32);
    })
    .context("cannot listen for interruption")
}

/// Gives way to the handler of an interruption, if there was one.
fn yield_to_interruption() {
    while INTERRUPTED.load(Ordering::SeqCst) {
        std::thread::park();
    }
}
