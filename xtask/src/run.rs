//! Running other programs, and saying what goes on.

use std::ffi::OsStr;
use std::io::{ErrorKind, Write, stderr};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::exit::{Ending, Exit};
use crate::workspace::Workspace;

/// Says a line to whoever watches; standard output is kept for results.
pub fn say(line: &str) {
    // A closed standard error leaves nobody to tell, and is no reason to stop.
    drop(writeln!(stderr().lock(), "{line}"));
}

/// Runs a program to its end, its standard output going where errors go.
pub fn run(command: &mut Command) -> Result<()> {
    let name = name_of(command);
    let status = command
        .stdout(stderr_copy())
        .status()
        .map_err(|error| missing(&name, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Ending::error(
        Exit::of_code(status.code()),
        format!("`{name}` ended with {status}"),
    ))
}

/// Runs a program to its end and returns what it printed on standard output and how it ended.
pub fn capture(command: &mut Command) -> Result<(String, Option<i32>)> {
    let name = name_of(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| missing(&name, &error))?;
    let text =
        String::from_utf8(output.stdout).with_context(|| format!("`{name}` printed no text"))?;
    Ok((text, output.status.code()))
}

/// Asks a process to end, as Ctrl-C in its terminal would; returns whether it could be asked.
pub fn ask_to_end(process: u32) -> bool {
    // The standard library has no call for a signal, and every system with a shell has this program.
    let mut kill = Command::new("kill");
    kill.args(["-INT", &process.to_string()]);
    kill.stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Cargo, in the repository.
pub fn cargo(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(&workspace.root);
    if let Some(target) = workspace.programs.parent() {
        command.env("CARGO_TARGET_DIR", target);
    }
    command
}

fn stderr_copy() -> Stdio {
    Stdio::from(stderr())
}

fn name_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

fn missing(name: &str, error: &std::io::Error) -> anyhow::Error {
    let exit = if error.kind() == ErrorKind::NotFound {
        Exit::Missing
    } else {
        Exit::Internal
    };
    Ending::error(exit, format!("cannot run `{name}`: {error}"))
}
