//! What a drive is, in 32 bytes: the same files give the same hash wherever they lie.
//!
//! ```text
//! SHA-256 over, for each file in the order of its path's bytes:
//!     path relative to the drive, with `/` (UTF-8) | 0x00 | SHA-256 of the file (32 bytes)
//! ```
//! A link that leads to no file of the drive is none of its files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ring::digest::{Context, Digest, SHA256};

use super::DriveError;
use super::files::DriveFile;

/// Bytes that are read at a time.
const BLOCK_BYTES: usize = 1 << 16;

/// A drive's hash; shows itself in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DriveHash(pub [u8; 32]);

impl std::fmt::Display for DriveHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for DriveHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DriveHash({self})")
    }
}

pub(super) fn hash_of(files: &[DriveFile]) -> Result<DriveHash, DriveError> {
    let mut by_name: Vec<&DriveFile> = files.iter().filter(|file| !file.is_stray).collect();
    by_name.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let mut context = Context::new(&SHA256);
    for file in by_name {
        let of_file = hash_file(&file.path).map_err(|source| DriveError::Read {
            path: file.path.clone(),
            source,
        })?;
        context.update(file.name.as_bytes());
        context.update(&[0]);
        context.update(of_file.as_ref());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Ok(DriveHash(hash))
}

fn hash_file(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(context.finish()),
            read => context.update(&block[..read]),
        }
    }
}
