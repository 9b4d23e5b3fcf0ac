//! The same cells on every phone: h3o must use libm, not the platform's trigonometry.

use anyhow::{Result, bail};

use crate::run::{capture, cargo};
use crate::workspace::Workspace;

/// Fails when any crate of the workspace turns h3o's `std` feature on: features are unified, so that one is enough.
pub fn h3o_has_no_std(workspace: &Workspace) -> Result<()> {
    let arguments = [
        "tree",
        "--workspace",
        "--all-features",
        "--target",
        "all",
        "--edges",
        "normal,dev,build",
        "--prefix",
        "none",
        "--format",
        "{p} [{f}]",
    ];
    let (tree, code) = capture(&mut cargo(workspace, &arguments))?;
    let mut lines = tree
        .lines()
        .filter(|line| line.starts_with("h3o v"))
        .peekable();
    if code != Some(0) || lines.peek().is_none() {
        bail!("cargo tree does not show h3o");
    }
    for line in lines {
        let features = line
            .split_once('[')
            .and_then(|(_, rest)| rest.split_once(']'))
            .map_or("", |(inside, _)| inside);
        if features
            .split(',')
            .any(|feature| feature == "std" || feature == "default")
        {
            bail!("h3o is built with `std`: its cells would differ between platforms ({line})");
        }
    }
    Ok(())
}
