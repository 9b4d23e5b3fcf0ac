//! Locks between processes, each a file of the store: the system lets go of them when their holder ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::private;

/// Held by whoever makes keys or brings the schema up to date: of two programs that begin on an empty store one waits.
pub const SETTING_UP: &str = "setup.lock";
/// Held by the one server of a store.
pub const SERVING: &str = "serve.lock";

/// Waits for a lock of a store's folder, and holds it until the file is dropped.
///
/// # Errors
/// The file cannot be made or locked.
pub fn wait_for(store: &Path, name: &str) -> io::Result<File> {
    let file = open(store, name)?;
    file.lock()?;
    Ok(file)
}

/// Takes a lock unless another process holds it: `None` then.
///
/// # Errors
/// The file cannot be made or locked.
pub fn take(store: &Path, name: &str) -> io::Result<Option<File>> {
    let file = open(store, name)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn open(store: &Path, name: &str) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(private::FILE_MODE)
        .open(store.join(name))
}
