//! What can be asked of the program.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use wayhex_server::config::Config;
use wayhex_server::reward::command::{Audit, CloseEpoch};

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
    CloseEpoch(CloseEpoch),
    Audit(Audit),
    /// Prints the API's description (OpenAPI 3.1, JSON).
    Openapi,
}

/// Does what was asked, and says how it ended.
///
/// # Errors
/// What went wrong, with its causes.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = || Config::load(cli.config.as_deref());
    match cli.command {
        Command::Serve { ready_file } => {
            wayhex_server::serve::run(config()?, ready_file.as_deref())?;
        }
        Command::CloseEpoch(asked) => asked.run(&config()?)?,
        Command::Audit(asked) => return asked.run(),
        Command::Openapi => write!(std::io::stdout(), "{}", wayhex_server::openapi::json()?)?,
    }
    Ok(ExitCode::SUCCESS)
}
