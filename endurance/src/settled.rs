//! What a phone has settled only grows, whenever its process ends; and a trip that was cut off is told of.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OptionalExtension};

use crate::outcome::open_database;
use crate::run::Lived;

/// What is in a phone's queue after a life of its process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settled {
    frames: u64,
    items: u64,
    ended: u64,
    /// Trips that were under way when the process ended.
    cut_off: u64,
}

impl Settled {
    /// Looks at the queue after another life.
    ///
    /// # Errors
    /// Something settled is gone, or a trip was cut off and the next life, which came to its end, says nothing of it.
    pub fn check(self, store: &Path, log: &Path, lived: &Lived) -> Result<Self> {
        let now = Self::read(store)?;
        ensure!(
            now.frames >= self.frames && now.items >= self.items && now.ended >= self.ended,
            "what was settled is gone: {self:?}, then {now:?}"
        );
        if let Lived::Code(0..=5) = lived
            && self.cut_off > 0
        {
            let said = fs::read_to_string(log.with_extension("out")).context("the report")?;
            ensure!(
                said.contains("trip_interrupted"),
                "a trip was cut off, and the next report does not say so"
            );
        }
        Ok(now)
    }

    fn read(store: &Path) -> Result<Self> {
        let path = store.join("queue.sqlite");
        if !path.exists() {
            return Ok(Self::default());
        }
        let queue = open_database(&path)?;
        let is_made =
            "SELECT 1 FROM sqlite_schema WHERE name = 'sessions' AND sql LIKE '%alive_ms%'";
        if queue
            .query_row(is_made, [], |_row| Ok(()))
            .optional()?
            .is_none()
        {
            return Ok(Self::default());
        }
        let count = |sql: &str| count(&queue, sql);
        Ok(Self {
            frames: count("SELECT count(*) FROM frames")?,
            items: count("SELECT count(*) FROM items")?,
            ended: count(
                "SELECT count(*) FROM items WHERE state IN ('accepted', 'refused', 'evicted')",
            )?,
            cut_off: count(
                "SELECT count(*) FROM sessions WHERE drive IS NULL AND summary IS NULL",
            )?,
        })
    }
}

fn count(queue: &Connection, sql: &str) -> Result<u64> {
    Ok(queue.query_row(sql, [], |row| row.get(0))?)
}
