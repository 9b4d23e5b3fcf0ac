//! One frame's way up to the signature: sources, capture, privacy, tag, sign.

#![expect(clippy::unwrap_used, reason = "a broken premise ends the test")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod chain;
mod detectors;
mod drive_sf;
mod exif_drives;
mod folders;
mod gates;
mod json_drives;
mod order;
mod recordings;
mod scene;
mod segments;
mod signing;
mod spacing;
mod table_drives;
mod trips;
mod zones;
