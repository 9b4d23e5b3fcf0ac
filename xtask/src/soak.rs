//! Hours of trouble: kills, cuts, canaries and a full queue on real processes, and hostile bytes beside them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};

use crate::fuzz::{self, Row};
use crate::run::{capture, cargo, run as run_program, say};
use crate::workspace::Workspace;

/// Seconds of a minute.
const MINUTE_S: u64 = 60;

/// What `cargo xtask soak` is asked.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// What moments, places and inputs are drawn from; drawn and said where it is missing.
    #[arg(long)]
    seed: Option<u32>,
    /// How many phones, and how many servers, are killed at random moments.
    #[arg(long, default_value_t = 1_000)]
    kills: u32,
    /// How long each fuzz target runs; 0 leaves them out.
    #[arg(long, value_name = "MINUTES", default_value_t = 30)]
    fuzz_minutes: u64,
    /// How many targets run at a time; each takes a core.
    #[arg(long, value_name = "N", default_value_t = fuzz::AT_A_TIME)]
    at_a_time: usize,
    /// Write the figures here, as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs all of it, the targets beside the rest, and prints each figure with its floor and its seed.
///
/// # Errors
/// A law was broken: what is printed names the seed and the folder where everything lies.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    run_program(&mut cargo(
        workspace,
        &["build", "--workspace", "--bins", "--examples"],
    ))?;
    let began = Instant::now();
    let seed = options.seed.map_or_else(drawn, Ok)?;
    let (told, fuzzed) = thread::scope(|scope| {
        let fuzzed = scope.spawn(|| match options.fuzz_minutes {
            0 => Ok(Vec::new()),
            minutes => {
                let wanted = fuzz::Options {
                    seconds: minutes * MINUTE_S,
                    at_a_time: options.at_a_time,
                    seed: Some(seed),
                    targets: Vec::new(),
                };
                fuzz::run(workspace, &wanted)
            }
        });
        let told = endured(workspace, seed, options.kills);
        let fuzzed = fuzzed.join();
        (
            told,
            fuzzed.unwrap_or_else(|_panic| Err(anyhow!("the fuzzing panicked"))),
        )
    });
    let rows = fuzzed?;
    let minutes = began.elapsed().as_secs() / MINUTE_S;
    let told = format!(
        "{}{}\nIn all {minutes} minutes, with the building of the targets.\n",
        told?,
        table(&rows, options.fuzz_minutes)
    );
    say(&told);
    if let Some(file) = &options.out {
        fs::write(file, &told).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let findings: usize = rows.iter().map(|row| row.findings.len()).sum();
    ensure!(findings == 0, "{findings} inputs broke a law");
    Ok(())
}

/// Kills, cuts, canaries and the queue; what they came to, as Markdown.
fn endured(workspace: &Workspace, seed: u32, kills: u32) -> Result<String> {
    let mut endurance = Command::new(workspace.program("endurance"));
    endurance.args(["--seed", &seed.to_string()]);
    endurance.args(["--kills", &kills.to_string()]);
    let (told, code) = capture(&mut endurance)?;
    ensure!(
        code == Some(0),
        "a law was broken; `cargo xtask soak --seed {seed}` draws the same again"
    );
    Ok(told)
}

/// What the targets came to, as Markdown.
fn table(rows: &[Row], minutes: u64) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head = format!(
        "\n| fuzzed for {minutes} minutes | executions | edges reached | findings | seed |\n\
         | --- | --- | --- | --- | --- |\n"
    );
    let lines = rows.iter().map(|row| {
        let (executions, edges) = (row.executions, row.coverage);
        let findings = row.findings.len();
        format!(
            "| {} | {executions} | {edges} | {findings} | {} |\n",
            row.target, row.seed
        )
    });
    head + &lines.collect::<String>()
}

fn drawn() -> Result<u32> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(now.subsec_nanos().max(1))
}
