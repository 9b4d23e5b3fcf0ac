//! Searches everything that was written and sent, as bytes and in decoded form.
//!
//! ```text
//! every file      byte strings, six-byte times, numbers in text, pictures from SOI on, signed messages
//! SQLite files    the same, and every row of every version of every page in the file and its log, with all of its values
//! stored objects  the pictures, decrypted through the server's own reader
//! ```
//! The same bytes are searched once, however often a snapshot holds them.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::ImageFormat;
use wayhex_protocol::envelope::peek;
use wayhex_protocol::id::sha256;
use wayhex_protocol::observation::Observation;
use wayhex_protocol::position::Position;
use wayhex_protocol::receipt::Receipt;

use super::cbor;
use super::numbers::{Number, numbers};
use super::pages::{self, Value};
use super::pattern::{self, Shown};
use super::private::Private;
use crate::folders;

/// How every SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// How every JPEG begins, and ends.
const JPEG: [u8; 3] = [0xff, 0xd8, 0xff];
const JPEG_END: [u8; 2] = [0xff, 0xd9];
/// Bytes of a picture at most.
const PICTURE_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Findings of a kind that are listed; all are counted.
const LISTED_MAX: u32 = 3;

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

/// A search under way.
pub struct Search<'p> {
    private: &'p Private,
    seen: HashSet<[u8; 32]>,
    figures: Figures,
    findings: Vec<Finding>,
    /// How many there are of each kind.
    kinds: BTreeMap<String, u32>,
}

/// Where bytes stand.
#[derive(Clone, Copy)]
struct Place<'f> {
    file: &'f Path,
    offset: usize,
    /// Whether what begins in them ends in them: a database cuts its rows into pages.
    is_whole: bool,
}

impl<'p> Search<'p> {
    /// A search for this.
    #[must_use]
    pub fn of(private: &'p Private) -> Self {
        Self {
            private,
            seen: HashSet::new(),
            figures: Figures::default(),
            findings: Vec::new(),
            kinds: BTreeMap::new(),
        }
    }

    /// What was searched, and the first findings.
    #[must_use]
    pub fn done(self) -> (Figures, Vec<Finding>) {
        (self.figures, self.findings)
    }

    /// Searches all files of a folder, where there is one; their names, too.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn folder(&mut self, folder: &Path) -> Result<()> {
        if folder.is_dir() {
            for file in folders::files(folder)? {
                self.file(&file)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<()> {
        let read =
            |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let bytes = read(path)?;
        self.figures.files += 1;
        self.figures.bytes += bytes.len();
        let name = path.file_name().unwrap_or_default();
        let place = Place {
            file: path,
            offset: 0,
            is_whole: true,
        };
        self.texts(name.as_encoded_bytes(), place);
        let log = path.with_file_name(format!("{}-wal", name.display()));
        if bytes.starts_with(SQLITE) || log.is_file() {
            let log_bytes = if log.is_file() {
                read(&log)?
            } else {
                Vec::new()
            };
            self.database(path, &bytes, &log_bytes);
        }
        let is_database = bytes.starts_with(SQLITE) || name.display().to_string().ends_with("-wal");
        self.bytes(
            &bytes,
            Place {
                is_whole: !is_database,
                ..place
            },
        );
        Ok(())
    }

    /// Searches bytes that stand in no file: an object that was decrypted, what a program printed.
    pub fn loose(&mut self, name: &Path, bytes: &[u8]) {
        self.figures.bytes += bytes.len();
        let place = Place {
            file: name,
            offset: 0,
            is_whole: true,
        };
        self.bytes(bytes, place);
    }

    fn database(&mut self, path: &Path, file: &[u8], log: &[u8]) {
        let both = sha256(&[sha256(file), sha256(log)].concat());
        if !self.seen.insert(both) {
            return;
        }
        let (rows, looked) = pages::rows(file, log);
        self.figures.pages += looked;
        self.figures.rows += rows.len();
        for row in rows {
            let log = path.with_file_name("(its log)");
            let place = Place {
                file: if row.in_log { &log } else { path },
                offset: row.offset,
                is_whole: false,
            };
            let mut before = None;
            for value in row.values {
                match value {
                    Value::Integer(integer) => {
                        self.integer(i128::from(integer), &mut before, place);
                    }
                    Value::Real(real) => self.coordinate(real, &mut None, place),
                    Value::Bytes(bytes) => self.bytes(&bytes, place),
                }
            }
        }
    }

    fn bytes(&mut self, bytes: &[u8], place: Place<'_>) {
        if !self.seen.insert(sha256(bytes)) {
            return;
        }
        self.figures.distinct_bytes += bytes.len();
        for (offset, what) in self.private.moments(bytes) {
            self.found(place, offset, what);
        }
        self.texts(bytes, place);
        for offset in 0..bytes.len() {
            let rest = &bytes[offset..];
            if rest.starts_with(&JPEG) {
                self.picture(rest, place, offset);
            } else if rest.starts_with(&cbor::SIGNED) {
                self.envelope(rest, place, offset);
            }
        }
    }

    /// What can stand in a name, too.
    fn texts(&mut self, bytes: &[u8], place: Place<'_>) {
        for (offset, what) in self.private.needles().find(bytes) {
            self.found(place, offset, what);
        }
        let mut before = None;
        for (offset, number) in numbers(bytes) {
            let place = Place {
                offset: place.offset + offset,
                ..place
            };
            match number {
                Number::Whole(value) => {
                    if let Some(what) = self.private.fault_of_integer(value) {
                        self.found(place, 0, format!("as text: {what}"));
                    }
                }
                Number::Decimal(value) => self.coordinate(value, &mut before, place),
            }
        }
    }

    /// A decimal number and the one before it may be a place, in either order.
    fn coordinate(&mut self, value: f64, before: &mut Option<f64>, place: Place<'_>) {
        if let Some(other) = before.replace(value) {
            let faults = [(value, other), (other, value)]
                .map(|(lat, lon)| self.private.fault_of_text(lat, lon));
            for what in faults.into_iter().flatten() {
                self.found(place, 0, what);
            }
        }
    }

    /// An integer may be a time or a cell, and with the one before it a place.
    fn integer(&mut self, value: i128, before: &mut Option<i32>, place: Place<'_>) {
        let small = i32::try_from(value).ok();
        if let (Some(lat), Some(lon)) = (*before, small) {
            let fault = Position::from_e7(lat, lon).and_then(|it| self.private.fault_of_place(it));
            if let Some(what) = fault {
                self.found(place, 0, format!("as integers: {what}"));
            }
        }
        *before = small;
        let fault = u64::try_from(value)
            .ok()
            .and_then(|value| self.private.fault_of_integer(value));
        if let Some(what) = fault {
            self.found(place, 0, format!("as an integer: {what}"));
        }
    }

    fn picture(&mut self, bytes: &[u8], place: Place<'_>, offset: usize) {
        let end = bytes.windows(2).position(|it| it == JPEG_END);
        let bytes = match end {
            Some(end) if place.is_whole => &bytes[..end + 2],
            _ => &bytes[..bytes.len().min(PICTURE_BYTES_MAX)],
        };
        if !self.seen.insert(sha256(&[b"picture", bytes].concat())) {
            return;
        }
        let Ok(decoded) = image::load_from_memory_with_format(bytes, ImageFormat::Jpeg) else {
            return;
        };
        self.figures.pictures += 1;
        let rgb = decoded.into_rgb8();
        let width = usize::try_from(rgb.width()).unwrap_or(0);
        match pattern::look(rgb.as_raw(), width) {
            Shown::Canary => self.found(place, offset, "the canary in a picture".to_owned()),
            // A picture that was put together wrongly has all colours.
            Shown::Trace if place.is_whole => {
                self.found(
                    place,
                    offset,
                    "a trace of the canary in a picture".to_owned(),
                );
            }
            Shown::Trace | Shown::Nothing => {}
        }
    }

    fn envelope(&mut self, bytes: &[u8], place: Place<'_>, offset: usize) {
        let Some(length) = cbor::item(bytes, &mut |_| {}) else {
            return;
        };
        let envelope = &bytes[..length];
        let place = Place {
            offset: place.offset + offset,
            ..place
        };
        self.figures.envelopes += 1;
        for string in cbor::strings(envelope) {
            let mut integers = Vec::new();
            if cbor::item(string, &mut |it| integers.push(it)) == Some(string.len()) {
                let mut before = None;
                for integer in integers {
                    self.integer(integer, &mut before, place);
                }
            }
        }
        if let Ok((_, observation)) = peek::<Observation>(envelope) {
            self.figures.observations += 1;
            self.observation(&observation, place);
        } else if let Ok((_, receipt)) = peek::<Receipt>(envelope)
            && let Some(what) = self.private.fault_of_integer(receipt.server_time_ms)
        {
            self.found(place, 0, format!("in a receipt: {what}"));
        }
    }

    fn observation(&mut self, observation: &Observation, place: Place<'_>) {
        let vertices = observation.segment.vertices().iter();
        let mut faults: Vec<String> = vertices
            .filter_map(|vertex| self.private.fault_of_place(vertex.position))
            .collect();
        let cells = observation.segment.facts().map(|facts| facts.cells);
        let cells = cells.into_iter().flatten();
        faults.extend(cells.filter_map(|cell| self.private.fault_of_cell(cell)));
        faults.extend(self.private.fault_of_integer(observation.captured_at_ms));
        for what in faults {
            self.found(place, 0, format!("in an observation: {what}"));
        }
    }

    fn found(&mut self, place: Place<'_>, offset: usize, what: String) {
        self.figures.findings += 1;
        let has_digit = |word: &&str| word.bytes().any(|it| it.is_ascii_digit());
        let kind: String = what.split(' ').filter(|word| !has_digit(word)).collect();
        let listed = self.kinds.entry(kind).or_default();
        *listed += 1;
        if *listed <= LISTED_MAX {
            self.findings.push(Finding {
                file: place.file.to_owned(),
                offset: place.offset + offset,
                what,
            });
        }
    }
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
