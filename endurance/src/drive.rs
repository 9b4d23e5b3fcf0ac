//! A recorded drive made by code: small pictures with a JSON beside each, of which some can be used and some cannot.
//!
//! The way leads north, 10 m and 1 s from frame to frame. Each picture is a street of grey blocks that differs from all others, with
//! a marked field that the detector of [`crate::player`] finds. The same course makes the same bytes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use jpeg_encoder::{ColorType, Encoder};
use serde_json::json;

/// Where the way begins, degrees.
pub const START: (f64, f64) = (47.37, 8.1234);
/// From frame to frame, degrees of latitude: 10 m.
const STEP_DEG: f64 = 0.000_09;
/// Side of the blocks that pictures consist of and marks are aligned to, pixels: that of a JPEG's units.
pub const BLOCK_PX: u32 = 16;
/// The colour of a mark; nothing else in a picture comes near it.
pub const MARK_RGB: [u8; 3] = [230, 20, 230];
/// How many blocks a mark is wide and high.
pub const MARK_BLOCKS: u32 = 3;
/// JPEG quality of the raw pictures.
const QUALITY: u8 = 90;

/// What is driven.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// What pictures are drawn from: another seed, other pictures of the same way.
    pub seed: u64,
    /// How many frames.
    pub frames: u32,
    /// Width and height of the pictures, pixels.
    pub sides: (u16, u16),
    /// Side of the grey blocks, pixels: the smaller, the more bytes a picture has.
    pub grain_px: u32,
    /// When its first frame was taken, Unix milliseconds.
    pub began_ms: u64,
    /// Whether some frames cannot be used: see [`Flaw`].
    pub is_flawed: bool,
    /// Whether all frames but the first and the last are taken at one place, and have no metadata.
    pub is_standing: bool,
}

/// Why a frame cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// 2 m from the one before.
    TooClose,
    /// Nothing stands beside it.
    NoMetadata,
    /// A position that is less accurate than 25 m.
    Inaccurate,
    /// Black.
    Dark,
    /// Cut short.
    Unreadable,
    /// A latitude that is no number.
    NoPosition,
}

impl Course {
    /// What is wrong with a frame.
    #[must_use]
    pub const fn flaw(&self, frame: u32) -> Option<Flaw> {
        if self.is_standing {
            let is_end = frame == 0 || frame + 1 == self.frames;
            return if is_end { None } else { Some(Flaw::NoMetadata) };
        }
        if !self.is_flawed {
            return None;
        }
        Some(match frame % 16 {
            3 => Flaw::TooClose,
            5 => Flaw::NoMetadata,
            7 => Flaw::Inaccurate,
            9 => Flaw::Dark,
            11 => Flaw::Unreadable,
            13 => Flaw::NoPosition,
            _ => return None,
        })
    }

    /// Latitude and longitude at a frame, degrees.
    #[must_use]
    pub fn place(&self, frame: u32) -> (f64, f64) {
        let steps = match self.flaw(frame) {
            Some(Flaw::TooClose) => f64::from(frame) - 0.8,
            _ => f64::from(frame),
        };
        (START.0 + STEP_DEG * steps, START.1)
    }

    /// Writes the drive into a folder, which is made.
    ///
    /// # Errors
    /// A picture cannot be encoded or written.
    pub fn record(&self, folder: &Path) -> Result<()> {
        let subject = || format!("cannot record a drive in {}", folder.display());
        fs::create_dir_all(folder).with_context(subject)?;
        for frame in 0..self.frames {
            let mut jpeg = self.picture(frame)?;
            let flaw = self.flaw(frame);
            if flaw == Some(Flaw::Unreadable) {
                jpeg.truncate(jpeg.len() / 8);
            }
            let picture = folder.join(Self::picture_name(frame));
            fs::write(&picture, jpeg).with_context(subject)?;
            if flaw != Some(Flaw::NoMetadata) {
                let json = self.metadata(frame);
                fs::write(picture.with_extension("json"), json).with_context(subject)?;
            }
        }
        Ok(())
    }

    /// What a frame's picture is called.
    #[must_use]
    pub fn picture_name(frame: u32) -> String {
        format!("{frame:05}.jpg")
    }

    fn metadata(&self, frame: u32) -> String {
        let (lat, lon) = self.place(frame);
        let flaw = self.flaw(frame);
        let accuracy_m = if flaw == Some(Flaw::Inaccurate) {
            40
        } else {
            5
        };
        let time_ms = self.began_ms + 1_000 * u64::from(frame);
        let written = json!({ "time": time_ms, "lat": lat, "lon": lon, "accuracy_m": accuracy_m });
        if flaw == Some(Flaw::NoPosition) {
            // Some recorders write what JSON does not have.
            return format!(r#"{{"time":{time_ms},"lat":NaN,"lon":{lon}}}"#);
        }
        written.to_string()
    }

    /// A frame's raw picture.
    fn picture(&self, frame: u32) -> Result<Vec<u8>> {
        let (width, height) = (u32::from(self.sides.0), u32::from(self.sides.1));
        let mark = self.mark(frame);
        let is_dark = self.flaw(frame) == Some(Flaw::Dark);
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let in_mark =
                    |at: u32, from: u32| (from..from + MARK_BLOCKS * BLOCK_PX).contains(&at);
                let rgb = if is_dark {
                    [0; 3]
                } else if in_mark(x, mark.0) && in_mark(y, mark.1) {
                    MARK_RGB
                } else {
                    let block = (x / self.grain_px, y / self.grain_px);
                    [self.grey(frame, block); 3]
                };
                pixels.extend_from_slice(&rgb);
            }
        }
        let mut jpeg = Vec::new();
        let encoder = Encoder::new(&mut jpeg, QUALITY);
        encoder
            .encode(&pixels, self.sides.0, self.sides.1, ColorType::Rgb)
            .context("a picture cannot be encoded")?;
        Ok(jpeg)
    }

    /// Left and top of a frame's mark, pixels.
    #[must_use]
    pub fn mark(&self, frame: u32) -> (u32, u32) {
        let columns = u32::from(self.sides.0) / BLOCK_PX - MARK_BLOCKS - 2;
        let rows = u32::from(self.sides.1) / BLOCK_PX - MARK_BLOCKS - 2;
        let column = 1 + frame % columns;
        let row = 1 + (frame / columns + frame) % rows;
        (column * BLOCK_PX, row * BLOCK_PX)
    }

    /// A well mixed value of 40 to 166 for each block of each frame.
    fn grey(&self, frame: u32, block: (u32, u32)) -> u8 {
        let place = u64::from(frame) << 40 | u64::from(block.0) << 20 | u64::from(block.1);
        let mixed = mix(self.seed ^ mix(place));
        let [low, ..] = mixed.to_le_bytes();
        40 + low / 4 * 2
    }
}

/// A bijection that spreads every bit over all others (the finalizer of `SplitMix64`).
#[must_use]
pub const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
