//! The files of a drive: what there is, within limits, in the order that a person would give them.
//!
//! Nothing is left out in silence. A link is followed to a file of the drive and nowhere else: one that leads out of it or into
//! nothing is a stray, which is named and never read, and a link to a folder is an error.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::DriveError;

/// Most files of a drive: a day at 2 Hz with a JSON beside each picture.
pub const FILES_MAX: usize = 400_000;
/// Most folders of a drive: one for each minute of a week.
pub const FOLDERS_MAX: usize = 10_080;
/// Deepest folder below a drive's own: cameras nest two or three.
pub const FOLDER_DEPTH_MAX: usize = 8;

/// A file of a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DriveFile {
    /// Its path relative to the drive, with `/`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is no file of the drive: a link out of it or into nothing, a pipe, a device. It is never read.
    pub is_stray: bool,
}

struct Folder {
    /// What the names of its files begin with.
    prefix: String,
    path: PathBuf,
    depth: usize,
}

impl DriveFile {
    /// The name without its extension.
    pub fn stem(&self) -> &str {
        self.name
            .rsplit_once('.')
            .map_or(self.name.as_str(), |(stem, _)| stem)
    }

    /// Whether its extension is one of these, in any case.
    pub fn is(&self, extensions: &[&str]) -> bool {
        let own = self.name.rsplit_once('.').map(|(_, extension)| extension);
        own.is_some_and(|own| {
            extensions
                .iter()
                .any(|extension| own.eq_ignore_ascii_case(extension))
        })
    }
}

/// All files below a folder, in [`natural_order`], strays among them.
pub(super) fn files_below(dir: &Path) -> Result<Vec<DriveFile>, DriveError> {
    let root = fs::canonicalize(dir).map_err(cannot_read(dir))?;
    let mut files = Vec::new();
    let mut folders = vec![Folder {
        prefix: String::new(),
        path: dir.to_path_buf(),
        depth: 0,
    }];
    let mut folders_seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder.path).map_err(cannot_read(&folder.path))? {
            let entry = entry.map_err(cannot_read(&folder.path))?;
            let (own, path) = (entry.file_name(), entry.path());
            let name = format!("{}{}", folder.prefix, own.to_string_lossy());
            let kind = fs::symlink_metadata(&path).map_err(cannot_read(&path))?;
            if kind.is_dir() {
                folders_seen += 1;
                folders.push(folder.inner(&name, path)?);
            } else if kind.is_symlink() && path.is_dir() {
                return Err(DriveError::Link { path });
            } else {
                let is_stray = !is_file_of(&root, &path);
                if is_stray {
                    tracing::warn!(path = %path.display(), "is no file of the drive and is not read");
                }
                files.push(DriveFile {
                    name,
                    path,
                    is_stray,
                });
            }
            within(files.len(), FILES_MAX, "files", dir)?;
            within(folders_seen, FOLDERS_MAX, "folders", dir)?;
        }
    }
    files.sort_by(|a, b| natural_order(&a.name, &b.name));
    Ok(files)
}

impl Folder {
    fn inner(&self, name: &str, path: PathBuf) -> Result<Self, DriveError> {
        if self.depth == FOLDER_DEPTH_MAX {
            return Err(DriveError::TooDeep {
                path,
                limit: FOLDER_DEPTH_MAX,
            });
        }
        Ok(Self {
            prefix: format!("{name}/"),
            path,
            depth: self.depth + 1,
        })
    }
}

fn within(count: usize, limit: usize, what: &'static str, dir: &Path) -> Result<(), DriveError> {
    if count <= limit {
        return Ok(());
    }
    Err(DriveError::TooMany {
        path: dir.to_path_buf(),
        what,
        limit,
    })
}

fn cannot_read(path: &Path) -> impl Fn(io::Error) -> DriveError + '_ {
    |source| DriveError::Read {
        path: path.to_path_buf(),
        source,
    }
}

/// Whether a path leads, by whatever links, to a regular file below `root`, which is given without links.
pub(super) fn is_file_of(root: &Path, path: &Path) -> bool {
    fs::canonicalize(path).is_ok_and(|real| real.starts_with(root) && real.is_file())
}

/// Refuses a stray among the files by which a whole drive is read.
pub(super) fn refuse_strays(files: &[DriveFile], names: &[&str]) -> Result<(), DriveError> {
    let stray = files
        .iter()
        .find(|file| file.is_stray && names.contains(&file.name.as_str()));
    stray.map_or(Ok(()), |file| {
        Err(DriveError::Link {
            path: file.path.clone(),
        })
    })
}

/// Reads a file of at most `limit` bytes; `None` when it has more.
pub(super) fn read_up_to(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let limit_bytes = u64::try_from(limit).unwrap_or(u64::MAX);
    File::open(path)?
        .take(limit_bytes.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok((bytes.len() <= limit).then_some(bytes))
}

/// Text order in which a run of digits counts as a number: `9.jpg` comes before `10.jpg`.
pub(super) fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let digits = (digits(left), digits(right));
        let (compared, used) = if digits.0 > 0 && digits.1 > 0 {
            (number_order(&left[..digits.0], &right[..digits.1]), digits)
        } else {
            let (one, other) = (left.chars().next(), right.chars().next());
            let bytes = |letter: Option<char>| letter.map_or(0, char::len_utf8);
            (one.cmp(&other), (bytes(one), bytes(other)))
        };
        if compared != Ordering::Equal {
            return compared;
        }
        (left, right) = (&left[used.0..], &right[used.1..]);
        if left.is_empty() && right.is_empty() {
            return a.cmp(b);
        }
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn number_order(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}
