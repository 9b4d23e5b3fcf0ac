//! Hostile bytes for every reader that can be reached from outside: builds the targets of `fuzz/` and runs them for a while.
//!
//! ```text
//! fuzz/corpus/TARGET             committed: what each run begins with
//! SCRATCH/fuzz/found/TARGET      what runs have found to reach further; the next run begins with it, too
//! SCRATCH/fuzz/findings/TARGET   inputs that broke a law, kept until they are fixed
//! SCRATCH/fuzz/TARGET.log        what the last run said
//! ```
//! Nothing is written below `fuzz/`: a finding that is fixed is put into the corpus by hand, beside its regression test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use crate::exit::{Ending, Exit};
use crate::run::{capture, run as run_program, say};
use crate::tools;
use crate::workspace::Workspace;

/// How long each target runs unless said otherwise, seconds.
pub const SECONDS: u64 = 60;
/// Targets that run at a time unless said otherwise: each takes one core, and every machine that is worth it has two.
pub const AT_A_TIME: usize = 2;
/// Memory of a target, MiB: many times what the largest picture takes, under the instruments.
const MEMORY_MAX_MIB: u32 = 2_048;
/// Longest time for one input, seconds: more is a finding.
const INPUT_TIME_MAX_S: u32 = 10;
/// A file system in memory, where there is one: the targets write small files for each input.
const MEMORY_FOLDER: &str = "/dev/shm";

/// What `cargo xtask fuzz` is asked.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How long each target runs.
    #[arg(long, default_value_t = SECONDS)]
    pub seconds: u64,
    /// How many run at a time; each takes a core.
    #[arg(long, value_name = "N", default_value_t = AT_A_TIME)]
    pub at_a_time: usize,
    /// What each target's inputs are drawn from; drawn itself where it is missing.
    #[arg(long)]
    pub seed: Option<u32>,
    /// The targets; all of them where none is named.
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
}

/// All targets, as long as one run takes.
impl Default for Options {
    fn default() -> Self {
        Self {
            seconds: SECONDS,
            at_a_time: AT_A_TIME,
            seed: None,
            targets: Vec::new(),
        }
    }
}

/// What a target's run came to.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub target: String,
    /// The seed that the inputs were drawn from.
    pub seed: u32,
    /// Inputs that it took.
    pub executions: u64,
    /// Inputs a second.
    pub per_second: u64,
    /// Inputs of the corpus at the end: each reaches something that no other does.
    pub corpus: u64,
    /// Edges of the program that were reached.
    pub coverage: u64,
    /// Inputs that broke a law.
    pub findings: Vec<PathBuf>,
}

/// Runs the targets and fails when one has a finding.
pub fn check(workspace: &Workspace, options: &Options) -> Result<()> {
    let rows = run(workspace, options)?;
    let findings: usize = rows.iter().map(|row| row.findings.len()).sum();
    ensure!(findings == 0, "{findings} inputs broke a law");
    Ok(())
}

/// Builds the targets and runs those that are named, or all of them, for so many seconds each; a row is said as each ends, and
/// for each finding how it is seen again.
///
/// # Errors
/// A target has no such name, the compiler is missing, or a run ended without saying how it went. A finding is no error.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Vec<Row>> {
    let (seconds, targets) = (options.seconds, &options.targets[..]);
    let all = all_targets(workspace)?;
    if let Some(unknown) = targets.iter().find(|name| !all.contains(name)) {
        let message = format!("there is no target {unknown}, but {}", all.join(", "));
        return Err(Ending::error(Exit::Usage, message));
    }
    let wanted = if targets.is_empty() {
        &all[..]
    } else {
        targets
    };
    let bench = Bench::build(workspace)?;
    say("target        executions   per s   corpus  coverage  findings  seed");
    let waiting = Mutex::new(wanted.iter());
    let rows = Mutex::new(Vec::new());
    let work = || {
        loop {
            let Some(target) = waiting.lock().ok().and_then(|mut left| left.next()) else {
                return;
            };
            let row = bench.run(target, seconds, options.seed.unwrap_or_else(draw));
            if let Ok(row) = &row {
                say(&line(row));
                for input in &row.findings {
                    let (program, input) = (bench.programs.join(target), input.display());
                    say(&format!(
                        "finding: `{} {input}` shows it again",
                        program.display()
                    ));
                }
            }
            if let Ok(mut rows) = rows.lock() {
                rows.push(row);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.at_a_time.max(1) {
            scope.spawn(work);
        }
    });
    fs::remove_dir_all(&bench.temporary)
        .with_context(|| format!("cannot remove {}", bench.temporary.display()))?;
    let rows = rows
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    rows.into_iter().collect()
}

fn line(row: &Row) -> String {
    format!(
        "{:12} {:>11} {:>7} {:>8} {:>9} {:>9}  {}",
        row.target,
        row.executions,
        row.per_second,
        row.corpus,
        row.coverage,
        row.findings.len(),
        row.seed
    )
}

/// The folders of the corpus, one for each target.
fn all_targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.root.join("fuzz").join("corpus");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// Where the built targets are and where they work.
struct Bench {
    corpus: PathBuf,
    programs: PathBuf,
    folder: PathBuf,
    temporary: PathBuf,
}

impl Bench {
    fn build(workspace: &Workspace) -> Result<Self> {
        let cargo_fuzz = tools::cargo_fuzz(workspace)?;
        let folder = workspace.scratch.join("fuzz");
        let target = folder.join("target");
        say("building the targets, which takes several minutes the first time");
        let compiler = Compiler::find();
        let mut build = compiler.command(&cargo_fuzz);
        build
            .args(["build", "--fuzz-dir", "fuzz"])
            .current_dir(&workspace.root)
            .env("CARGO_TARGET_DIR", &target);
        run_program(&mut build).context(
            "the targets cannot be built: that takes a nightly compiler (`rustup toolchain install \
             nightly`) and one for C++ (`apt-get install g++`)",
        )?;
        let temporary = match Path::new(MEMORY_FOLDER) {
            memory if memory.is_dir() => memory.to_owned(),
            _ => folder.clone(),
        };
        let temporary = temporary.join(format!("wayhex-fuzz-{}", process::id()));
        fs::create_dir_all(&temporary)
            .with_context(|| format!("cannot make {}", temporary.display()))?;
        Ok(Self {
            corpus: workspace.root.join("fuzz").join("corpus"),
            programs: target.join(compiler.host()?).join("release"),
            folder,
            temporary,
        })
    }

    fn run(&self, target: &str, seconds: u64, seed: u32) -> Result<Row> {
        let found = self.folder.join("found").join(target);
        let findings = self.folder.join("findings").join(target);
        for folder in [&found, &findings] {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let log = self.folder.join(format!("{target}.log"));
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let status = Command::new(self.programs.join(target))
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-seed={seed}"))
            .arg(format!("-rss_limit_mb={MEMORY_MAX_MIB}"))
            .arg(format!("-timeout={INPUT_TIME_MAX_S}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .arg("-print_final_stats=1")
            // A thread that ends a moment after its input looks like a leak; one that grows meets the limit of memory.
            .arg("-detect_leaks=0")
            .args([&found, &self.corpus.join(target)])
            .env("TMPDIR", &self.temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .status()
            .with_context(|| format!("cannot run the target {target}"))?;
        let said = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
        let row = read(target, seed, &String::from_utf8_lossy(&said));
        if !status.success() && row.findings.is_empty() {
            bail!(
                "the target {target} ended with {status}; see {}",
                log.display()
            );
        }
        Ok(row)
    }
}

/// What the fuzzer says of itself, in lines such as these:
///
/// ```text
/// #4096    REDUCE cov: 120 ft: 340 corp: 25/812b lim: 43 exec/s: 4096 rss: 41Mb L: 12/43 MS: 1 EraseBytes-
/// stat::number_of_executed_units: 61234
/// artifact_prefix='...'; Test unit written to .../crash-0a1b
/// ```
fn read(target: &str, seed: u32, said: &str) -> Row {
    let number = |text: &str| {
        let digits = text.split(|c: char| !c.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok())
    };
    let last = |key: &str| {
        let mut lines = said.lines().rev();
        let found = lines.find_map(|line| number(line.split_once(key)?.1.trim_start()));
        found.unwrap_or(0)
    };
    let written = |line: &str| Some(PathBuf::from(line.split_once("Test unit written to ")?.1));
    Row {
        target: target.to_owned(),
        seed,
        executions: last("stat::number_of_executed_units:"),
        per_second: last("stat::average_exec_per_sec:"),
        corpus: last(" corp: "),
        coverage: last(" cov: "),
        findings: said.lines().filter_map(written).collect(),
    }
}

/// A seed that no two runs share; the fuzzer takes 32 bits and draws itself where it gets none.
fn draw() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(1, |now| now.subsec_nanos().max(1))
}

/// The compiler whose instruments the targets need.
enum Compiler {
    /// The nightly one, by rustup.
    Nightly,
    /// The one at hand, told to do what nightly does.
    AtHand,
}

impl Compiler {
    fn find() -> Self {
        let there = Command::new("rustup")
            .args(["run", "nightly", "rustc", "--version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if there.is_ok_and(|status| status.success()) {
            Self::Nightly
        } else {
            Self::AtHand
        }
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        match self {
            Self::Nightly => {
                let mut command = Command::new("rustup");
                command.args(["run", "nightly"]).arg(program);
                // Those of the compiler that this program was built with.
                for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
                    command.env_remove(name);
                }
                command
            }
            Self::AtHand => {
                let mut command = Command::new(program);
                command.env("RUSTC_BOOTSTRAP", "1");
                command
            }
        }
    }

    /// The platform that it builds for, the middle of the path of what it builds.
    fn host(&self) -> Result<String> {
        let (said, _) = capture(self.command("rustc").arg("-vV"))?;
        let host = said.lines().find_map(|line| line.strip_prefix("host: "));
        host.map(str::to_owned).context("rustc names no host")
    }
}
