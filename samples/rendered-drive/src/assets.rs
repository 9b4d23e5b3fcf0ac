//! The photograph that lends its face to the people of the street: NASA's portrait of the astronaut Eileen Collins,
//! in the public domain, as the Python package scikit-image ships it (`skimage/data/astronaut.png`; its
//! documentation says "No known copyright restrictions, released into the public domain"). It is fetched, never kept in
//! this repository. The package is asked for by platform and Python version, so that every host gets the same file.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use crate::error::{RenderError, file};
use crate::texture::Texture;

/// The package and its version.
const PACKAGE: &str = "scikit-image==0.26.0";
/// SHA-256 of the wheel for `CPython` 3.11 on `manylinux_2_28_x86_64`.
const WHEEL_SHA256: &str = "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af";
/// The photograph in the wheel.
const PHOTOGRAPH: &str = "skimage/data/astronaut.png";
/// SHA-256 of the photograph.
const PHOTOGRAPH_SHA256: &str = "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5";
/// Bytes of a file that is read from the wheel at most: the photograph has 0.8 MB.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Lines of pip's complaint that are passed on.
const SAID_LINES: usize = 4;

/// What a street with faces needs besides a seed.
#[derive(Debug, Clone)]
pub struct Assets {
    /// The photograph, 512 x 512.
    pub(crate) portrait: Texture,
}

impl Assets {
    /// Takes the photograph from the folder `cache`, or fetches it into there through pip.
    ///
    /// # Errors
    /// When pip is missing or fails, when a hash is not the pinned one, or when a file cannot be read or written.
    pub fn fetch(cache: &Path) -> Result<Self, RenderError> {
        let kept = cache.join("astronaut.png");
        if let Ok(bytes) = fs::read(&kept)
            && sha256(&bytes) == PHOTOGRAPH_SHA256
        {
            return Self::decode(&bytes);
        }
        fs::create_dir_all(cache).map_err(file("make folder", cache))?;
        let work = tempfile::tempdir_in(cache).map_err(file("make a folder in", cache))?;
        let bytes = photograph(&download(work.path())?)?;
        let fresh = work.path().join("astronaut.png");
        fs::write(&fresh, &bytes).map_err(file("write", &fresh))?;
        fs::rename(&fresh, &kept).map_err(file("write", &kept))?;
        Self::decode(&bytes)
    }

    fn decode(bytes: &[u8]) -> Result<Self, RenderError> {
        let picture = image::load_from_memory(bytes)
            .map_err(RenderError::Photograph)?
            .to_rgba8();
        let size = |pixels: u32| usize::try_from(pixels).unwrap_or(0);
        let mut portrait = Texture::new(size(picture.width()), size(picture.height()), [0; 4]);
        for (slot, pixel) in portrait.pixels.iter_mut().zip(picture.pixels()) {
            *slot = pixel.0;
        }
        Ok(Self { portrait })
    }
}

/// Fetches the wheel into an empty folder and returns its bytes, verified.
fn download(folder: &Path) -> Result<Vec<u8>, RenderError> {
    let run = Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
        ])
        .args([
            "--platform",
            "manylinux_2_28_x86_64",
            "--python-version",
            "311",
            "--dest",
        ])
        .arg(folder)
        .arg(PACKAGE)
        .output()
        .map_err(|cause| RenderError::PipMissing {
            cause: cause.to_string(),
        })?;
    if !run.status.success() {
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        if said.contains("No module named pip") {
            return Err(RenderError::PipMissing {
                cause: "No module named pip".to_owned(),
            });
        }
        let lines: Vec<&str> = said.lines().rev().take(SAID_LINES).collect();
        let said = lines.into_iter().rev().collect::<Vec<_>>().join("; ");
        return Err(RenderError::Download {
            package: PACKAGE.to_owned(),
            said,
        });
    }
    let mut wheel = None;
    for entry in fs::read_dir(folder).map_err(file("list", folder))? {
        let path = entry.map_err(file("list", folder))?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            wheel = Some(path);
        }
    }
    let path = wheel.ok_or_else(|| RenderError::Download {
        package: PACKAGE.to_owned(),
        said: "it left no wheel behind".to_owned(),
    })?;
    let bytes = fs::read(&path).map_err(file("read", &path))?;
    expect("the wheel of scikit-image", &bytes, WHEEL_SHA256)?;
    Ok(bytes)
}

/// Takes the photograph out of the wheel.
fn photograph(wheel: &[u8]) -> Result<Vec<u8>, RenderError> {
    let named = |source| RenderError::Package {
        name: PHOTOGRAPH,
        source,
    };
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(wheel)).map_err(named)?;
    let entry = archive.by_name(PHOTOGRAPH).map_err(named)?;
    let mut bytes = Vec::new();
    entry
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(file("unpack", Path::new(PHOTOGRAPH)))?;
    expect(PHOTOGRAPH, &bytes, PHOTOGRAPH_SHA256)?;
    Ok(bytes)
}

fn expect(subject: &str, bytes: &[u8], expected: &'static str) -> Result<(), RenderError> {
    let found = sha256(bytes);
    if found == expected {
        Ok(())
    } else {
        Err(RenderError::Hash {
            subject: subject.to_owned(),
            found,
            expected,
        })
    }
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    data_encoding::HEXLOWER.encode(digest.as_ref())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn wheel_with(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        archive
            .start_file(name, zip::write::SimpleFileOptions::default())
            .expect("entry");
        archive.write_all(bytes).expect("bytes");
        archive.finish().expect("archive").into_inner()
    }

    #[test]
    fn a_package_that_is_no_archive_or_lacks_the_photograph_is_named() {
        for wheel in [
            b"not an archive".to_vec(),
            wheel_with("skimage/data/camera.png", b"x"),
        ] {
            let refused = photograph(&wheel).expect_err("refused");
            assert!(refused.to_string().contains(PHOTOGRAPH), "{refused}");
        }
    }

    #[test]
    fn a_swapped_photograph_is_refused() {
        let refused = photograph(&wheel_with(PHOTOGRAPH, b"another face"));
        assert!(matches!(
            refused,
            Err(RenderError::Hash {
                expected: PHOTOGRAPH_SHA256,
                ..
            })
        ));
    }
}
