//! The files of a drive: what there is, within limits, in the order that a person would give them.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::DriveError;

/// Most files of a drive: a day at 2 Hz with a JSON beside each picture.
pub const FILES_MAX: usize = 400_000;
/// Deepest folder below a drive's own.
const DEPTH_MAX: usize = 4;

/// A file of a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DriveFile {
    /// Its path relative to the drive, with `/`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
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

/// All files below a folder, in [`natural_order`].
pub(super) fn files_below(dir: &Path) -> Result<Vec<DriveFile>, DriveError> {
    let mut files = Vec::new();
    let mut folders = vec![(String::new(), dir.to_path_buf(), 0)];
    while let Some((prefix, folder, depth)) = folders.pop() {
        let cannot = |source| DriveError::Read {
            path: folder.clone(),
            source,
        };
        for entry in fs::read_dir(&folder).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            let own = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let name = format!("{prefix}{own}");
            let kind = fs::metadata(&path).map_err(|source| DriveError::Read {
                path: path.clone(),
                source,
            })?;
            if kind.is_file() {
                files.push(DriveFile { name, path });
            } else if kind.is_dir() && depth < DEPTH_MAX {
                folders.push((format!("{name}/"), path, depth + 1));
            }
            if files.len() > FILES_MAX {
                return Err(DriveError::TooMany {
                    path: dir.to_path_buf(),
                    what: "files",
                    limit: FILES_MAX,
                });
            }
        }
    }
    files.sort_by(|a, b| natural_order(&a.name, &b.name));
    Ok(files)
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
