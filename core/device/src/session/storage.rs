//! What a disk that is full, read-only or failing is called in reports: whoever is told can do something about it.

use std::error::Error;
use std::io;

use rusqlite::ErrorCode;

use super::SessionError;

/// The codes, as they stand in the report's errors.
pub const STORAGE_CODES: [&str; 3] = [FULL, READ_ONLY, FAILED];

const FULL: &str = "storage_full";
const READ_ONLY: &str = "storage_read_only";
const FAILED: &str = "storage_failed";

impl SessionError {
    /// [`storage_code`] of what went wrong with the store or the recording; `None` for all else.
    #[must_use]
    pub fn storage_code(&self) -> Option<&'static str> {
        match self {
            Self::Queue(_) | Self::Secret(_) | Self::Record(_) => storage_code(self),
            _ => None,
        }
    }
}

/// One of [`STORAGE_CODES`] where a file or the database behind an error says so; `None` where it is
/// another matter.
#[must_use]
pub fn storage_code(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FULL,
                io::ErrorKind::ReadOnlyFilesystem => READ_ONLY,
                _ => FAILED,
            });
        }
        if let Some(error) = error.downcast_ref::<rusqlite::Error>() {
            return match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => Some(FULL),
                Some(ErrorCode::ReadOnly) => Some(READ_ONLY),
                Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => Some(FAILED),
                _ => None,
            };
        }
        next = error.source();
    }
    None
}
