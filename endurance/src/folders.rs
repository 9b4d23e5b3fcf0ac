//! Copies of folders: every run begins with its own.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Copies a folder with all that is in it; `to` is made. Permissions go with it.
///
/// # Errors
/// Something cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let subject = || format!("cannot copy {} to {}", from.display(), to.display());
    fs::create_dir_all(to).with_context(subject)?;
    let permissions = fs::metadata(from).with_context(subject)?.permissions();
    fs::set_permissions(to, permissions).with_context(subject)?;
    for entry in fs::read_dir(from).with_context(subject)? {
        let entry = entry.with_context(subject)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).with_context(subject)?;
        }
    }
    Ok(())
}

/// All files of a folder and of those beneath it, sorted.
///
/// # Errors
/// A folder cannot be read.
pub fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let subject = || format!("cannot read {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(subject)? {
        let path = entry.with_context(subject)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
