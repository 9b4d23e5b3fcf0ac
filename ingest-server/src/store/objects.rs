//! The folder of encrypted pictures: one immutable file for each group commit, `objects/ab/cdef...`, read by range.
//!
//! A file appears under its name whole and flushed, or not at all; one that no row names is rubbish of a commit that was
//! cut, and harmless.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};

use super::{FrameError, StoreError};
use crate::{failpoints, private};

const FOLDER: &str = "objects";
/// Folders beneath, by the first byte of the name: no folder grows beyond what file systems like.
const SHARDS: u16 = 256;
/// Bytes of an object's random name: no two are ever drawn alike.
const NAME_BYTES: usize = 16;
/// What an object that is being written is called after its name.
const UNFINISHED: &str = "tmp";

/// The folder.
#[derive(Clone, Debug)]
pub struct Objects {
    folder: PathBuf,
}

impl Objects {
    /// Opens the folder of a store, and makes what is missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(store: &Path) -> Result<Self, StoreError> {
        failpoints::OBJECTS_FOLDER.hit();
        let folder = store.join(FOLDER);
        private::folder(&folder).map_err(StoreError::file(&folder))?;
        let objects = Self { folder };
        for shard in objects.shards() {
            private::folder(&shard).map_err(StoreError::file(&shard))?;
        }
        failpoints::OBJECTS_FOLDER_FLUSH.hit();
        flush_folder(&objects.folder)?;
        flush_folder(store)?;
        Ok(objects)
    }

    /// Removes the unfinished objects of a server that was killed. Whoever is going to write does it once, before.
    ///
    /// # Errors
    /// A folder cannot be read, or a file not be removed.
    pub(super) fn sweep(&self) -> Result<(), StoreError> {
        for shard in self.shards() {
            let entries = fs::read_dir(&shard).map_err(StoreError::file(&shard))?;
            for entry in entries {
                let path = entry.map_err(StoreError::file(&shard))?.path();
                if is_unfinished(&path) {
                    failpoints::OBJECTS_SWEEP.hit();
                    fs::remove_file(&path).map_err(StoreError::file(&path))?;
                    tracing::info!(path = %path.display(), "removed an unfinished object");
                }
            }
        }
        Ok(())
    }

    fn shards(&self) -> impl Iterator<Item = PathBuf> {
        (0..SHARDS).map(|shard| self.folder.join(format!("{shard:02x}")))
    }

    /// Begins an object under a random name.
    pub(super) fn begin(&self) -> Result<ObjectWriter, StoreError> {
        let mut bytes = [0; NAME_BYTES];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|ring::error::Unspecified| StoreError::Frame(FrameError::Seal))?;
        let name = data_encoding::HEXLOWER.encode(&bytes);
        let path = self.path(&name);
        let temporary = path.with_extension(UNFINISHED);
        failpoints::OBJECT_CREATE.hit();
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(private::FILE_MODE)
            .open(&temporary)
            .map_err(StoreError::file(&temporary))?;
        Ok(ObjectWriter {
            name,
            path,
            temporary,
            file,
            size_bytes: 0,
        })
    }

    /// Reads a range of an object.
    pub(super) fn read(
        &self,
        name: &str,
        offset_bytes: u64,
        length_bytes: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let path = self.path(name);
        let mut bytes = vec![0; length_bytes];
        let read = File::open(&path).and_then(|file| file.read_exact_at(&mut bytes, offset_bytes));
        read.map_err(StoreError::file(&path))?;
        Ok(bytes)
    }

    fn path(&self, name: &str) -> PathBuf {
        let (shard, rest) = name.split_at_checked(2).unwrap_or((name, ""));
        self.folder.join(shard).join(rest)
    }
}

/// An object that is being written.
pub(super) struct ObjectWriter {
    name: String,
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    size_bytes: u64,
}

impl ObjectWriter {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Appends a frame and returns where it begins.
    pub(super) fn append(&mut self, frame: &[u8]) -> Result<u64, StoreError> {
        failpoints::OBJECT_APPEND.hit();
        let written = self.file.write_all(frame);
        written.map_err(StoreError::file(&self.temporary))?;
        let offset_bytes = self.size_bytes;
        self.size_bytes += frame.len() as u64;
        Ok(offset_bytes)
    }

    /// Makes it durable under its name, and returns its size in bytes.
    pub(super) fn finish(self) -> Result<u64, StoreError> {
        failpoints::OBJECT_FLUSH.hit();
        let synced = self.file.sync_all();
        synced.map_err(StoreError::file(&self.temporary))?;
        failpoints::OBJECT_RENAME.hit();
        fs::rename(&self.temporary, &self.path).map_err(StoreError::file(&self.path))?;
        failpoints::OBJECT_FOLDER_FLUSH.hit();
        self.path.parent().map_or(Ok(()), flush_folder)?;
        Ok(self.size_bytes)
    }

    /// Removes what was written, after a failure that is already being reported.
    pub(super) fn abandon(self) {
        failpoints::OBJECT_ABANDON.hit();
        if let Err(error) = fs::remove_file(&self.temporary) {
            tracing::warn!(path = %self.temporary.display(), %error, "an unfinished object was left behind");
        }
    }
}

/// Whether a file's name is one that [`Objects::begin`] gives. Whatever else somebody put there is not ours to remove.
fn is_unfinished(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let digits = stem.map(|stem| data_encoding::HEXLOWER.decode(stem.as_bytes()));
    path.extension()
        .is_some_and(|extension| extension == UNFINISHED)
        && matches!(digits, Some(Ok(bytes)) if bytes.len() == NAME_BYTES - 1)
}

fn flush_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(StoreError::file(folder))
}
