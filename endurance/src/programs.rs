//! Where the programs are that cargo built.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

/// A program of the workspace: beside the running one, or beside the folder of the running test.
///
/// # Errors
/// It has not been built.
pub fn program(name: &str) -> Result<PathBuf> {
    let own = env::current_exe().context("cannot tell where this program lies")?;
    let mut folder = own.parent().context("a program lies in a folder")?;
    if folder.ends_with("deps") {
        folder = folder
            .parent()
            .context("tests lie below the programs' folder")?;
    }
    let path = folder.join(name).with_extension(env::consts::EXE_EXTENSION);
    ensure!(
        path.is_file(),
        "{} is missing: `cargo build --workspace --bins` builds it",
        path.display()
    );
    Ok(path)
}
