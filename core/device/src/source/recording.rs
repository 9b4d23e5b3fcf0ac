//! Our own recording of a session: what privacy has let go, and nothing else.
//!
//! ```text
//! recording.json      {"schema": "wayhex.recording/1"}
//! 000000.jpg          a redacted picture, as it would be uploaded
//! 000000.json         its time and place, in the form that pictures with a JSON have
//! ```
//! The types see to it: what is recorded is made from a [`Released`], which only privacy makes. Names are numbers given after
//! privacy, those of the items. A frame is written before its item is queued, under the number that the item will have, each
//! file beside its place and renamed when whole. So a recording that was interrupted goes on with the items that the queue has: what
//! lies beyond them, and what was not renamed, is removed, and the same bytes are written again.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wayhex_protocol::observation::TimeSource;

use super::DriveError;
use super::drive::Contents;
use super::files::{DriveFile, read_up_to, refuse_strays};
use super::frames_json::{self, JSON_BYTES_MAX};
use crate::failpoints::{
    RECORDING_BYTES, RECORDING_DONE, RECORDING_FOLDER_FSYNC, RECORDING_FSYNC, RECORDING_HEADER,
    RECORDING_LINE, RECORDING_MKDIR, RECORDING_PICTURE, RECORDING_RENAME, RECORDING_SWEEP,
};
use crate::privacy::Released;

/// The file by which a recording is known.
pub(super) const HEADER: &str = "recording.json";
const SCHEMA: &str = "wayhex.recording/1";
/// The extension of a file that is not whole yet.
const UNFINISHED: &str = "new";
/// The extensions of a frame's two files.
const FRAME: [&str; 2] = ["jpg", "json"];

/// Writes a recording.
#[derive(Debug)]
pub struct Recorder {
    dir: PathBuf,
}

/// A frame as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedFrame {
    picture: Vec<u8>,
    description: String,
}

impl From<&Released> for RecordedFrame {
    fn from(released: &Released) -> Self {
        Self {
            picture: released.picture.jpeg().to_vec(),
            description: describe(released).to_string(),
        }
    }
}

/// Why nothing is recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The folder holds something already.
    #[error("cannot record into {path}: it is not empty")]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// A recording is to go on of which frames are missing.
    #[error(
        "cannot go on recording into {path}: it does not hold all {frames} frames that were recorded so far"
    )]
    Incomplete {
        /// The folder.
        path: PathBuf,
        /// How many there were.
        frames: u64,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Recorder {
    /// Whether a recording can begin in a folder: it is empty, or not there yet. Nothing is written.
    ///
    /// # Errors
    /// [`RecordError`] naming the folder.
    pub fn check_empty(dir: &Path) -> Result<(), RecordError> {
        let is_empty = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(source) => return Err(cannot_write(dir)(source)),
            Ok(mut entries) => entries.next().is_none(),
        };
        if is_empty {
            return Ok(());
        }
        Err(RecordError::Occupied {
            path: dir.to_path_buf(),
        })
    }

    /// Begins a recording, or goes on with one of `frames` frames. What it holds beyond them was never queued, and is removed.
    ///
    /// # Errors
    /// [`RecordError`] naming the folder.
    pub fn open(dir: &Path, frames: u64) -> Result<Self, RecordError> {
        RECORDING_MKDIR.hit();
        fs::create_dir_all(dir).map_err(cannot_write(dir))?;
        let recorder = Self {
            dir: dir.to_path_buf(),
        };
        if recorder.sweep(frames)? != frames {
            return Err(RecordError::Incomplete {
                path: recorder.dir,
                frames,
            });
        }
        if !dir.join(HEADER).exists() {
            RECORDING_HEADER.hit();
            let header = json!({ "schema": SCHEMA }).to_string();
            recorder.write_whole(HEADER, header.as_bytes())?;
        }
        recorder.settle()?;
        Ok(recorder)
    }

    /// Writes the frame of that number, durably.
    ///
    /// # Errors
    /// [`RecordError::Write`].
    pub fn write(&self, number: u64, frame: &RecordedFrame) -> Result<(), RecordError> {
        let [picture, description] = FRAME.map(|extension| format!("{number:06}.{extension}"));
        RECORDING_PICTURE.hit();
        self.write_whole(&picture, &frame.picture)?;
        RECORDING_LINE.hit();
        self.write_whole(&description, frame.description.as_bytes())?;
        self.settle()?;
        RECORDING_DONE.hit();
        Ok(())
    }

    /// Removes what is not whole or lies beyond `frames`, and says how many whole frames are left.
    fn sweep(&self, frames: u64) -> Result<u64, RecordError> {
        let cannot = cannot_write(&self.dir);
        let mut found: [BTreeSet<u64>; 2] = Default::default();
        for entry in fs::read_dir(&self.dir).map_err(&cannot)? {
            let path = entry.map_err(&cannot)?.path();
            let extension = path.extension().and_then(|it| it.to_str());
            let number = number_of(&path);
            let kind = FRAME.iter().position(|it| Some(*it) == extension);
            match (kind, number) {
                (Some(kind), Some(number)) if number < frames => {
                    found[kind].insert(number);
                }
                (Some(_), Some(_beyond)) => remove(&path)?,
                _ if extension == Some(UNFINISHED) => remove(&path)?,
                _ => {}
            }
        }
        let whole = found[0].intersection(&found[1]).count();
        Ok(u64::try_from(whole).unwrap_or(u64::MAX))
    }

    /// Beside its place, and renamed when whole.
    fn write_whole(&self, name: &str, bytes: &[u8]) -> Result<(), RecordError> {
        let path = self.dir.join(name);
        let fresh = self.dir.join(format!("{name}.{UNFINISHED}"));
        File::create(&fresh)
            .and_then(|mut file| {
                RECORDING_BYTES.hit();
                file.write_all(bytes)?;
                RECORDING_FSYNC.hit();
                file.sync_all()
            })
            .map_err(cannot_write(&fresh))?;
        RECORDING_RENAME.hit();
        fs::rename(&fresh, &path).map_err(cannot_write(&path))
    }

    /// Makes names last.
    fn settle(&self) -> Result<(), RecordError> {
        RECORDING_FOLDER_FSYNC.hit();
        File::open(&self.dir)
            .and_then(|folder| folder.sync_all())
            .map_err(cannot_write(&self.dir))
    }
}

/// The number that a frame's file has as its name.
fn number_of(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let is_number = stem.len() >= 6 && stem.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| stem.parse().ok()).flatten()
}

fn remove(path: &Path) -> Result<(), RecordError> {
    RECORDING_SWEEP.hit();
    fs::remove_file(path).map_err(cannot_write(path))
}

fn cannot_write(path: &Path) -> impl Fn(io::Error) -> RecordError {
    let path = path.to_path_buf();
    move |source| RecordError::Write {
        path: path.clone(),
        source,
    }
}

fn describe(released: &Released) -> Value {
    let time_ms = released.time.unix_ms;
    let place = released.segment.place();
    let vertices = released.segment.vertices();
    let path: Vec<Value> = vertices[..vertices.len() - 1]
        .iter()
        .map(|vertex| {
            json!([
                vertex.position.lat_deg(),
                vertex.position.lon_deg(),
                vertex.before_ms
            ])
        })
        .collect();
    let mut value =
        json!({ "time": time_ms, "lat": place.lat_deg(), "lon": place.lon_deg(), "path": path });
    let thousandths = |milli: u32| json!(f64::from(milli) / 1_000.0);
    let known = [
        (
            "gnss_time",
            (released.time.source == TimeSource::Gnss).then(|| json!(time_ms)),
        ),
        ("accuracy_m", released.fix.accuracy_mm.map(thousandths)),
        (
            "satellites",
            released.fix.satellites.map(|count| json!(count)),
        ),
        ("hdop", released.fix.hdop_milli.map(thousandths)),
        ("speed_m_s", released.motion.speed_mm_s.map(thousandths)),
    ];
    for (key, known) in known {
        if let Some(known) = known {
            value[key] = known;
        }
    }
    value
}

/// Reads a recording: its pictures in the order of their numbers.
pub(super) fn read(
    dir: &Path,
    files: &[DriveFile],
    latest_ms: u64,
) -> Result<Contents, DriveError> {
    refuse_strays(files, &[HEADER])?;
    let path = dir.join(HEADER);
    let header = match read_up_to(&path, JSON_BYTES_MAX) {
        Ok(bytes) => {
            serde_json::from_slice::<Value>(&bytes.unwrap_or_default()).unwrap_or_default()
        }
        Err(source) => return Err(DriveError::Read { path, source }),
    };
    if header["schema"] != SCHEMA {
        return Err(DriveError::Table {
            path,
            cause: format!("is no header of a recording: its schema is not {SCHEMA}"),
        });
    }
    Ok(frames_json::read(files, latest_ms))
}
