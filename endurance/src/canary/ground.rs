//! The way that is driven, and what of it nobody may learn: written down before anything is played.
//!
//! A winding way of 10 m and 1 s from frame to frame, with a fix between each two, in tables as [`wayhex_device::source`] reads
//! them. The names of the pictures and the seventh decimal of the places follow from the seed, so that nothing looks like them by chance.

use std::f64::consts::TAU;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};
use jpeg_encoder::{ColorType, Encoder};
use wayhex_protocol::position::{EARTH_RADIUS_M, Position};

use super::pattern;
use crate::drive::{BLOCK_PX, mix};

/// Frames of the way.
pub const FRAMES: usize = 80;
/// From frame to frame, metres and milliseconds.
const STEP_M: f64 = 10.0;
/// Milliseconds from frame to frame.
pub const STEP_MS: u64 = 1_000;
/// The frame that the private zone lies at.
const ZONE_FRAME: usize = 40;
/// Radius of the private zone, metres.
pub const ZONE_RADIUS_M: f64 = 120.0;
/// What is cut from a trip's ends, metres.
pub const TRIM_M: u32 = 100;
/// Sides of the pictures, pixels.
const SIDES: (u16, u16) = (320, 240);
/// Side of the grey squares of the street, pixels.
const GRAIN_PX: u32 = 4;
/// JPEG quality of the raw pictures: so far from that of redacted ones that what is not covered is coded in other bytes.
const QUALITY: u8 = 98;

/// A way.
#[derive(Clone, Debug)]
pub struct Ground {
    seed: u64,
    /// What the pictures are drawn from.
    pictures: u64,
    /// All fixes, two for each frame: the first is the frame's own.
    fixes: Vec<Position>,
    centre: Position,
}

/// Why a place is private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Half the radius around the centre of the driver's zone: whatever the jitter, it lies in the zone.
    Zone,
    /// The trimmed start.
    Start,
    /// The trimmed end.
    End,
}

impl Ground {
    /// The way of a seed.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a few hundred steps")]
    pub fn of(seed: u64) -> Self {
        let drawn = |part: u64| (mix(seed ^ part) % 1_000_000) as f64 / 1e7;
        let (mut lat, mut lon) = (47.3 + drawn(1), 8.5 + drawn(2));
        let mut fixes = Vec::new();
        for half in 0..2 * FRAMES {
            fixes.extend(Position::from_degrees(lat, lon).ok());
            let heading = TAU / 12.0 * (1.0 + (TAU * half as f64 / 140.0).sin());
            let step_deg = (STEP_M / 2.0 / EARTH_RADIUS_M).to_degrees();
            lat += step_deg * heading.cos();
            lon += step_deg * heading.sin() / lat.to_radians().cos();
        }
        let beside = fixes[2 * ZONE_FRAME];
        let centre = Position::from_degrees(beside.lat_deg() + 0.000_061_3, beside.lon_deg());
        Self {
            seed,
            pictures: seed,
            centre: centre.unwrap_or(beside),
            fixes,
        }
    }

    /// The same way on another day: other pictures.
    #[must_use]
    pub fn seen_again(&self) -> Self {
        Self {
            pictures: mix(self.pictures),
            ..self.clone()
        }
    }

    /// The driver's setting, as `LAT,LON,RADIUS_M`.
    #[must_use]
    pub fn zone(&self) -> String {
        let centre = self.centre;
        format!("{},{},{ZONE_RADIUS_M}", centre.lat_deg(), centre.lon_deg())
    }

    /// The centre of the zone.
    #[must_use]
    pub const fn centre(&self) -> Position {
        self.centre
    }

    /// All fixes; that of frame n is the one of number 2 n.
    #[must_use]
    pub fn fixes(&self) -> &[Position] {
        &self.fixes
    }

    /// How deep a place lies in what is private, metres; the deepest area.
    #[must_use]
    pub fn depth_m(&self, place: Position) -> Option<(Area, f64)> {
        let ends = [self.fixes.first(), self.fixes.last()];
        let [start, end] = ends.map(|end| end.copied().unwrap_or(self.centre));
        let areas = [
            (Area::Zone, self.centre, ZONE_RADIUS_M / 2.0),
            (Area::Start, start, f64::from(TRIM_M)),
            (Area::End, end, f64::from(TRIM_M)),
        ];
        areas
            .into_iter()
            .map(|(area, middle, radius_m)| (area, radius_m - middle.distance_m(place)))
            .filter(|(_, depth_m)| *depth_m > 0.01)
            .max_by(|one, other| one.1.total_cmp(&other.1))
    }

    /// The part of a frame's name that is its own.
    #[must_use]
    pub fn name(&self, frame: usize) -> String {
        let number = u64::try_from(frame).unwrap_or(u64::MAX);
        format!("{:016x}", mix(self.seed ^ mix(number)))
    }

    /// Writes these frames and the fixes around them as a drive, the first of the way at `began_ms` (Unix milliseconds).
    ///
    /// # Errors
    /// Something cannot be encoded or written.
    pub fn record(&self, folder: &Path, began_ms: u64, frames: Range<usize>) -> Result<()> {
        let subject = || format!("cannot record a drive in {}", folder.display());
        fs::create_dir_all(folder).with_context(subject)?;
        let mut shots = "t_s,file\n".to_owned();
        let mut gnss = "t_s,latitude_deg,longitude_deg,utc_ms,horizontal_accuracy_m\n".to_owned();
        let mut forces = "t_s,forward_mps2,right_mps2,down_mps2\n".to_owned();
        for frame in frames {
            let file = format!("{frame:03}-{}.jpg", self.name(frame));
            let ms = STEP_MS * u64::try_from(frame)?;
            writeln!(shots, "{},{file}", seconds(ms))?;
            for half in 0..2 {
                let ms = ms + STEP_MS / 2 * u64::try_from(half)?;
                let fix = self.fixes[2 * frame + half];
                let (lat, lon) = (fix.lat_deg(), fix.lon_deg());
                writeln!(gnss, "{},{lat},{lon},{},5", seconds(ms), began_ms + ms)?;
            }
            for tenth in 0..10_u64 {
                let shake = [0.3, -0.2, 0.5, 0.1][usize::try_from((ms / 100 + tenth) % 4)?];
                let down = -9.8 + shake;
                writeln!(forces, "{},{shake},0.1,{down}", seconds(ms + 100 * tenth))?;
            }
            fs::write(folder.join(file), self.picture(frame)?).with_context(subject)?;
        }
        for (name, table) in [
            ("frames.csv", shots),
            ("gnss.csv", gnss),
            ("accelerometer.csv", forces),
        ] {
            fs::write(folder.join(name), table).with_context(subject)?;
        }
        Ok(())
    }

    /// A frame's raw picture: a street of greys, and the pattern somewhere in it.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn picture(&self, frame: usize) -> Result<Vec<u8>> {
        let (width, height) = (u32::from(SIDES.0), u32::from(SIDES.1));
        let number = u64::try_from(frame)?;
        let free = |side: u32, squares: u32| u64::from(side / BLOCK_PX - squares - 2);
        let drawn = |part: u64, among: u64| mix(self.pictures ^ mix(number << 8 | part)) % among;
        let left = BLOCK_PX * (1 + u32::try_from(drawn(1, free(width, pattern::COLUMNS)))?);
        let top = BLOCK_PX * (1 + u32::try_from(drawn(2, free(height, pattern::ROWS)))?);
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let within = (x.checked_sub(left), y.checked_sub(top));
                let rgb = match within {
                    (Some(x), Some(y))
                        if x < pattern::COLUMNS * BLOCK_PX && y < pattern::ROWS * BLOCK_PX =>
                    {
                        pattern::colour(x, y)
                    }
                    _ => [self.grey(number, x / GRAIN_PX, y / GRAIN_PX); 3],
                };
                pixels.extend_from_slice(&rgb);
            }
        }
        let mut jpeg = Vec::new();
        Encoder::new(&mut jpeg, QUALITY)
            .encode(&pixels, SIDES.0, SIDES.1, ColorType::Rgb)
            .context("a picture cannot be encoded")?;
        Ok(jpeg)
    }

    /// A well mixed value of 40 to 166 for each square of each frame.
    fn grey(&self, frame: u64, column: u32, row: u32) -> u8 {
        let place = frame << 40 | u64::from(column) << 20 | u64::from(row);
        let [low, ..] = mix(self.pictures ^ mix(place)).to_le_bytes();
        40 + low / 4 * 2
    }
}

/// With its fraction of a second, exactly.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}
