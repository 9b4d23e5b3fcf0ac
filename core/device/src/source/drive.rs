//! A recorded drive: what kind it is, how long, and its events one by one.
//!
//! Everything but the pictures is read when it is opened; a picture is read when its turn comes, so that one is in memory at a time.

use std::io;
use std::path::{Path, PathBuf};

use wayhex_protocol::limits::TIME_AHEAD_MAX_MS;
use wayhex_protocol::reason::Reason;
use wayhex_vision::SOURCE_BYTES_MAX;

use super::event::{Event, Fix, Frame, FrameData, FrameSource, InertialSample, UnusableFrame};
use super::files::{DriveFile, files_below, is_file_of, read_up_to};
use super::hash::{DriveHash, hash_of};
use super::{frames_json, geotagged, recording, tables};
use crate::capture::CaptureSettings;
use crate::privacy::Zone;

const NS_PER_MS: u64 = 1_000_000;

/// What a drive consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriveKind {
    /// Tables and pictures that the project rendered.
    Rendered,
    /// Pictures with a JSON beside each.
    FramesJson,
    /// Pictures with time and place in their Exif.
    Exif,
    /// Tables of fixes and inertial samples, and of pictures.
    Csv,
    /// Our own recording of a session.
    Session,
}

impl DriveKind {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rendered => "rendered",
            Self::FramesJson => "frames_json",
            Self::Exif => "exif",
            Self::Csv => "csv",
            Self::Session => "session",
        }
    }
}

/// Why a drive cannot be played at all. What is wrong with one frame drops that frame.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no frame in it.
    #[error("{path} holds no frames: neither JPEGs nor a frames.csv that names some")]
    Empty {
        /// The drive's folder.
        path: PathBuf,
    },
    /// A table is missing or cannot be read.
    #[error("{path}: {cause}")]
    Table {
        /// The table.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A file is larger than is read.
    #[error("{path} has more than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// A link that leads to no file of the drive, where one is needed, or to a folder.
    #[error("{path} is a link out of the drive, into nothing or to a folder: it is not followed")]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// Folders in folders.
    #[error("{path} lies more than {limit} folders deep in the drive")]
    TooDeep {
        /// The folder.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// More than is read.
    #[error("{path} has more than {limit} {what}")]
    TooMany {
        /// The file or folder.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// A recorded drive.
#[derive(Debug)]
pub struct Drive {
    dir: PathBuf,
    kind: DriveKind,
    /// Unix time in milliseconds after which nothing can have been recorded.
    latest_ms: u64,
    files: Vec<DriveFile>,
    contents: Contents,
}

/// What a reader found.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// In the order in which they are played.
    pub entries: Vec<Entry>,
    /// Unix time in milliseconds at the zero of the monotonic clock; `None` where only fixes tell the time.
    pub unix_ms_at_zero: Option<i64>,
    /// Unix time in milliseconds of the last event whose time can be believed.
    pub ends_at_ms: Option<u64>,
    /// Zones that the drive asks its player to set.
    pub private_zones: Vec<Zone>,
}

#[derive(Debug)]
pub(super) enum Entry {
    Fix(Fix),
    Inertial(InertialSample),
    Picture { source: String, at_ns: u64 },
    Unusable(UnusableFrame),
}

impl Drive {
    /// Opens the drive in a folder; what it is follows from its files. `now_ms` is the time by the phone's clock: what lies
    /// more than clocks differ by after it cannot have been recorded.
    ///
    /// # Errors
    /// [`DriveError`] when there is no frame in it, or a table is not one.
    pub fn open(dir: &Path, now_ms: u64) -> Result<Self, DriveError> {
        let latest_ms = now_ms.saturating_add(TIME_AHEAD_MAX_MS);
        let files = files_below(dir)?;
        let has = |name: &str| files.iter().any(|file| file.name == name);
        let (kind, contents) = if has(recording::HEADER) {
            (DriveKind::Session, recording::read(dir, &files, latest_ms)?)
        } else if has(tables::FRAMES) {
            tables::read(dir, &files, latest_ms)?
        } else if frames_json::has_any(&files) {
            (DriveKind::FramesJson, frames_json::read(&files, latest_ms))
        } else {
            (DriveKind::Exif, geotagged::read(&files, latest_ms))
        };
        let drive = Self {
            dir: dir.to_path_buf(),
            kind,
            latest_ms,
            files,
            contents,
        };
        if drive.frames() == 0 {
            Err(DriveError::Empty { path: drive.dir })
        } else {
            Ok(drive)
        }
    }

    /// What it consists of.
    #[must_use]
    pub const fn kind(&self) -> DriveKind {
        self.kind
    }

    /// The hash over all of its files, which are read for it.
    ///
    /// # Errors
    /// [`DriveError::Read`].
    pub fn hash(&self) -> Result<DriveHash, DriveError> {
        hash_of(&self.files)
    }

    /// How many frames it holds, usable or not.
    #[must_use]
    pub fn frames(&self) -> u64 {
        let frames = self
            .contents
            .entries
            .iter()
            .filter(|entry| matches!(entry, Entry::Picture { .. } | Entry::Unusable(_)));
        frames.map(|_| 1).sum()
    }

    /// Unix time of its last event, milliseconds; `None` when no time in it can be believed.
    #[must_use]
    pub const fn ends_at_ms(&self) -> Option<u64> {
        self.contents.ends_at_ms
    }

    /// What capture has to know of it.
    #[must_use]
    pub const fn capture_settings(&self) -> CaptureSettings {
        CaptureSettings {
            unix_ms_at_zero: self.contents.unix_ms_at_zero,
            time_max_ms: Some(self.latest_ms),
        }
    }

    /// Private zones that it asks its player to set: a rendered drive brings some to show them.
    #[must_use]
    pub fn private_zones(&self) -> &[Zone] {
        &self.contents.private_zones
    }

    /// Its events from the beginning.
    #[must_use]
    pub fn events(&self) -> DriveEvents<'_> {
        DriveEvents {
            drive: self,
            next: 0,
        }
    }
}

/// The events of a drive, in order.
#[derive(Debug)]
pub struct DriveEvents<'a> {
    drive: &'a Drive,
    next: usize,
}

impl FrameSource for DriveEvents<'_> {
    fn next_event(&mut self) -> Option<Event> {
        let entry = self.drive.contents.entries.get(self.next)?;
        self.next += 1;
        Some(match entry {
            Entry::Fix(fix) => Event::Fix(*fix),
            Entry::Inertial(sample) => Event::Inertial(*sample),
            Entry::Unusable(unusable) => Event::Unusable(unusable.clone()),
            Entry::Picture { source, at_ns } => self.drive.load(source, *at_ns),
        })
    }
}

impl Iterator for DriveEvents<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.next_event()
    }
}

impl Drive {
    /// A picture's bytes; `None` when it has too many. What a link out of the drive leads to is not there.
    fn read(&self, source: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.dir.join(source);
        if is_file_of(&self.dir.canonicalize()?, &path) {
            read_up_to(&path, SOURCE_BYTES_MAX)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn load(&self, source: &str, at_ns: u64) -> Event {
        let reason = match self.read(source) {
            Ok(Some(bytes)) => {
                let (source, data) = (source.to_owned(), FrameData::Jpeg(bytes));
                return Event::Frame(Frame {
                    source,
                    at_ns,
                    data,
                });
            }
            Ok(None) => Reason::PictureTooLarge,
            Err(error) => {
                tracing::warn!(%error, "a picture cannot be read");
                Reason::PictureUnreadable
            }
        };
        let since_zero = i64::try_from(at_ns / NS_PER_MS).ok();
        let time_ms = self
            .contents
            .unix_ms_at_zero
            .and_then(|zero| zero.checked_add(since_zero?));
        Event::Unusable(UnusableFrame {
            source: source.to_owned(),
            time_ms,
            reason,
        })
    }
}
