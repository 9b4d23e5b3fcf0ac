//! Programs and packages that the tests need beyond Rust: found, installed where that is possible, else named.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::exit::{Ending, Exit};
use crate::run::{cargo, run, say};
use crate::workspace::Workspace;

/// The version of cargo-deny that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";
/// The version of cargo-fuzz that builds the targets.
const CARGO_FUZZ: &str = "0.13.2";
/// What the judge of cells stands on, with the versions it was tried with.
const JUDGE_PACKAGES: [&str; 5] = [
    "h3==4.5.0",
    "shapely==2.2.0",
    "numpy==2.4.6",
    "cbor2==6.3.0",
    "cryptography==50.0.2",
];

/// cargo-deny.
pub fn cargo_deny(workspace: &Workspace) -> Result<PathBuf> {
    installed(workspace, "cargo-deny", CARGO_DENY)
}

/// cargo-fuzz.
pub fn cargo_fuzz(workspace: &Workspace) -> Result<PathBuf> {
    installed(workspace, "cargo-fuzz", CARGO_FUZZ)
}

/// A program of cargo's, installed into the scratch folder where it is not there.
fn installed(workspace: &Workspace, name: &str, version: &str) -> Result<PathBuf> {
    let folder = workspace.scratch.join(format!("{name}-{version}"));
    let program = folder.join("bin").join(name);
    if !program.is_file() {
        say(&format!("installing {name}, which takes a few minutes"));
        let arguments = [
            "install",
            "--quiet",
            "--locked",
            name,
            "--version",
            version,
            "--root",
        ];
        run(cargo(workspace, &arguments).arg(&folder))?;
    }
    Ok(program)
}

/// Python with the judge's packages, installed into the scratch folder where they are not there.
pub fn judge_python(workspace: &Workspace) -> Result<Command> {
    let folder = workspace.scratch.join("python-packages");
    let python = || {
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", &folder);
        command
    };
    if !succeeds(python().args(["-c", "import h3, shapely, cbor2, cryptography"])) {
        say("installing the packages of the judges for Python");
        let mut install = python();
        install
            .args(["-m", "pip", "install", "--quiet", "--target"])
            .arg(&folder)
            .args(JUDGE_PACKAGES);
        run(&mut install).map_err(|error| {
            Ending::error(
                Exit::Missing,
                format!("{error:#}; Python's installer comes with `apt-get install python3-pip`"),
            )
        })?;
    }
    Ok(python())
}

/// libclang, which the camera's bindings are made with on Linux.
pub fn libclang() -> Result<()> {
    if !cfg!(target_os = "linux") || has_libclang() {
        return Ok(());
    }
    say("installing libclang-dev for the camera");
    let mut install = Command::new("apt-get");
    install.args([
        "install",
        "--yes",
        "--no-install-recommends",
        "libclang-dev",
    ]);
    let installed = succeeds(&mut install)
        || (succeeds(Command::new("apt-get").arg("update")) && succeeds(&mut install));
    if installed && has_libclang() {
        return Ok(());
    }
    Err(Ending::error(
        Exit::Missing,
        "the camera needs libclang: `sudo apt-get install libclang-dev`",
    ))
}

fn has_libclang() -> bool {
    let places = [
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    let in_llvm = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("lib"));
    places
        .into_iter()
        .map(PathBuf::from)
        .chain(in_llvm)
        .any(|folder| holds_libclang(&folder))
}

fn holds_libclang(folder: &Path) -> bool {
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // libclang-cpp is another library.
        let versioned = name
            .strip_prefix("libclang-")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        name.starts_with("libclang.so") || versioned
    })
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
