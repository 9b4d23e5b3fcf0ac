//! The soak: everything that takes longer than a test may, each figure with its floor and its seed.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};

use crate::cuts::{Batch, SENT_MAX_PERCENT};
use crate::kills::{Random, Scratch, every_failpoint, random, seed};
use crate::queue::{MEMORY_MAX_BYTES, NEXT_MAX_MS, OPEN_MAX_MS, measure};
use crate::scenario::Scenario;
use crate::world::{Size, World};
use crate::{canary, queue};

/// Kills of each side in one run: the more, the fewer runs are compared.
const KILLS_IN_A_RUN: u32 = 8;
/// Items of the large queue, as many as it may hold.
const QUEUE_ITEMS: u64 = 200_000;
/// Bytes of each of them.
const QUEUE_ITEM_BYTES: u64 = 40_000;

/// What the soak is asked.
#[derive(Debug, Parser)]
#[command(name = "endurance", about = "Kills, cuts and hours of use")]
pub struct Options {
    /// What everything is drawn from; the time where it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// How many phones and how many servers are killed at random moments
    #[arg(long, default_value_t = 1_000)]
    kills: u32,
    /// How many batches are cut
    #[arg(long, default_value_t = 64)]
    cuts: usize,
    /// How often the canary is looked for
    #[arg(long, default_value_t = 6)]
    canaries: usize,
    /// Only this
    #[arg(long)]
    only: Option<Part>,
    /// Write the table here, too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A part of the soak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Every failpoint, first and later hits
    Failpoints,
    /// Random moments
    Kills,
    /// Batches
    Cuts,
    /// A queue that is full
    Queue,
    /// What is private
    Canary,
}

/// Does a part, by the options and the seed, in a folder; its lines of the table.
type Work = fn(&Options, u64, &Path) -> Result<Vec<Row>>;

/// A line of the table.
struct Row {
    what: String,
    figure: String,
    floor: String,
    took: Duration,
}

/// Runs it, and prints the table.
///
/// # Errors
/// The first law that is broken, with the seed, and where everything lies.
pub fn run(options: &Options) -> Result<()> {
    let seed = options.seed.map_or_else(seed, Ok)?;
    say(&format!("seed {seed}"))?;
    let parts: [(Part, Work); 5] = [
        (Part::Failpoints, failpoints),
        (Part::Kills, kills),
        (Part::Cuts, cuts),
        (Part::Queue, large_queue),
        (Part::Canary, canaries),
    ];
    let mut rows = Vec::new();
    for (part, work) in parts {
        if options.only.is_some_and(|only| only != part) {
            continue;
        }
        say(&format!("{part:?} ..."))?;
        let done = Scratch::new()?.with(|folder| work(options, seed, folder));
        rows.extend(done.with_context(|| format!("{part:?} with --seed {seed}"))?);
    }
    let table = table(&rows, seed)?;
    write!(std::io::stdout(), "{table}")?;
    if let Some(path) = &options.out {
        fs::write(path, table).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn failpoints(_options: &Options, seed: u64, folder: &Path) -> Result<Vec<Row>> {
    let began = Instant::now();
    let world = World::prepare(&folder.join("world"), Size::Small)?;
    let done = every_failpoint(&world, folder, Scenario::ALL, seed)?;
    Ok(vec![Row {
        what: "kills at failpoints survived".to_owned(),
        figure: format!("{} at {} names", done.kills, done.names),
        floor: "each name once".to_owned(),
        took: began.elapsed(),
    }])
}

fn kills(options: &Options, seed: u64, folder: &Path) -> Result<Vec<Row>> {
    let began = Instant::now();
    let world = World::prepare(&folder.join("world"), Size::Middle)?;
    let asked = Random {
        seed,
        phones: options.kills,
        servers: options.kills,
        in_a_run: KILLS_IN_A_RUN,
    };
    let done = random(&world, folder, asked)?;
    Ok(vec![Row {
        what: "random kills survived, phones and servers".to_owned(),
        figure: format!("{} + {}", done.phones_killed, done.servers_killed),
        floor: format!("{0} + {0}", options.kills),
        took: began.elapsed(),
    }])
}

fn cuts(options: &Options, seed: u64, folder: &Path) -> Result<Vec<Row>> {
    let began = Instant::now();
    let batch = Batch::prepare(&folder.join("batch"))?;
    let done = batch.cut(folder, options.cuts, seed)?;
    let hundredths = |percent: u64| format!("{}.{:02}", percent / 100, percent % 100);
    let worst = hundredths(done.worst_percent);
    Ok(vec![Row {
        what: format!("bytes sent after a cut of a batch of {} bytes", batch.bytes),
        figure: format!("at most {worst} x in {} cuts", done.number),
        floor: format!("{} x", hundredths(SENT_MAX_PERCENT)),
        took: began.elapsed(),
    }])
}

fn large_queue(_options: &Options, seed: u64, folder: &Path) -> Result<Vec<Row>> {
    let began = Instant::now();
    let figures = measure(&folder.join("queue"), QUEUE_ITEMS, QUEUE_ITEM_BYTES, seed)?;
    let queue::Figures {
        open_ms,
        next_task_ms,
        peak_bytes,
        ..
    } = figures;
    ensure!(
        open_ms < OPEN_MAX_MS && next_task_ms < NEXT_MAX_MS && peak_bytes < MEMORY_MAX_BYTES,
        "the full queue is too slow or too large: {figures:?}"
    );
    let row = |what: &str, figure: String, floor: String| Row {
        what: format!("queue of {QUEUE_ITEMS} items of {QUEUE_ITEM_BYTES} bytes: {what}"),
        figure,
        floor,
        took: began.elapsed(),
    };
    Ok(vec![
        row(
            "opens and resumes",
            format!("{open_ms:.0} ms"),
            format!("{OPEN_MAX_MS:.0} ms"),
        ),
        row(
            "next task",
            format!("{next_task_ms:.1} ms"),
            format!("{NEXT_MAX_MS:.0} ms"),
        ),
        row(
            "memory",
            format!("{} MB", peak_bytes / 1_000_000),
            format!("{} MB", MEMORY_MAX_BYTES / 1_000_000),
        ),
    ])
}

fn canaries(options: &Options, seed: u64, _folder: &Path) -> Result<Vec<Row>> {
    let began = Instant::now();
    let report = canary::run(seed, options.canaries)?;
    ensure!(report.findings.is_empty(), "{report}");
    let figures = &report.figures;
    Ok(vec![Row {
        what: format!("what is private, in {figures}"),
        figure: format!("0 findings in {} runs", report.runs),
        floor: "0".to_owned(),
        took: began.elapsed(),
    }])
}

fn table(rows: &[Row], seed: u64) -> Result<String> {
    let mut text = format!(
        "### {}, commit {}, seed {seed}\n\n| what | figure | floor | seconds |\n| --- | --- | --- | --- |\n",
        today()?,
        commit()
    );
    for row in rows {
        let seconds = row.took.as_secs();
        writeln!(
            text,
            "| {} | {} | {} | {seconds} |",
            row.what, row.figure, row.floor
        )?;
    }
    Ok(text)
}

/// The commit that was built, as far as the sources beside it tell.
fn commit() -> String {
    let mut git = Command::new("git");
    let git = git.args(["-C", env!("CARGO_MANIFEST_DIR")]);
    let said = git.args(["describe", "--always", "--dirty"]).output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The date in UTC (the civil calendar from days since 1970, by Howard Hinnant's `civil_from_days`).
fn today() -> Result<String> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    Ok(format!(
        "{:04}-{month:02}-{day:02}",
        400 * era + year + next
    ))
}

/// A line on stderr.
fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stderr(), "endurance: {text}")?)
}
