//! Evidence on disk: one file for each closed epoch, for its auditors and nobody else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::store::StoreError;
use crate::{failpoints, private};

const FOLDER: &str = "evidence";

/// Where the evidence of an epoch lies.
pub(super) fn path(store: &Path, epoch: u64) -> PathBuf {
    store.join(FOLDER).join(format!("epoch-{epoch}.cbor"))
}

/// Writes it whole and durable, in the place of one that a close left which was cut before its commit. The caller holds the
/// database's write lock, so nobody else writes this file.
pub(super) fn write(store: &Path, epoch: u64, bytes: &[u8]) -> Result<(), StoreError> {
    let path = path(store, epoch);
    let folder = store.join(FOLDER);
    let attempt = || -> io::Result<()> {
        failpoints::EVIDENCE_FOLDER.hit();
        private::folder(&folder)?;
        let temporary = path.with_extension("tmp");
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
        File::open(&folder)?.sync_all()
    };
    attempt().map_err(|source| StoreError::File {
        path: path.clone(),
        source,
    })
}
