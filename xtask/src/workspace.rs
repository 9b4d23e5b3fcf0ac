//! Where things are: the repository, what was built, what was fetched and rendered.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folders that the commands work in.
pub struct Workspace {
    /// The repository.
    pub root: PathBuf,
    /// Where cargo puts the built programs.
    pub programs: PathBuf,
    /// Where rendered drives, runs and tools are kept; below cargo's target folder, so that it is never committed.
    pub scratch: PathBuf,
}

impl Workspace {
    /// Finds them from this program's own place.
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lies in the repository")?;
        let own = env::current_exe().context("cannot tell where this program lies")?;
        let programs = own.parent().context("a program lies in a folder")?;
        let target = programs
            .parent()
            .context("programs lie in the target folder")?;
        Ok(Self {
            root: root.to_owned(),
            programs: programs.to_owned(),
            scratch: target.join("wayhex"),
        })
    }

    /// The same, with the optimised programs.
    pub fn in_release(&self) -> Self {
        Self {
            root: self.root.clone(),
            programs: self.programs.with_file_name("release"),
            scratch: self.scratch.clone(),
        }
    }

    /// A program that cargo built.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs
            .join(name)
            .with_extension(env::consts::EXE_EXTENSION)
    }

    /// The recordings beside the repository, where there are any.
    pub fn recordings(&self) -> Option<PathBuf> {
        let data = self.root.parent()?.join("shared").join("data");
        data.is_dir().then_some(data)
    }
}
