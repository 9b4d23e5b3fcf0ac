//! The files of frozen uploads: written and made durable before a row speaks of them, unlinked after it is gone.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use rusqlite::OptionalExtension;
use wayhex_protocol::batch::RawItem;
use wayhex_protocol::id::ObservationId;

use super::{Queue, QueueError, failed};
use crate::failpoints::{
    BODY_CREATE, BODY_FOLDER_FSYNC, BODY_FSYNC, BODY_MKDIR, BODY_STORE_FSYNC, BODY_WRITE,
    SWEEP_DONE, SWEEP_UNLINK,
};

impl Queue {
    pub(super) fn write_body(
        &self,
        items: &[ObservationId],
        path: &Path,
    ) -> Result<(), QueueError> {
        const DOING: &str = "read an item to send";
        let file_failed = |source| QueueError::File {
            path: path.to_owned(),
            source,
        };
        self.make_folder()?;
        BODY_CREATE.hit();
        let mut file = File::create(path).map_err(file_failed)?;
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT envelope, picture FROM items LEFT JOIN pictures ON item = place WHERE id = ?1",
            )
            .map_err(failed(DOING))?;
        for item in items {
            let raw = statement
                .query_row([item.0], |row| {
                    Ok(RawItem {
                        envelope: row.get(0)?,
                        picture: row.get(1)?,
                    })
                })
                .optional()
                .map_err(failed(DOING))?
                .ok_or(QueueError::Corrupt {
                    what: "item to send",
                })?;
            BODY_WRITE.hit();
            file.write_all(&raw.to_bytes()).map_err(file_failed)?;
        }
        BODY_FSYNC.hit();
        file.sync_all().map_err(file_failed)?;
        BODY_FOLDER_FSYNC.hit();
        self.sync_folder(&self.uploads)
    }

    fn make_folder(&self) -> Result<(), QueueError> {
        if self.uploads.is_dir() {
            return Ok(());
        }
        BODY_MKDIR.hit();
        fs::create_dir_all(&self.uploads).map_err(|source| self.folder_failed(source))?;
        match self.uploads.parent() {
            Some(store) => {
                BODY_STORE_FSYNC.hit();
                self.sync_folder(store)
            }
            None => Ok(()),
        }
    }

    /// A new file's name is durable once its folder is.
    fn sync_folder(&self, folder: &Path) -> Result<(), QueueError> {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| self.folder_failed(source))
    }

    /// Deletes upload files that no row speaks of: a process died between the two.
    pub(super) fn remove_files_of_no_upload(&self) -> Result<(), QueueError> {
        let known = self.upload_under_way()?;
        let listed = match fs::read_dir(&self.uploads) {
            Ok(listed) => listed,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(self.folder_failed(source)),
        };
        for file in listed {
            let path = file.map_err(|source| self.folder_failed(source))?.path();
            if known.as_ref().is_none_or(|task| task.body_file != path) {
                SWEEP_UNLINK.hit();
                remove(&path)?;
            }
        }
        SWEEP_DONE.hit();
        Ok(())
    }

    fn folder_failed(&self, source: std::io::Error) -> QueueError {
        QueueError::File {
            path: self.uploads.clone(),
            source,
        }
    }
}

pub(super) fn remove(path: &Path) -> Result<(), QueueError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(QueueError::File {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
