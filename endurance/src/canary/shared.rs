//! What programs leave in the shared memory while a run is under way. Others of the same machine use it, too, and take away
//! what is theirs at any moment.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::search::Search;

/// Folders that programs use for files which nobody shall see.
pub const SHARED_MEMORY: &str = "/dev/shm";
/// How the names of what fuzz targets keep there begin: they run beside, and nothing of a way is in it.
const FUZZ: &str = "wayhex-fuzz-";

/// What a folder holds; nothing where it cannot be read.
#[must_use]
pub fn entries(folder: &Path) -> BTreeSet<PathBuf> {
    fs::read_dir(folder).map_or_else(
        |_not_there| BTreeSet::new(),
        |entries| {
            entries
                .filter_map(|it| it.ok().map(|it| it.path()))
                .collect()
        },
    )
}

/// Searches what has come to a folder since it held these entries.
///
/// # Errors
/// A file that is still there cannot be read.
pub fn search_new(
    folder: &Path,
    before: &BTreeSet<PathBuf>,
    search: &mut Search<'_>,
) -> Result<()> {
    for path in entries(folder).difference(before) {
        let name = path.file_name().unwrap_or_default();
        if !name.as_encoded_bytes().starts_with(FUZZ.as_bytes()) {
            all_of(path, search)?;
        }
    }
    Ok(())
}

fn all_of(path: &Path, search: &mut Search<'_>) -> Result<()> {
    if path.is_dir() {
        for entry in entries(path) {
            all_of(&entry, search)?;
        }
        return Ok(());
    }
    match search.file(path) {
        Err(error) if is_gone(&error) => Ok(()),
        result => result,
    }
}

fn is_gone(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|it| it.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::NotFound)
}
