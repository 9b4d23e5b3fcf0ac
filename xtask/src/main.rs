//! The one front door: what a newcomer, a developer and the gate run goes through here.

mod bench;
mod checks;
mod demo;
mod exit;
mod fuzz;
mod models;
mod run;
mod soak;
mod test;
mod tools;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Runs, tests and measures Wayhex")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play a drive through the phone's pipeline into a running server, and show what it earned.
    Demo(demo::Options),
    /// Run everything that has to pass: formats, lints, checks, tests, and the demo on several drives.
    Test,
    /// Run the checks that need no build of the whole: features, licences, complaints.
    Check,
    /// Measure the pipeline on a drive: CPU time of each stage for a frame, and peak memory.
    Bench {
        /// The drive; without it the rendered one.
        #[arg(long)]
        drive: Option<PathBuf>,
    },
    /// Feed hostile bytes to every reader that can be reached from outside.
    Fuzz(fuzz::Options),
    /// Hours of trouble: kills, cuts, what is private, a full queue, and the fuzz targets; prints each figure with its floor and seed.
    Soak(soak::Options),
    /// Fetch the detectors' models.
    Models,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = Workspace::find().and_then(|workspace| match cli.command {
        Command::Demo(options) => demo::run(&workspace, &options),
        Command::Test => test::run(&workspace),
        Command::Check => checks::run(&workspace),
        Command::Bench { drive } => bench::run(&workspace, drive.as_deref()),
        Command::Fuzz(options) => fuzz::check(&workspace, &options),
        Command::Soak(options) => soak::run(&workspace, &options),
        Command::Models => models::ensure(&workspace.root, &run::say).map(drop),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            run::say(&format!("error: {error:#}"));
            exit::code_of(&error).into()
        }
    }
}
