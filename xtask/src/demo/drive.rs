//! The drive that is played: the user's, or one that the project renders.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use wayhex_rendered_drive::{Assets, DriveSpec, PictureSpec, render_drive, render_pictures};

use crate::exit::{Ending, Exit};
use crate::run::say;
use crate::workspace::Workspace;

/// A drive that can be played.
pub struct Prepared {
    /// Its folder.
    pub folder: PathBuf,
    /// The zones that its description asks for, as the dashcam takes them.
    pub private_zones: Vec<String>,
    /// Whether the project rendered it.
    pub is_rendered: bool,
}

/// Takes the user's drive as it is, joins tables without pictures with rendered ones, or renders a drive.
pub fn prepare(workspace: &Workspace, given: Option<&Path>) -> Result<Prepared> {
    match given {
        None => rendered(workspace),
        Some(folder) => match fixes_alone(folder) {
            Some(fixes) => join(workspace, folder, fixes),
            // What is wrong with a drive the phone's reader says best.
            None => Ok(as_it_is(folder)),
        },
    }
}

fn rendered(workspace: &Workspace) -> Result<Prepared> {
    let assets = assets(workspace)?;
    let folder = workspace.scratch.join("rendered-drive");
    let progress = Progress::new("rendering a drive");
    let summary = render_drive(
        &folder,
        Some(&assets),
        &DriveSpec::demo(),
        &mut |done, total| progress.at(done, total),
    )
    .context("cannot render the drive")?;
    progress.end();
    say(&format!(
        "rendered drive: {:.0} m in {}",
        summary.metres,
        folder.display()
    ));
    Ok(Prepared {
        private_zones: zones_of(&folder)?,
        folder,
        is_rendered: true,
    })
}

fn join(workspace: &Workspace, source: &Path, fixes: &str) -> Result<Prepared> {
    let assets = assets(workspace)?;
    let name = source
        .canonicalize()
        .with_context(|| format!("cannot find {}", source.display()))?;
    let name = name
        .to_string_lossy()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let folder = workspace
        .scratch
        .join("joined")
        .join(name.trim_matches('-'));
    let spec = PictureSpec {
        fixes: fixes.to_owned(),
        ..PictureSpec::ublox()
    };
    let progress = Progress::new("rendering pictures for the fixes");
    let joined = render_pictures(&folder, source, Some(&assets), &spec, &mut |done, total| {
        progress.at(done, total);
    });
    progress.end();
    match joined {
        Ok(_) => Ok(as_it_is(&folder)),
        Err(error) => {
            say(&format!(
                "cannot join {} with pictures: {error}",
                source.display()
            ));
            Ok(as_it_is(source))
        }
    }
}

fn as_it_is(folder: &Path) -> Prepared {
    Prepared {
        folder: folder.to_owned(),
        private_zones: Vec::new(),
        is_rendered: false,
    }
}

fn assets(workspace: &Workspace) -> Result<Assets> {
    Assets::fetch(&workspace.scratch.join("assets"))
        .map_err(|error| Ending::error(Exit::Missing, error.to_string()))
}

/// The table of fixes in a folder that has no pictures to go with it.
fn fixes_alone(folder: &Path) -> Option<&'static str> {
    let has = |name: &str| folder.join(name).is_file();
    let fixes = ["gnss.csv", "gnss_ublox.csv"]
        .into_iter()
        .find(|name| has(name))?;
    (!has("frames.csv")).then_some(fixes)
}

fn zones_of(folder: &Path) -> Result<Vec<String>> {
    let description = folder.join("drive.json");
    if !description.is_file() {
        return Ok(Vec::new());
    }
    let subject = || format!("cannot read {}", description.display());
    let drive: Value = serde_json::from_slice(&fs::read(&description).with_context(subject)?)
        .with_context(subject)?;
    let zones = drive["private_zones"].as_array().into_iter().flatten();
    Ok(zones
        .map(|zone| format!("{},{},{}", zone["lat"], zone["lon"], zone["radius_m"]))
        .collect())
}

/// A bar on standard error.
struct Progress(ProgressBar);

impl Progress {
    fn new(what: &'static str) -> Self {
        let bar = ProgressBar::new(0).with_message(what);
        let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} {eta}");
        Self(bar.with_style(style.unwrap_or_else(|_template| ProgressStyle::default_bar())))
    }

    fn at(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
