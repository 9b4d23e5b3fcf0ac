//! Pictures for a recording that has none: the street scrolls by the speeds of its fixes and turns with their bearing.

use std::fs;
use std::path::Path;

use crate::assets::{Assets, sha256};
use crate::error::{RenderError, file};
use crate::folder::{self, DriveSummary};
use crate::motion::Instant;
use crate::number::float;
use crate::render::draw_all;
use crate::sensors::Shot;
use crate::street::{Street, View};
use crate::tables::{self, Passed};

/// How the pictures of a recording are made.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureSpec {
    /// Seed of every choice.
    pub seed: u64,
    /// Width in pixels; the height is 9/16 of it.
    pub width_px: u16,
    /// Frames per second.
    pub frames_per_s: f64,
    /// The table of fixes to go by, a file name in the source folder; copied as `gnss.csv`.
    pub fixes: String,
}

impl PictureSpec {
    /// 1280 x 720 at 4 frames per second, by the u-blox receiver's fixes.
    #[must_use]
    pub fn ublox() -> Self {
        Self {
            seed: 7,
            width_px: 1280,
            frames_per_s: 4.0,
            fixes: "gnss_ublox.csv".to_owned(),
        }
    }
}

/// The bend of the road is the change of bearing over this much time, seconds.
const BEND_S: f64 = 1.5;
/// Below this speed the bearing of a fix says nothing, metres per second.
const BEND_MPS: f64 = 2.0;
/// No street bends more than this, radians per metre.
const BEND_MAX: f64 = 0.06;

/// Joins the recording in `source` (a table of fixes, `accelerometer.csv` and `gyroscope.csv` where there are any)
/// with rendered pictures, in the new folder `out`. Does nothing when `out` already holds just that.
///
/// # Errors
/// When the fixes cannot be read, `out` holds something else, or a file cannot be written.
pub fn render_pictures(
    out: &Path,
    source: &Path,
    assets: Option<&Assets>,
    spec: &PictureSpec,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<DriveSummary, RenderError> {
    let table = source.join(&spec.fixes);
    let bytes = fs::read(&table).map_err(file("read", &table))?;
    let stamp = folder::stamp(&format!(
        "{spec:?} {} faces={}",
        sha256(&bytes),
        assets.is_some()
    ));
    folder::fill(out, folder::PICTURES_ALONE, spec.seed, &stamp, |folder| {
        let passed = passed(&tables::read_fixes(&table)?);
        copy(&table, &folder.join("gnss.csv"))?;
        for name in ["accelerometer.csv", "gyroscope.csv"] {
            if source.join(name).exists() {
                copy(&source.join(name), &folder.join(name))?;
            }
        }
        let (shots, views) = frames(&passed, spec.frames_per_s);
        tables::write_shots(folder, &shots)?;
        let size = (spec.width_px, spec.width_px / 32 * 18);
        let street = Street::new(spec.seed, size.0, size.1, assets);
        let faces_drawn = draw_all(folder, &street, size, &views, progress)?;
        let metres = passed.last().map_or(0.0, |(_, along_m)| *along_m);
        let frames = u64::try_from(views.len()).unwrap_or(u64::MAX);
        Ok(DriveSummary {
            metres,
            frames,
            faces_drawn,
            private_zones: Vec::new(),
        })
    })
}

fn copy(from: &Path, to: &Path) -> Result<(), RenderError> {
    let bytes = fs::read(from).map_err(file("read", from))?;
    fs::write(to, bytes).map_err(file("write", to))
}

/// Each fix with the metres driven up to it (speeds integrated by the trapezoid rule).
fn passed(fixes: &[Passed]) -> Vec<(Passed, f64)> {
    let mut along_m = 0.0;
    let mut before: Option<Passed> = None;
    let mut with_way = Vec::with_capacity(fixes.len());
    for fix in fixes {
        if let Some(last) = before {
            along_m += f64::midpoint(last.speed_mps, fix.speed_mps) * (fix.t_s - last.t_s);
        }
        with_way.push((*fix, along_m));
        before = Some(*fix);
    }
    with_way
}

fn frames(passed: &[(Passed, f64)], per_s: f64) -> (Vec<Shot>, Vec<View<'static>>) {
    let (mut shots, mut views) = (Vec::new(), Vec::new());
    let mut heading_rad = passed
        .first()
        .map_or(0.0, |(fix, _)| fix.bearing_deg.to_radians());
    for pair in passed.windows(2) {
        let [(a, a_m), (b, b_m)] = pair else { continue };
        let first_s = passed[0].0.t_s;
        loop {
            // Half a step after the first fix, so that frames lie between fixes.
            let t_s = first_s + (float(shots.len()) + 0.5) / per_s;
            if t_s >= b.t_s {
                break;
            }
            let share = (t_s - a.t_s) / (b.t_s - a.t_s);
            let along_m = a_m + (b_m - a_m) * share;
            let bend = bend(passed, t_s);
            if a.speed_mps > BEND_MPS {
                heading_rad = a.bearing_deg.to_radians();
            }
            let car = Instant {
                along_m,
                speed_mps: a.speed_mps,
                waits_at: None,
            };
            shots.push(Shot {
                t_s,
                car,
                waited_s: 0.0,
            });
            views.push(View {
                along_m,
                bend,
                heading_rad,
                stops: &[],
                waiting: None,
            });
        }
    }
    (shots, views)
}

/// Mean change of bearing per metre over the next moments.
fn bend(passed: &[(Passed, f64)], t_s: f64) -> f64 {
    let from = passed
        .partition_point(|(fix, _)| fix.t_s < t_s)
        .min(passed.len() - 1);
    let to = passed
        .partition_point(|(fix, _)| fix.t_s < t_s + BEND_S)
        .min(passed.len() - 1);
    let ((a, a_m), (b, b_m)) = (passed[from], passed[to]);
    if b_m - a_m < BEND_MPS * BEND_S {
        return 0.0;
    }
    let turned_deg = (b.bearing_deg - a.bearing_deg + 180.0).rem_euclid(360.0) - 180.0;
    (turned_deg.to_radians() / (b_m - a_m)).clamp(-BEND_MAX, BEND_MAX)
}
