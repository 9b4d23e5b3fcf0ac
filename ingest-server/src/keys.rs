//! The server's own keys, files that only their owner can read.
//!
//! `keys/signing.pkcs8` is the Ed25519 key that signs receipts and policies, pinned by phones through its thumbprint.
//! `keys/frames.key` wraps the key of every stored frame: who loses it loses the pictures, who copies it with the
//! store can read them.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use wayhex_protocol::id::{DeviceId, sha256};
use wayhex_protocol::key::{PublicKey, SignError, Signer};

use crate::{failpoints, lock, private};

const FOLDER: &str = "keys";
const SIGNING_KEY_FILE: &str = "signing.pkcs8";
const FRAMES_KEY_FILE: &str = "frames.key";
/// Bytes of the id that a stored frame names its wrapping key by: enough to tell a handful of keys apart.
const WRAPPING_ID_BYTES: usize = 8;

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file or the folder cannot be read or made.
    #[error("cannot use the key file {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds no such key.
    #[error("the key file {path} is damaged: {cause}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: &'static str,
    },
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

/// The key that signs what the server says.
pub struct SigningKey(Ed25519KeyPair);

/// The key that wraps the keys of stored frames.
pub struct WrappingKey {
    /// What rows name it by: the first bytes of its SHA-256.
    pub id: [u8; WRAPPING_ID_BYTES],
    /// AES-256.
    pub(crate) bytes: [u8; 32],
}

/// Both keys of a store.
pub struct Keys {
    /// Signs receipts and policies.
    pub signing: SigningKey,
    /// Wraps frames' keys.
    pub wrapping: WrappingKey,
}

impl Keys {
    /// Opens the keys of a store, and makes those that are not there yet.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn open(store: &Path) -> Result<Self, KeyError> {
        let folder = store.join(FOLDER);
        failpoints::KEYS_FOLDER.hit();
        private::lasting_folder(store).map_err(at(store))?;
        let setting_up = lock::wait_for(store, lock::SETTING_UP).map_err(at(store))?;
        private::lasting_folder(&folder).map_err(at(&folder))?;
        let keys = Self {
            signing: SigningKey::open(&folder.join(SIGNING_KEY_FILE))?,
            wrapping: WrappingKey::open(&folder.join(FRAMES_KEY_FILE))?,
        };
        drop(setting_up);
        Ok(keys)
    }
}

impl SigningKey {
    fn open(path: &Path) -> Result<Self, KeyError> {
        let document = read_or_make(path, || {
            let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
            let document = made.map_err(|ring::error::Unspecified| KeyError::Random)?;
            Ok(document.as_ref().to_vec())
        })?;
        let pair = Ed25519KeyPair::from_pkcs8(&document);
        let pair = pair.map_err(|_rejected: ring::error::KeyRejected| KeyError::Damaged {
            path: path.to_owned(),
            cause: "not an Ed25519 key in PKCS #8",
        })?;
        Ok(Self(pair))
    }

    /// What phones pin.
    #[must_use]
    pub fn thumbprint(&self) -> DeviceId {
        self.public_key().thumbprint()
    }
}

impl Signer for SigningKey {
    fn public_key(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        PublicKey::Ed25519(key)
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.0.sign(message).as_ref());
        Ok(signature)
    }
}

impl WrappingKey {
    fn open(path: &Path) -> Result<Self, KeyError> {
        let found = read_or_make(path, || {
            let mut bytes = vec![0; 32];
            let filled = SystemRandom::new().fill(&mut bytes);
            filled.map_err(|ring::error::Unspecified| KeyError::Random)?;
            Ok(bytes)
        })?;
        let bytes = <[u8; 32]>::try_from(found).map_err(|_other: Vec<u8>| KeyError::Damaged {
            path: path.to_owned(),
            cause: "not 32 bytes",
        })?;
        let mut id = [0; WRAPPING_ID_BYTES];
        id.copy_from_slice(&sha256(&bytes)[..WRAPPING_ID_BYTES]);
        Ok(Self { id, bytes })
    }
}

/// Reads a key file, or makes it whole: a start that was cut leaves a temporary file and no half a key, which goes with the
/// next start. The caller holds the lock of whoever sets a store up.
fn read_or_make(
    path: &Path,
    make: impl FnOnce() -> Result<Vec<u8>, KeyError>,
) -> Result<Vec<u8>, KeyError> {
    let temporary = path.with_extension("tmp");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        removed => removed.map_err(at(&temporary))?,
    }
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        read => return read.map_err(at(path)),
    }
    let bytes = make()?;
    let write = || {
        failpoints::KEY_CREATE.hit();
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(private::FILE_MODE)
            .open(&temporary)?;
        failpoints::KEY_WRITE.hit();
        file.write_all(&bytes)?;
        failpoints::KEY_FLUSH.hit();
        file.sync_all()?;
        failpoints::KEY_RENAME.hit();
        fs::rename(&temporary, path)?;
        failpoints::KEY_FOLDER_FLUSH.hit();
        path.parent().map_or(Ok(()), private::flush_folder)
    };
    write().map_err(at(path))?;
    Ok(bytes)
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::File { path, source }
}
