//! What can go wrong while a drive is rendered.

use std::path::{Path, PathBuf};

/// Why there is no drive.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// Python or its package installer is not there.
    #[error(
        "cannot run `python3 -m pip`, which fetches the photograph: {cause}; install it, for instance with `{PIP_INSTALL}`"
    )]
    PipMissing {
        /// What the attempt to run it said.
        cause: String,
    },
    /// The package could not be fetched.
    #[error("`python3 -m pip download {package}` failed: {said}")]
    Download {
        /// The package asked for.
        package: String,
        /// The last lines that pip wrote.
        said: String,
    },
    /// A file is not the one that was pinned.
    #[error("{subject} has SHA-256 {found}, expected {expected}")]
    Hash {
        /// Which file.
        subject: String,
        /// Its hash, hex.
        found: String,
        /// The pinned hash, hex.
        expected: &'static str,
    },
    /// The package has no such file in it, or is no archive.
    #[error("cannot take {name} out of the package")]
    Package {
        /// The file asked for.
        name: &'static str,
        /// What the archive reader said.
        #[source]
        source: zip::result::ZipError,
    },
    /// The photograph cannot be decoded.
    #[error("cannot decode the photograph")]
    Photograph(#[source] image::ImageError),
    /// A frame cannot be encoded or written.
    #[error("cannot write picture {path}")]
    Picture {
        /// Where it was to be written.
        path: PathBuf,
        /// What the encoder said.
        #[source]
        source: jpeg_encoder::EncodingError,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot {verb} {path}")]
    File {
        /// What was tried.
        verb: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The output folder holds something that was not rendered here.
    #[error("{0} exists and holds no rendered drive; remove it or choose another folder")]
    Occupied(PathBuf),
    /// A table of fixes that cannot be used.
    #[error("{path}, line {line}: {cause}")]
    Table {
        /// The table.
        path: PathBuf,
        /// Line in it, from 1.
        line: usize,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// A thread that draws has died, which is a fault of this program.
    #[error("a drawing thread ended early, at frame {0}")]
    Thread(u64),
}

/// A command that brings Python and pip on Debian and its kin.
pub const PIP_INSTALL: &str = "apt-get install python3 python3-pip";

/// Names the file in a failure of the system.
pub(crate) fn file(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> RenderError {
    let path = path.to_path_buf();
    move |source| RenderError::File { verb, path, source }
}
