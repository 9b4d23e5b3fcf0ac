//! Everything that has to pass, in the order in which it fails soonest.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::run::{capture, cargo, run as run_program, say};
use crate::workspace::Workspace;
use crate::{checks, fuzz, models, tools};

type Step = (&'static str, fn(&Workspace) -> Result<()>);

const STEPS: [Step; 8] = [
    ("formats", formats),
    ("models", fetched_models),
    ("lints", lints),
    ("checks", checks::run),
    ("tests", tests),
    ("cells, judged by h3 and shapely", judged_cells),
    ("vectors, made again by Python", judged_vectors),
    ("hostile bytes", fuzzed),
];

/// Runs every step; stops at the first that fails, and names it.
pub fn run(workspace: &Workspace) -> Result<()> {
    let mut took = Vec::new();
    for (name, step) in STEPS {
        say(&format!("== {name}"));
        let began = Instant::now();
        step(workspace).with_context(|| format!("the step \"{name}\" failed"))?;
        took.push((name, began.elapsed()));
    }
    for (name, time) in &took {
        say(&format!("{:>6.1} s  {name}", time.as_secs_f64()));
    }
    if workspace.recordings().is_none() {
        say("skipped: all that needs the recordings, which are not beside the repository");
    }
    let total: Duration = took.iter().map(|(_, time)| *time).sum();
    say(&format!("{:>6.1} s  in all", total.as_secs_f64()));
    Ok(())
}

fn formats(workspace: &Workspace) -> Result<()> {
    run_program(&mut cargo(workspace, &["fmt", "--all", "--check"]))?;
    // The fuzz targets are a workspace of their own.
    let targets = ["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"];
    run_program(&mut cargo(workspace, &targets))
}

fn fetched_models(workspace: &Workspace) -> Result<()> {
    models::ensure(&workspace.root, &say).map(drop)
}

/// With all features, so that the camera, which is off by default, compiles too.
fn lints(workspace: &Workspace) -> Result<()> {
    tools::libclang()?;
    let arguments = [
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "--deny",
        "warnings",
    ];
    run_program(&mut cargo(workspace, &arguments))
}

/// The demo is among the tests, and plays through the programs that are built first.
fn tests(workspace: &Workspace) -> Result<()> {
    run_program(&mut cargo(workspace, &["build", "--workspace", "--bins"]))?;
    run_program(&mut cargo(workspace, &["test", "--workspace"]))
}

fn fuzzed(workspace: &Workspace) -> Result<()> {
    fuzz::check(workspace, &fuzz::Options::default())
}

fn judged_cells(workspace: &Workspace) -> Result<()> {
    run_program(&mut cargo(
        workspace,
        &["build", "--workspace", "--example", "cells_of"],
    ))?;
    let mut judge = tools::judge_python(workspace)?;
    judge.arg(workspace.root.join("core/protocol/vectors/judge_cells.py"));
    judge.arg(workspace.programs.join("examples").join("cells_of"));
    run_program(judge.args(workspace.recordings()))
}

/// The vectors are deterministic: Python must print the committed files again.
fn judged_vectors(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join("core/protocol/vectors");
    for (program, arguments, file) in [
        ("messages.py", &[][..], "messages.json"),
        ("judge_cells.py", &["--vectors"], "cells.json"),
        ("rewards.py", &[], "rewards.json"),
    ] {
        let committed = std::fs::read_to_string(folder.join(file))
            .with_context(|| format!("cannot read {file}"))?;
        let mut python = tools::judge_python(workspace)?;
        let (printed, code) = capture(python.arg(folder.join(program)).args(arguments))?;
        anyhow::ensure!(
            code == Some(0) && printed == committed,
            "{program} prints other vectors than the committed {file}"
        );
    }
    Ok(())
}
