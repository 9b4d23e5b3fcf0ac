//! What a search looked at, and what it found.

use std::fmt;
use std::path::PathBuf;

/// Something that must not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// Where in it.
    pub offset: usize,
    /// What it is.
    pub what: String,
}

/// What was searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Bytes of those that differ from one another.
    pub distinct_bytes: usize,
    /// Different pictures that were decoded.
    pub pictures: usize,
    /// Signed messages that were parsed.
    pub envelopes: usize,
    /// Those of them that are observations.
    pub observations: usize,
    /// Pages of databases and their logs.
    pub pages: usize,
    /// Rows in them.
    pub rows: usize,
    /// What was found.
    pub findings: usize,
}

impl Figures {
    /// Adds what another search did.
    pub const fn add(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.distinct_bytes += other.distinct_bytes;
        self.pictures += other.pictures;
        self.envelopes += other.envelopes;
        self.observations += other.observations;
        self.pages += other.pages;
        self.rows += other.rows;
        self.findings += other.findings;
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, byte {}: {}",
            self.file.display(),
            self.offset,
            self.what
        )
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} files of {} bytes ({} different), {} pages with {} rows, {} pictures decoded, {} messages parsed ({} observations)",
            self.files,
            self.bytes,
            self.distinct_bytes,
            self.pages,
            self.rows,
            self.pictures,
            self.envelopes,
            self.observations
        )
    }
}
