//! A key in a file: for computers, and for phones without a keystore. It earns the lowest trust.
//!
//! The file holds the 32 bytes of an Ed25519 seed (RFC 8032), readable by its owner alone; it is made on first use.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ring::signature::{Ed25519KeyPair, KeyPair};
use wayhex_protocol::key::{PublicKey, SignError, Signer};

use crate::failpoints::{
    KEY_CREATE, KEY_DONE, KEY_FOLDER_FSYNC, KEY_FSYNC, KEY_REMOVE, KEY_RENAME, KEY_WRITE,
};
use crate::ports::{NoRandomness, Random};

const SEED_BYTES: usize = 32;

/// An Ed25519 key of this computer.
pub struct SoftwareKey {
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read key file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write key file {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read the file.
    #[error(
        "key file {path} is open to others (mode {mode:o}): chmod 600 it if nobody else has read it, else remove it"
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file holds no key.
    #[error("key file {path} does not hold {SEED_BYTES} bytes")]
    Content {
        /// The file.
        path: PathBuf,
    },
    /// No key could be made.
    #[error("no key can be made: {0}")]
    Random(#[from] NoRandomness),
}

impl SoftwareKey {
    /// Reads the key of a file; makes both when there is no file.
    ///
    /// # Errors
    /// [`KeyError`] naming the file. A file that is there is never overwritten.
    pub fn open(path: &Path, random: &dyn Random) -> Result<Self, KeyError> {
        match File::open(path) {
            Ok(file) => read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(path, random),
            Err(source) => Err(KeyError::Read {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn of_seed(path: &Path, seed: &[u8]) -> Result<Self, KeyError> {
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_rejected| KeyError::Content {
                path: path.to_owned(),
            })?;
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Ok(Self { pair, public })
    }
}

impl Signer for SoftwareKey {
    fn public_key(&self) -> PublicKey {
        PublicKey::Ed25519(self.public)
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(message).as_ref());
        Ok(signature)
    }
}

/// Says whose key it is, never what it is.
impl std::fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SoftwareKey of {}", self.public_key().thumbprint())
    }
}

fn read(path: &Path, file: File) -> Result<SoftwareKey, KeyError> {
    let cannot = |source| KeyError::Read {
        path: path.to_owned(),
        source,
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(cannot)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::OpenToOthers {
                path: path.to_owned(),
                mode,
            });
        }
    }
    let mut seed = Vec::with_capacity(SEED_BYTES + 1);
    file.take(SEED_BYTES as u64 + 1)
        .read_to_end(&mut seed)
        .map_err(cannot)?;
    SoftwareKey::of_seed(path, &seed)
}

/// Written beside its place and renamed when whole: a file cut short would be a key lost.
fn make(path: &Path, random: &dyn Random) -> Result<SoftwareKey, KeyError> {
    let cannot = |source| KeyError::Write {
        path: path.to_owned(),
        source,
    };
    let mut seed = [0; SEED_BYTES];
    random.fill(&mut seed)?;
    let fresh = path.with_extension("new");
    KEY_REMOVE.hit();
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(error)),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    KEY_CREATE.hit();
    let mut file = options.open(&fresh).map_err(cannot)?;
    KEY_WRITE.hit();
    file.write_all(&seed).map_err(cannot)?;
    KEY_FSYNC.hit();
    file.sync_all().map_err(cannot)?;
    KEY_RENAME.hit();
    fs::rename(&fresh, path).map_err(cannot)?;
    KEY_FOLDER_FSYNC.hit();
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(cannot)?;
    }
    KEY_DONE.hit();
    SoftwareKey::of_seed(path, &seed)
}
