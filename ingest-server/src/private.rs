//! Folders and files that only their owner can read: whatever a store holds tells who drove where.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::failpoints::FOLDER_FLUSH;

/// Of every folder.
const FOLDER_MODE: u32 = 0o700;
/// Of every file.
pub const FILE_MODE: u32 = 0o600;
/// What the group and others may do.
const OTHERS: u32 = 0o077;

/// Makes a folder with those above it, or takes from one that is there what its group and others may do.
///
/// # Errors
/// It cannot be made, or is not ours to be closed to others.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS))
}

/// The same, and makes the entries of what was made durable in the folders above, so that a power cut does not take a folder
/// with all that is in it.
///
/// # Errors
/// See [`folder`]; or a folder above cannot be flushed.
pub fn lasting_folder(path: &Path) -> io::Result<()> {
    let is_made = |above: &&Path| !above.as_os_str().is_empty() && !above.exists();
    let made = path.ancestors().take_while(is_made).count();
    folder(path)?;
    // Whoever made it may have been killed before it was flushed: the innermost entry is flushed every time.
    for entry in path.ancestors().take(made.max(1)) {
        let above = match entry.parent() {
            Some(above) if above.as_os_str().is_empty() => Path::new("."),
            Some(above) => above,
            None => continue,
        };
        FOLDER_FLUSH.hit();
        match flush_folder(above) {
            // Not ours to read, so that nothing was made in it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            flushed => flushed?,
        }
    }
    Ok(())
}

/// Makes a folder's entries durable.
///
/// # Errors
/// It cannot be opened or flushed.
pub fn flush_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes an empty file unless there is one.
///
/// # Errors
/// It cannot be made or opened.
pub fn file(path: &Path) -> io::Result<()> {
    let mut made = OpenOptions::new();
    made.append(true).create(true).mode(FILE_MODE).open(path)?;
    Ok(())
}
