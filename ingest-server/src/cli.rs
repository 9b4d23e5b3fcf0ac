//! What can be asked of the program.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use wayhex_server::config::Config;

/// The Wayhex ingest server.
#[derive(Debug, Parser)]
#[command(name = "wayhex-server", version, arg_required_else_help = true)]
pub struct Cli {
    /// The configuration file (TOML). Without one the defaults hold; `WAYHEX_SERVER__SECTION__KEY` in the environment wins.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes uploads and answers queries until interrupted.
    Serve {
        /// Written once connections are accepted: JSON with url, metrics and `server_key`.
        #[arg(long, value_name = "FILE")]
        ready_file: Option<PathBuf>,
    },
}

/// Does what was asked.
///
/// # Errors
/// What went wrong, with its causes.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    let config = Config::load(cli.config.as_deref())?;
    match cli.command {
        Command::Serve { ready_file } => wayhex_server::serve::run(config, ready_file.as_deref()),
    }
}
