//! The tables of a recording: CSV files whose names and columns `wayhex-device` reads, and the reading of a table of
//! fixes that is to be joined with pictures.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::error::{RenderError, file};
use crate::sensors::{Fix, Inertial, Shot};

/// `gnss.csv`.
pub(crate) fn write_fixes(folder: &Path, fixes: &[Fix]) -> Result<(), RenderError> {
    let header = "t_s,latitude_deg,longitude_deg,speed_mps,utc_ms,altitude_m,bearing_deg,horizontal_accuracy_m,satellites,hdop";
    let rows = fixes.iter().map(|f| {
        format!(
            "{:.6},{:.8},{:.8},{:.3},{},{:.2},{:.3},{:.2},{},{:.2}",
            f.t_s,
            f.lat_deg,
            f.lon_deg,
            f.speed_mps,
            f.utc_ms,
            f.altitude_m,
            f.bearing_deg,
            f.accuracy_m,
            f.satellites,
            f.hdop
        )
    });
    write(&folder.join("gnss.csv"), header, rows)
}

/// `accelerometer.csv` and `gyroscope.csv`.
pub(crate) fn write_inertial(folder: &Path, samples: &[Inertial]) -> Result<(), RenderError> {
    let row = |t_s: f64, v: [f64; 3]| format!("{t_s:.6},{:.5},{:.5},{:.5}", v[0], v[1], v[2]);
    let forces = samples.iter().map(|s| row(s.t_s, s.force_mps2));
    write(
        &folder.join("accelerometer.csv"),
        "t_s,forward_mps2,right_mps2,down_mps2",
        forces,
    )?;
    let turns = samples.iter().map(|s| row(s.t_s, s.turn_radps));
    write(
        &folder.join("gyroscope.csv"),
        "t_s,forward_radps,right_radps,down_radps",
        turns,
    )
}

/// `frames.csv`: boot time of each frame and its file, relative to the folder.
pub(crate) fn write_shots(folder: &Path, shots: &[Shot]) -> Result<(), RenderError> {
    let rows = shots
        .iter()
        .enumerate()
        .map(|(number, shot)| format!("{:.6},{}", shot.t_s, picture_name(number)));
    write(&folder.join("frames.csv"), "t_s,file", rows)
}

/// The file of frame `number`, relative to the drive's folder.
pub(crate) fn picture_name(number: usize) -> String {
    format!("frames/{number:06}.jpg")
}

fn write(path: &Path, header: &str, rows: impl Iterator<Item = String>) -> Result<(), RenderError> {
    let mut text = String::from(header);
    text.push('\n');
    for row in rows {
        writeln!(text, "{row}")
            .map_err(|_fmt| file("write", path)(std::io::ErrorKind::OutOfMemory.into()))?;
    }
    fs::write(path, text).map_err(file("write", path))
}

/// A fix as far as pictures need it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passed {
    /// Boot time, seconds.
    pub t_s: f64,
    /// Speed, metres per second.
    pub speed_mps: f64,
    /// Course over ground, degrees; 0 where the table has no such column.
    pub bearing_deg: f64,
}

/// Reads time, speed and bearing from a table of fixes with named columns.
pub(crate) fn read_fixes(path: &Path) -> Result<Vec<Passed>, RenderError> {
    let text = fs::read_to_string(path).map_err(file("read", path))?;
    let wrong = |line: usize, cause| RenderError::Table {
        path: path.to_path_buf(),
        line,
        cause,
    };
    let mut lines = text.lines();
    let header: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .collect();
    let column = |name: &str| header.iter().position(|heading| *heading == name);
    let t = column("t_s").ok_or_else(|| wrong(1, "no column t_s"))?;
    let speed = column("speed_mps").ok_or_else(|| wrong(1, "no column speed_mps"))?;
    let bearing = column("bearing_deg");
    let mut fixes: Vec<Passed> = Vec::new();
    for (number, line) in (2..).zip(lines) {
        let cells: Vec<&str> = line.split(',').collect();
        let value = |at: usize| {
            cells
                .get(at)
                .and_then(|cell| cell.trim().parse::<f64>().ok())
                .filter(|v| v.is_finite())
        };
        let fix = Passed {
            t_s: value(t).ok_or_else(|| wrong(number, "t_s is no number"))?,
            speed_mps: value(speed).ok_or_else(|| wrong(number, "speed_mps is no number"))?,
            bearing_deg: bearing.and_then(value).unwrap_or(0.0),
        };
        if fixes.last().is_some_and(|last| fix.t_s <= last.t_s) {
            return Err(wrong(number, "t_s does not increase"));
        }
        fixes.push(fix);
    }
    if fixes.len() < 2 {
        Err(wrong(1, "fewer than two fixes"))
    } else {
        Ok(fixes)
    }
}
