//! Checks of what no compiler sees.

mod complaints;
mod determinism;

use std::process::Command;

use anyhow::Result;

use crate::run::{run as run_program, say};
use crate::tools;
use crate::workspace::Workspace;

/// Runs them all.
pub fn run(workspace: &Workspace) -> Result<()> {
    say("check: h3o is built without std");
    determinism::h3o_has_no_std(workspace)?;
    say("check: every complaint is mapped to a test that exists, or to \"open\"");
    complaints::are_mapped(workspace)?;
    say("check: licences, sources and bans");
    let mut deny = Command::new(tools::cargo_deny(workspace)?);
    deny.current_dir(&workspace.root).args([
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ]);
    run_program(&mut deny)
}
