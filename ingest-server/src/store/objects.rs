//! The folder of encrypted pictures: one immutable file for each group commit, `objects/ab/cdef...`, read by range.
//!
//! A file appears under its name whole and flushed, or not at all. One that no row names is rubbish of a commit that failed or
//! was cut; it goes as soon as it is certain that no row will name it.

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

    /// Removes what a server left that was killed: unfinished objects, and finished ones that no row names. Only for the one
    /// server of a store before it writes, with a database that has recovered what was durable.
    ///
    /// # Errors
    /// A folder cannot be read, a file not be removed, or see `is_named`.
    pub(super) fn sweep(
        &self,
        is_named: impl Fn(&str) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        for shard in self.shards() {
            let entries = fs::read_dir(&shard).map_err(StoreError::file(&shard))?;
            for entry in entries {
                let path = entry.map_err(StoreError::file(&shard))?.path();
                let is_rubbish = match name_of(&path) {
                    Some((_, true)) => true,
                    Some((name, false)) => !is_named(&name)?,
                    None => false,
                };
                if is_rubbish {
                    failpoints::OBJECTS_SWEEP.hit();
                    fs::remove_file(&path).map_err(StoreError::file(&path))?;
                    tracing::info!(path = %path.display(), "removed an object that no row names");
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
            written: Some(Written {
                name,
                lies_at: temporary,
            }),
            path,
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

/// An object that is being written. Dropped before [`Self::release`] it is removed: on a full disk what failed must not stay.
pub(super) struct ObjectWriter {
    written: Option<Written>,
    path: PathBuf,
    file: File,
    size_bytes: u64,
}

/// Where an object lies.
pub(super) struct Written {
    /// What its row names it by.
    pub(super) name: String,
    lies_at: PathBuf,
}

impl ObjectWriter {
    pub(super) fn name(&self) -> &str {
        self.written
            .as_ref()
            .map_or("", |written| written.name.as_str())
    }

    /// Appends a frame and returns where it begins.
    pub(super) fn append(&mut self, frame: &[u8]) -> Result<u64, StoreError> {
        failpoints::OBJECT_APPEND.hit();
        let written = self.file.write_all(frame);
        written.map_err(StoreError::file(&self.path))?;
        let offset_bytes = self.size_bytes;
        self.size_bytes += frame.len() as u64;
        Ok(offset_bytes)
    }

    /// Makes it durable under its name, and returns its size in bytes.
    pub(super) fn finish(&mut self) -> Result<u64, StoreError> {
        failpoints::OBJECT_FLUSH.hit();
        let synced = self.file.sync_all();
        synced.map_err(StoreError::file(&self.path))?;
        if let Some(written) = &mut self.written {
            failpoints::OBJECT_RENAME.hit();
            fs::rename(&written.lies_at, &self.path).map_err(StoreError::file(&self.path))?;
            written.lies_at.clone_from(&self.path);
        }
        failpoints::OBJECT_FOLDER_FLUSH.hit();
        self.path.parent().map_or(Ok(()), flush_folder)?;
        Ok(self.size_bytes)
    }

    /// Lets go of it as it lies, because its row is committed, or may be.
    pub(super) fn release(mut self) -> Option<Written> {
        self.written.take()
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        if let Some(written) = self.written.take() {
            failpoints::OBJECT_ABANDON.hit();
            written.remove();
        }
    }
}

impl Written {
    /// Removes it; the failure that made it rubbish has been reported already.
    pub(super) fn remove(self) {
        if let Err(error) = fs::remove_file(&self.lies_at) {
            tracing::warn!(path = %self.lies_at.display(), %error, "an object without a row was left behind");
        }
    }
}

/// The object's name that a file has, and whether it is unfinished; `None` of a file that [`Objects::begin`] did not make:
/// whatever somebody else put there is not ours to remove.
fn name_of(path: &Path) -> Option<(String, bool)> {
    let rest = path.file_stem()?.to_str()?;
    let bytes = data_encoding::HEXLOWER.decode(rest.as_bytes()).ok()?;
    let is_unfinished = match path.extension() {
        None => false,
        Some(extension) if extension == UNFINISHED => true,
        Some(_) => return None,
    };
    let shard = path.parent()?.file_name()?.to_str()?;
    (bytes.len() == NAME_BYTES - 1).then(|| ([shard, rest].concat(), is_unfinished))
}

fn flush_folder(folder: &Path) -> Result<(), StoreError> {
    private::flush_folder(folder).map_err(StoreError::file(folder))
}
