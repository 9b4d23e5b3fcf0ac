//! Searches everything that was written and sent, as bytes and in decoded form.
//!
//! ```text
//! every file      byte strings, six-byte times, numbers and dates in text, pictures from SOI on and in pieces, signed messages
//! SQLite files    the same, and every row of every version of every page in the file and its log, with all of its values
//! stored objects  the pictures, decrypted through the server's own reader
//! ```
//! The same bytes are searched once, however often a snapshot holds them.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use image::ImageFormat;
use wayhex_protocol::envelope::peek;
use wayhex_protocol::id::{SessionId, sha256};
use wayhex_protocol::observation::Observation;
use wayhex_protocol::position::Position;
use wayhex_protocol::receipt::Receipt;

use super::cbor;
use super::figures::{Figures, Finding};
use super::numbers::{Number, numbers};
use super::pages::{self, Value};
use super::pattern::{self, Shown};
use super::private::Private;
use super::times::ALIVE_EVERY_MS;
use crate::folders;

/// How every SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// How every JPEG begins, and ends.
const JPEG: [u8; 3] = [0xff, 0xd8, 0xff];
const JPEG_END: [u8; 2] = [0xff, 0xd9];
/// Bytes of a picture at most.
const PICTURE_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Where a whole number in a text begins to be a coordinate, 1e-7 degree: 0.1 degree, and the way is farther from the equator and
/// from Greenwich. Smaller ones stand between the two of a place, as the 7 of `lon_e7` does.
const TEXT_E7_MIN: u32 = 1_000_000;
/// Findings of a kind that are listed; all are counted.
const LISTED_MAX: u32 = 3;

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

    /// Searches a file and its name; with a database its log.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn file(&mut self, path: &Path) -> Result<()> {
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
        for mut row in rows {
            let log = path.with_file_name("(its log)");
            let place = Place {
                file: if row.in_log { &log } else { path },
                offset: row.offset,
                is_whole: false,
            };
            if tells_when_under_way(&row.values) {
                row.values.pop();
            }
            let (mut integer_before, mut real_before) = (None, None);
            for value in row.values {
                match value {
                    Value::Integer(integer) => {
                        self.integer(i128::from(integer), &mut integer_before, place);
                    }
                    Value::Real(real) => self.coordinate(real, &mut real_before, place),
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
        for (offset, what) in self.private.times().in_bytes(bytes, !place.is_whole) {
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
        let (mut whole_before, mut decimal_before) = (None, None);
        for (offset, number) in numbers(bytes) {
            let place = Place {
                offset: place.offset + offset,
                ..place
            };
            match number {
                Number::Whole(value) => self.whole(value, &mut whole_before, place),
                Number::Decimal(value) => self.coordinate(value, &mut decimal_before, place),
            }
        }
    }

    /// A whole number in a text may be a time or a cell, and with the one before it a place, in either order.
    fn whole(&mut self, value: i128, before: &mut Option<i32>, place: Place<'_>) {
        // What looks like a sign may join a time to a word.
        let fault = u64::try_from(value.unsigned_abs())
            .ok()
            .and_then(|value| self.private.fault_of_integer(value));
        if let Some(what) = fault {
            self.found(place, 0, format!("as text: {what}"));
        }
        let e7 = i32::try_from(value).ok();
        let Some(e7) = e7.filter(|it| it.unsigned_abs() >= TEXT_E7_MIN) else {
            return;
        };
        if let Some(other) = before.replace(e7) {
            let faults = [(other, e7), (e7, other)].map(|(lat, lon)| self.fault_of_e7(lat, lon));
            for what in faults.into_iter().flatten() {
                self.found(place, 0, format!("as whole numbers in text: {what}"));
            }
        }
    }

    fn fault_of_e7(&self, lat: i32, lon: i32) -> Option<String> {
        self.private.fault_of_place(Position::from_e7(lat, lon)?)
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
        if let (Some(lat), Some(lon)) = (*before, small)
            && let Some(what) = self.fault_of_e7(lat, lon)
        {
            self.found(place, 0, format!("as integers: {what}"));
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

/// Whether a row is one of `sessions` whose trip is not ended: its number, its session, its plan as JSON and, to ten seconds,
/// when it was last under way. What is null is left out.
fn tells_when_under_way(row: &[Value]) -> bool {
    let [
        Value::Integer(_),
        Value::Bytes(session),
        Value::Bytes(plan),
        Value::Integer(alive_ms),
    ] = row
    else {
        return false;
    };
    session.len() == SessionId::LENGTH
        && plan.starts_with(b"{")
        && plan.ends_with(b"}")
        && alive_ms.cast_unsigned().is_multiple_of(ALIVE_EVERY_MS)
}
