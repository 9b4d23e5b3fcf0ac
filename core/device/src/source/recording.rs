//! Our own recording of a session: what privacy has let go, and nothing else.
//!
//! ```text
//! recording.json      {"schema": "wayhex.recording/1"}
//! 000000.jpg          a redacted picture, as it would be uploaded
//! 000000.json         its time and place, in the form that pictures with a JSON have
//! ```
//! The types see to it: the recorder takes a [`Released`], which only privacy makes. Names are numbers given after privacy.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wayhex_protocol::observation::TimeSource;

use super::DriveError;
use super::drive::Contents;
use super::files::{DriveFile, read_up_to, refuse_strays};
use super::frames_json::{self, JSON_BYTES_MAX};
use crate::privacy::Released;

/// The file by which a recording is known.
pub(super) const HEADER: &str = "recording.json";
const SCHEMA: &str = "wayhex.recording/1";

/// Writes a recording.
#[derive(Debug)]
pub struct Recorder {
    dir: PathBuf,
    next: u64,
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
    /// Begins a recording in a folder that is empty or is made.
    ///
    /// # Errors
    /// [`RecordError`] naming the folder.
    pub fn create(dir: &Path) -> Result<Self, RecordError> {
        let cannot = |source| RecordError::Write {
            path: dir.to_path_buf(),
            source,
        };
        fs::create_dir_all(dir).map_err(cannot)?;
        if fs::read_dir(dir).map_err(cannot)?.next().is_some() {
            return Err(RecordError::Occupied {
                path: dir.to_path_buf(),
            });
        }
        write(
            &dir.join(HEADER),
            json!({ "schema": SCHEMA }).to_string().as_bytes(),
        )?;
        Ok(Self {
            dir: dir.to_path_buf(),
            next: 0,
        })
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// [`RecordError::Write`].
    pub fn write(&mut self, released: &Released) -> Result<(), RecordError> {
        let stem = format!("{:06}", self.next);
        self.next += 1;
        write(
            &self.dir.join(format!("{stem}.jpg")),
            released.picture.jpeg(),
        )?;
        write(
            &self.dir.join(format!("{stem}.json")),
            describe(released).to_string().as_bytes(),
        )
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    fs::write(path, bytes).map_err(|source| RecordError::Write {
        path: path.to_path_buf(),
        source,
    })
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
