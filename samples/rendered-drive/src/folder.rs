//! The folder of a rendered drive: written beside its place and renamed when whole, so that one which was
//! interrupted is never taken for a drive; and left alone when it already holds what is asked for.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::error::{RenderError, file};

/// Raised whenever the same description would give other bytes.
const RENDERER_VERSION: u32 = 1;
/// Names the form of `drive.json` where the whole drive is rendered.
pub(crate) const WHOLE_DRIVE: &str = "wayhex.rendered-drive/1";
/// Names its form where only the pictures are, and the tables are of somebody's drive.
pub(crate) const PICTURES_ALONE: &str = "wayhex.rendered-pictures/1";

/// A private zone that the drive asks its player to set.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Latitude of its centre, degrees.
    pub lat_deg: f64,
    /// Longitude of its centre, degrees.
    pub lon_deg: f64,
    /// Radius, metres.
    pub radius_m: f64,
}

/// What a rendered drive holds; also written as `drive.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct DriveSummary {
    /// Length of the way, metres.
    pub metres: f64,
    /// Number of frames.
    pub frames: u64,
    /// Faces drawn that are wholly in the picture and at least 28 pixels high (at a width of 1280), over all frames;
    /// some of them are hidden by what stands before them.
    pub faces_drawn: u64,
    /// Zones in which nothing must be kept.
    pub private_zones: Vec<Zone>,
}

impl DriveSummary {
    fn to_json(&self, schema: &str, seed: u64, stamp: &str) -> Value {
        let zones: Vec<Value> = self
            .private_zones
            .iter()
            .map(
                |zone| json!({"lat": zone.lat_deg, "lon": zone.lon_deg, "radius_m": zone.radius_m}),
            )
            .collect();
        json!({
            "schema": schema, "private_zones": zones, "metres": self.metres, "frames": self.frames,
            "faces_drawn": self.faces_drawn, "seed": seed, "stamp": stamp,
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let zone = |zone: &Value| {
            Some(Zone {
                lat_deg: zone["lat"].as_f64()?,
                lon_deg: zone["lon"].as_f64()?,
                radius_m: zone["radius_m"].as_f64()?,
            })
        };
        Some(Self {
            metres: value["metres"].as_f64()?,
            frames: value["frames"].as_u64()?,
            faces_drawn: value["faces_drawn"].as_u64()?,
            private_zones: value["private_zones"]
                .as_array()?
                .iter()
                .map(zone)
                .collect::<Option<_>>()?,
        })
    }
}

/// Everything that decided the bytes, as one hash.
pub(crate) fn stamp(description: &str) -> String {
    crate::assets::sha256(format!("{RENDERER_VERSION} {description}").as_bytes())
}

/// Fills `out` by means of `write`, unless it already holds a drive of that form and stamp.
pub(crate) fn fill(
    out: &Path,
    schema: &str,
    seed: u64,
    stamp: &str,
    write: impl FnOnce(&Path) -> Result<DriveSummary, RenderError>,
) -> Result<DriveSummary, RenderError> {
    if out.exists() {
        let described =
            describe(out, schema).ok_or_else(|| RenderError::Occupied(out.to_path_buf()))?;
        if described["stamp"] == stamp
            && let Some(summary) = DriveSummary::from_json(&described)
        {
            return Ok(summary);
        }
        fs::remove_dir_all(out).map_err(file("remove", out))?;
    }
    let parent = out
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(file("make folder", parent))?;
    let fresh = tempfile::Builder::new()
        .prefix(".rendering-")
        .tempdir_in(parent)
        .map_err(file("make a folder in", parent))?;
    let summary = write(fresh.path())?;
    let path = fresh.path().join("drive.json");
    fs::write(
        &path,
        format!("{:#}\n", summary.to_json(schema, seed, stamp)),
    )
    .map_err(file("write", &path))?;
    let whole = fresh.keep();
    fs::rename(&whole, out).map_err(file("name", out))?;
    Ok(summary)
}

/// The description of a folder that was rendered here.
fn describe(out: &Path, schema: &str) -> Option<Value> {
    let text = fs::read_to_string(out.join("drive.json")).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    (value["schema"] == schema).then_some(value)
}
