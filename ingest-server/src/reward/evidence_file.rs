//! Evidence on disk: one file for each closed epoch, for its auditors and nobody else.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::store::StoreError;
use crate::{failpoints, private};

const FOLDER: &str = "evidence";
/// The extension of evidence that is being written.
const UNFINISHED: &str = "tmp";

/// Where the evidence of an epoch lies.
pub(super) fn path(store: &Path, epoch: u64) -> PathBuf {
    store.join(FOLDER).join(format!("epoch-{epoch}.cbor"))
}

/// Writes it whole and durable, in the place of one that a close left which was cut before its commit. The caller holds the
/// database's write lock, so nobody else writes this file.
pub(super) fn write(store: &Path, epoch: u64, bytes: &[u8]) -> Result<(), StoreError> {
    let path = path(store, epoch);
    let folder = store.join(FOLDER);
    let temporary = path.with_extension(UNFINISHED);
    let attempt = || -> io::Result<()> {
        failpoints::EVIDENCE_FOLDER.hit();
        private::lasting_folder(&folder)?;
        failpoints::EVIDENCE_CREATE.hit();
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(private::FILE_MODE)
            .open(&temporary)?;
        failpoints::EVIDENCE_WRITE.hit();
        file.write_all(bytes)?;
        failpoints::EVIDENCE_FLUSH.hit();
        file.sync_all()?;
        failpoints::EVIDENCE_RENAME.hit();
        fs::rename(&temporary, &path)?;
        failpoints::EVIDENCE_FOLDER_FLUSH.hit();
        private::flush_folder(&folder)
    };
    attempt().map_err(|source| {
        // A full disk is not to stay full of what was not finished. Where even this fails, the next start tries again.
        drop(fs::remove_file(&temporary));
        StoreError::File {
            path: path.clone(),
            source,
        }
    })
}

/// Removes unfinished evidence of a close that was cut. The caller holds the database's write lock.
pub(crate) fn sweep(store: &Path) -> Result<(), StoreError> {
    let folder = store.join(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read.map_err(StoreError::file(&folder))?,
    };
    for entry in entries {
        let path = entry.map_err(StoreError::file(&folder))?.path();
        let is_ours = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"epoch-"));
        if is_ours
            && path
                .extension()
                .is_some_and(|extension| extension == UNFINISHED)
        {
            fs::remove_file(&path).map_err(StoreError::file(&path))?;
        }
    }
    Ok(())
}
