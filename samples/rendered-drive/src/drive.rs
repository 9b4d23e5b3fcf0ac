//! A whole drive, with sensors and pictures.

use std::path::Path;

use crate::assets::Assets;
use crate::error::RenderError;
use crate::folder::{self, DriveSummary, Zone};
use crate::motion;
use crate::render::draw_all;
use crate::sensors::{self, Shot};
use crate::spec::DriveSpec;
use crate::street::{Street, View};
use crate::tables;

/// Radius of a private zone, metres: the default of the field.
const ZONE_M: f64 = 200.0;
/// How much of the road ahead decides how it bends in the picture, metres.
const AHEAD_M: f64 = 24.0;

/// Renders the drive that `spec` describes into the folder `out`: `gnss.csv`, `accelerometer.csv`, `gyroscope.csv`,
/// `frames.csv`, the JPEGs below `frames/`, and `drive.json`. All tables have the same time axis `t_s`, seconds since
/// boot. Does nothing when `out` already holds that drive; replaces another rendered one. `progress` is told
/// how many frames of how many are done.
///
/// # Errors
/// When `out` holds something else, or a file cannot be written.
pub fn render_drive(
    out: &Path,
    assets: Option<&Assets>,
    spec: &DriveSpec,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<DriveSummary, RenderError> {
    let stamp = folder::stamp(&format!("{spec:?} faces={}", assets.is_some()));
    folder::fill(out, folder::WHOLE_DRIVE, spec.seed, &stamp, |folder| {
        let instants = motion::drive(&spec.course);
        tables::write_fixes(folder, &sensors::fixes(spec, &instants))?;
        tables::write_inertial(folder, &sensors::inertial(spec, &instants))?;
        let shots = sensors::shots(&instants);
        tables::write_shots(folder, &shots)?;
        let size = (spec.width_px, spec.height_px());
        let street = Street::new(spec.seed, size.0, size.1, assets);
        let views: Vec<View<'_>> = shots.iter().map(|shot| view(spec, shot)).collect();
        let faces_drawn = draw_all(folder, &street, size, &views, progress)?;
        Ok(DriveSummary {
            metres: spec.course.length_m,
            frames: u64::try_from(views.len()).unwrap_or(u64::MAX),
            faces_drawn,
            private_zones: spec
                .course
                .zones_at_m
                .iter()
                .map(|at_m| zone(spec, *at_m))
                .collect(),
        })
    })
}

fn view<'a>(spec: &'a DriveSpec, shot: &Shot) -> View<'a> {
    View {
        along_m: shot.car.along_m,
        bend: spec.course.bend_ahead(shot.car.along_m, AHEAD_M),
        heading_rad: spec.course.place(shot.car.along_m).heading_rad,
        stops: &spec.course.stops,
        waiting: shot.car.waits_at.map(|stop| (stop, shot.waited_s)),
    }
}

fn zone(spec: &DriveSpec, at_m: f64) -> Zone {
    let place = spec.course.place(at_m);
    let (lat_deg, lon_deg) = spec.course.degrees(place.east_m, place.north_m);
    Zone {
        lat_deg,
        lon_deg,
        radius_m: ZONE_M,
    }
}
