//! Room that is kept free, so that a phone whose disk is full can send its way out.
//!
//! To send an item it is written into the file of an upload, and to end one its pages are overwritten through the log; both take
//! room before they give any. So a file of zeros is written while there is room, and removed when there is none. Nothing depends on
//! what is in it, or on whether it survives.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Queue, QueueError};
use crate::failpoints::{RESERVE_CREATE, RESERVE_WRITE};

/// Bytes that are kept: twice what an item of 500 kB takes in an upload and in the log. 2 MiB, a four-thousandth of the queue.
const RESERVE_BYTES: u64 = 2 * 1_024 * 1_024;
/// Bytes that have to be free, or the reserve is given up: what booking, freezing and taking in an answer write beside the pictures.
const FREE_BYTES_MIN: u64 = 256 * 1_024;

impl Queue {
    /// Keeps room, where there is room to keep.
    pub(super) fn keep_reserve(&self) {
        let path = self.reserve();
        let is_kept = fs::metadata(&path).is_ok_and(|it| it.len() >= RESERVE_BYTES);
        if is_kept {
            return;
        }
        if let Err(error) = fill(&path, RESERVE_BYTES) {
            tracing::info!(%error, "no room is kept free");
            drop(fs::remove_file(&path));
        }
    }

    /// Gives the reserve up if the disk is full without it; to be called before something is sent.
    ///
    /// # Errors
    /// The reserve cannot be removed.
    pub fn make_way(&mut self) -> Result<(), QueueError> {
        let probe = self.reserve().with_extension("probe");
        let filled = fill(&probe, FREE_BYTES_MIN);
        match fs::remove_file(&probe) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "the probe of the disk is left");
            }
            Ok(()) | Err(_) => {}
        }
        match filled {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => self.give_up_reserve(),
            _ => Ok(()),
        }
    }

    /// Gives the reserve up, if there is one.
    ///
    /// # Errors
    /// It cannot be removed.
    pub(super) fn give_up_reserve(&mut self) -> Result<(), QueueError> {
        give_up_beside(&self.path)
    }

    fn reserve(&self) -> PathBuf {
        beside(&self.path)
    }
}

/// Gives up the reserve of the queue in this file, which cannot even be opened on a full disk.
pub(super) fn give_up_beside(queue: &Path) -> Result<(), QueueError> {
    let path = beside(queue);
    match fs::remove_file(&path) {
        Ok(()) => {
            tracing::info!("the disk is full, and the room that was kept free is used");
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(QueueError::File { path, source }),
    }
}

fn beside(queue: &Path) -> PathBuf {
    queue.with_file_name("reserve")
}

/// Writes zeros; a file system that packs them has room anyway.
fn fill(path: &Path, bytes: u64) -> io::Result<()> {
    const PART: &[u8] = &[0; 64 * 1_024];
    RESERVE_CREATE.hit();
    let mut file = File::create(path)?;
    RESERVE_WRITE.hit();
    let mut left = usize::try_from(bytes).unwrap_or(0);
    while left > 0 {
        let part = &PART[..PART.len().min(left)];
        file.write_all(part)?;
        left -= part.len();
    }
    Ok(())
}
