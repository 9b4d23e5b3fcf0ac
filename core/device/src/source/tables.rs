//! Tables of what the sensors said, as CSV with named columns; `t_s` is the same clock in all, in seconds.
//!
//! ```text
//! frames.csv                     t_s, file                                                   the pictures, relative to the drive
//! gnss.csv or gnss_ublox.csv     t_s, latitude_deg, longitude_deg; where known speed_mps, utc_ms, horizontal_accuracy_m, satellites, hdop
//! accelerometer.csv              t_s, forward_mps2, right_mps2, down_mps2                    optional
//! gyroscope.csv                  t_s, forward_radps, right_radps, down_radps                 optional
//! ```
//! `drive.json` says that the project rendered the drive, and which private zones its player is asked to set. It is read whole or
//! the drive is not played: a zone that is dropped in silence is a home that is shown.
//!
//! Unix time comes from `utc_ms` alone. A row without a time is left out, a fix without a number for its place is out of range.

use std::fs::File;
use std::path::{Component, Path, PathBuf};

use csv::StringRecord;
use serde_json::Value;
use wayhex_protocol::limits::TIME_MIN_MS;
use wayhex_protocol::reason::Reason;

use super::DriveError;
use super::drive::{Contents, DriveKind, Entry};
use super::event::{Fix, InertialSample, UnusableFrame};
use super::files::{DriveFile, read_up_to, refuse_strays};
use super::frames_json::JSON_BYTES_MAX;
use super::order::rising;
use crate::privacy::Zone;

/// The table of pictures, by which a drive of tables is known.
pub(super) const FRAMES: &str = "frames.csv";
/// Most bytes of a table: a day of inertial samples at 100 Hz.
pub const TABLE_BYTES_MAX: u64 = 1 << 30;
/// Most rows of a table: half a day of inertial samples at 100 Hz.
pub const TABLE_ROWS_MAX: usize = 5_000_000;

const FIXES: [&str; 2] = ["gnss.csv", "gnss_ublox.csv"];
/// What a drive that the project rendered says of itself.
const RENDERED: &str = "drive.json";
const RENDERED_SCHEMA: &str = "wayhex.rendered-drive/1";
const FORCES: &str = "accelerometer.csv";
const TURNS: &str = "gyroscope.csv";

/// Reads all tables of a drive.
pub(super) fn read(
    dir: &Path,
    files: &[DriveFile],
    latest_ms: u64,
) -> Result<(DriveKind, Contents), DriveError> {
    refuse_strays(
        files,
        &[FRAMES, FIXES[0], FIXES[1], FORCES, TURNS, RENDERED],
    )?;
    let has = |name: &str| files.iter().any(|file| file.name == name);
    let Some(receiver) = FIXES.into_iter().find(|name| has(name)) else {
        let cause = format!("is missing, and so is {}: no fixes", FIXES[1]);
        return Err(DriveError::Table {
            path: dir.join(FIXES[0]),
            cause,
        });
    };
    let passed = read_fixes(&dir.join(receiver))?;
    let mut timed: Vec<(u64, Entry)> = Vec::new();
    timed.extend(passed.iter().map(|fix| (fix.at_ns, Entry::Fix(*fix))));
    let forces = vectors(dir, FORCES, ["forward_mps2", "right_mps2", "down_mps2"])?;
    let turns = vectors(dir, TURNS, ["forward_radps", "right_radps", "down_radps"])?;
    timed.extend(inertial(&forces, &turns).map(|sample| (sample.at_ns, Entry::Inertial(sample))));
    timed.extend(read_pictures(&dir.join(FRAMES))?);
    // Stable: at one time a fix comes before a sample, a sample before a picture.
    timed.sort_by_key(|(at_ns, _)| *at_ns);
    let last_ns = timed.last().map_or(0, |(at_ns, _)| *at_ns);
    let (kind, private_zones) = if has(RENDERED) {
        describe(&dir.join(RENDERED))?
    } else {
        (DriveKind::Csv, Vec::new())
    };
    let contents = Contents {
        ends_at_ms: ends_at_ms(&passed, last_ns, latest_ms),
        entries: timed.into_iter().map(|(_, entry)| entry).collect(),
        unix_ms_at_zero: None,
        private_zones,
    };
    Ok((kind, contents))
}

/// By the last fix whose time can be believed.
fn ends_at_ms(fixes: &[Fix], last_ns: u64, latest_ms: u64) -> Option<u64> {
    let believed = TIME_MIN_MS..=latest_ms;
    let timed = fixes
        .iter()
        .rev()
        .filter_map(|fix| Some((fix.at_ns, fix.utc_ms?)));
    let (at_ns, utc_ms) = timed.into_iter().find(|(_, utc)| believed.contains(utc))?;
    Some(utc_ms + last_ns.saturating_sub(at_ns) / 1_000_000)
}

fn read_fixes(path: &Path) -> Result<Vec<Fix>, DriveError> {
    let columns = ["t_s", "latitude_deg", "longitude_deg"];
    let optional = [
        "speed_mps",
        "utc_ms",
        "horizontal_accuracy_m",
        "satellites",
        "hdop",
    ];
    let mut fixes = Vec::new();
    Table::open(path, &columns, &optional)?.each(|row| {
        let Some(at_ns) = row.time_ns() else { return };
        let number = |name| row.number(name);
        fixes.push(Fix {
            at_ns,
            utc_ms: number("utc_ms").and_then(whole),
            lat_deg: number("latitude_deg").unwrap_or(f64::NAN),
            lon_deg: number("longitude_deg").unwrap_or(f64::NAN),
            speed_m_s: number("speed_mps"),
            accuracy_m: number("horizontal_accuracy_m"),
            satellites: number("satellites")
                .and_then(whole)
                .and_then(|count| u32::try_from(count).ok()),
            hdop: number("hdop"),
        });
    })?;
    keep_rising(&mut fixes, path, |fix| fix.at_ns);
    Ok(fixes)
}

fn vectors(
    dir: &Path,
    name: &str,
    axes: [&'static str; 3],
) -> Result<Vec<(u64, [f64; 3])>, DriveError> {
    let path = dir.join(name);
    let mut rows = Vec::new();
    if !path.exists() {
        return Ok(rows);
    }
    let columns = ["t_s", axes[0], axes[1], axes[2]];
    Table::open(&path, &columns, &[])?.each(|row| {
        let vector = axes.map(|axis| row.number(axis).unwrap_or(f64::NAN));
        if let Some(at_ns) = row.time_ns() {
            rows.push((at_ns, vector));
        }
    })?;
    keep_rising(&mut rows, &path, |(at_ns, _)| *at_ns);
    Ok(rows)
}

/// Samples of both sensors; those of one time are one sample.
fn inertial(
    forces: &[(u64, [f64; 3])],
    turns: &[(u64, [f64; 3])],
) -> impl Iterator<Item = InertialSample> {
    let (mut forces, mut turns) = (forces.iter().peekable(), turns.iter().peekable());
    std::iter::from_fn(move || {
        let times = [
            forces.peek().map(|row| row.0),
            turns.peek().map(|row| row.0),
        ];
        let at_ns = times.into_iter().flatten().min()?;
        let is_now = |row: &&(u64, [f64; 3])| row.0 == at_ns;
        Some(InertialSample {
            at_ns,
            acceleration: forces.next_if(is_now).map(|row| row.1),
            rotation: turns.next_if(is_now).map(|row| row.1),
        })
    })
}

/// The pictures with the time at which each is played: one that cannot be used comes after the picture before it.
fn read_pictures(path: &Path) -> Result<Vec<(u64, Entry)>, DriveError> {
    let mut rows: Vec<(Option<u64>, String)> = Vec::new();
    Table::open(path, &["t_s", "file"], &[])?.each(|row| {
        let file = row.text("file").unwrap_or_default();
        rows.push((row.time_ns(), file.to_owned()));
    })?;
    let times: Vec<i64> = rows
        .iter()
        .filter_map(|(at_ns, _)| i64::try_from((*at_ns)?).ok())
        .collect();
    let mut stands = rising(&times).into_iter();
    let mut last_ns = 0;
    let entry = |(at_ns, source): (Option<u64>, String)| {
        let unusable = |source, reason| {
            Entry::Unusable(UnusableFrame {
                source,
                time_ms: None,
                reason,
            })
        };
        let Some(at_ns) = at_ns else {
            return (last_ns, unusable(source, Reason::MetadataMissing));
        };
        if stands.next() != Some(true) {
            return (last_ns, unusable(source, Reason::TimeBackwards));
        }
        last_ns = at_ns;
        if is_inside(&source) {
            (at_ns, Entry::Picture { source, at_ns })
        } else {
            (at_ns, unusable(source, Reason::PictureUnreadable))
        }
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// Whether a path stays in the drive.
fn is_inside(file: &str) -> bool {
    !file.is_empty()
        && Path::new(file)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

/// Leaves out rows whose time does not follow.
fn keep_rising<T>(rows: &mut Vec<T>, path: &Path, at_ns: impl Fn(&T) -> u64) {
    let times: Vec<i64> = rows
        .iter()
        .map(|row| i64::try_from(at_ns(row)).unwrap_or(i64::MAX))
        .collect();
    let mut stands = rising(&times).into_iter();
    let all = rows.len();
    rows.retain(|_| stands.next() == Some(true));
    if rows.len() < all {
        tracing::warn!(path = %path.display(), rows = all - rows.len(), "rows whose time does not follow are left out");
    }
}

/// Whether the project rendered the drive, and the zones that it asks for. Another's description is passed over.
fn describe(path: &Path) -> Result<(DriveKind, Vec<Zone>), DriveError> {
    let wrong = |cause: String| DriveError::Table {
        path: path.to_path_buf(),
        cause,
    };
    let bytes = read_up_to(path, JSON_BYTES_MAX)
        .map_err(|source| DriveError::Read {
            path: path.to_path_buf(),
            source,
        })?
        .ok_or_else(|| DriveError::TooLarge {
            path: path.to_path_buf(),
            limit: u64::try_from(JSON_BYTES_MAX).unwrap_or(u64::MAX),
        })?;
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|error| wrong(format!("is no JSON: {error}")))?;
    if value["schema"] != RENDERED_SCHEMA {
        return Ok((DriveKind::Csv, Vec::new()));
    }
    let zones = match &value["private_zones"] {
        Value::Null => Vec::new(),
        Value::Array(zones) => zones
            .iter()
            .zip(1..)
            .map(|(value, number): (&Value, u32)| {
                zone(value).map_err(|cause| wrong(format!("private zone {number}: {cause}")))
            })
            .collect::<Result<_, _>>()?,
        _ => return Err(wrong("its private_zones are no list".to_owned())),
    };
    Ok((DriveKind::Rendered, zones))
}

/// A zone, or what is wrong with it.
fn zone(value: &Value) -> Result<Zone, String> {
    let number = |key: &str| value[key].as_f64().ok_or(format!("{key} is no number"));
    Zone::new(number("lat")?, number("lon")?, number("radius_m")?)
        .map_err(|error| error.to_string())
}

/// A CSV file with a header.
struct Table {
    path: PathBuf,
    reader: csv::Reader<File>,
    columns: Vec<(&'static str, usize)>,
}

struct Row<'a> {
    columns: &'a [(&'static str, usize)],
    record: &'a StringRecord,
}

impl Table {
    fn open(
        path: &Path,
        needed: &[&'static str],
        optional: &[&'static str],
    ) -> Result<Self, DriveError> {
        let cannot = |source| DriveError::Read {
            path: path.to_path_buf(),
            source,
        };
        let file = File::open(path).map_err(cannot)?;
        if file.metadata().map_err(cannot)?.len() > TABLE_BYTES_MAX {
            return Err(DriveError::TooLarge {
                path: path.to_path_buf(),
                limit: TABLE_BYTES_MAX,
            });
        }
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(file);
        let header = reader.headers().map_err(wrong(path))?.clone();
        let find = |name: &&'static str| Some((*name, header.iter().position(|own| own == *name)?));
        if let Some(name) = needed.iter().find(|name| find(name).is_none()) {
            return Err(DriveError::Table {
                path: path.to_path_buf(),
                cause: format!("has no column {name}"),
            });
        }
        let columns = needed.iter().chain(optional).filter_map(find).collect();
        Ok(Self {
            path: path.to_path_buf(),
            reader,
            columns,
        })
    }

    fn each(mut self, mut take: impl FnMut(&Row<'_>)) -> Result<(), DriveError> {
        let mut record = StringRecord::new();
        let mut rows = 0;
        while self
            .reader
            .read_record(&mut record)
            .map_err(wrong(&self.path))?
        {
            rows += 1;
            if rows > TABLE_ROWS_MAX {
                return Err(DriveError::TooMany {
                    path: self.path,
                    what: "rows",
                    limit: TABLE_ROWS_MAX,
                });
            }
            take(&Row {
                columns: &self.columns,
                record: &record,
            });
        }
        Ok(())
    }
}

fn wrong(path: &Path) -> impl Fn(csv::Error) -> DriveError + '_ {
    |error| DriveError::Table {
        path: path.to_path_buf(),
        cause: error.to_string(),
    }
}

impl Row<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        let (_, at) = self.columns.iter().find(|(own, _)| *own == name)?;
        self.record.get(*at)
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    /// `t_s` in nanoseconds.
    fn time_ns(&self) -> Option<u64> {
        whole(self.number("t_s")? * 1e9)
    }
}

/// The nearest whole number; `None` for what is negative, no number or too large.
fn whole(value: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in range by the check"
    )]
    (0.0..9.0e18).contains(&value).then(|| value.round() as u64)
}
