//! Gives back what deleted pictures took, and leaves nothing of them behind.
//!
//! `secure_delete` overwrites what is deleted; the overwritten pages become free and are cut off the file in steps; then the
//! log goes into the database and is cut to nothing. Each step is a transaction of its own, so that eight gigabytes that are
//! given up do not pass through a log of eight gigabytes.

use super::{Queue, QueueError, failed};
use crate::failpoints::{SPACE_CHECKPOINT, SPACE_DONE, SPACE_VACUUM};

/// Free pages that one step gives back: 1,024 of 4 KiB, about what SQLite lets its log grow to.
const VACUUM_PAGES: u32 = 1_024;

impl Queue {
    /// Gives free pages back to the file system, and empties the log.
    pub(super) fn give_space_back(&self) -> Result<(), QueueError> {
        const DOING: &str = "give space back";
        let free = || {
            self.connection
                .query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0))
                .map_err(failed(DOING))
        };
        let mut left = free()?;
        while left > 0 {
            SPACE_VACUUM.hit();
            let sql = format!("PRAGMA incremental_vacuum({VACUUM_PAGES})");
            let mut statement = self.connection.prepare(&sql).map_err(failed(DOING))?;
            // The pragma frees one page for each step.
            let mut steps = statement.query([]).map_err(failed(DOING))?;
            while steps.next().map_err(failed(DOING))?.is_some() {}
            let now = free()?;
            if now >= left {
                break;
            }
            left = now;
        }
        self.empty_log()
    }

    /// Writes the log into the database and cuts it to nothing: until then it holds what was deleted.
    pub(super) fn empty_log(&self) -> Result<(), QueueError> {
        SPACE_CHECKPOINT.hit();
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_row| Ok(()))
            .map_err(failed("empty its log"))?;
        SPACE_DONE.hit();
        Ok(())
    }
}
