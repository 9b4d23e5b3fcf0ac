//! Folders and files that only their owner can read: whatever a store holds tells who drove where.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

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

/// Makes an empty file unless there is one.
///
/// # Errors
/// It cannot be made or opened.
pub fn file(path: &Path) -> io::Result<()> {
    let mut made = OpenOptions::new();
    made.append(true).create(true).mode(FILE_MODE).open(path)?;
    Ok(())
}
