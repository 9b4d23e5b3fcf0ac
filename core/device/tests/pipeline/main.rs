//! One frame's way up to the signature: sources, capture, privacy, tag, sign.

mod capture;
mod chain;
mod detectors;
mod drive_sf;
mod exif_drives;
mod json_drives;
mod order;
mod recordings;
mod scene;
mod signing;
mod spacing;
mod table_drives;
mod trips;
mod zones;
