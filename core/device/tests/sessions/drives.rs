//! Recorded drives: pictures with a JSON beside each.

use std::path::Path;

use crate::items::{NOON_MS, street};

/// Recorded a week before the tests' noon.
pub const RECORDED_MS: u64 = NOON_MS - 7 * 24 * 3_600 * 1_000;

/// `count` frames, a second and 10 m apart, to the north.
pub fn record(folder: &Path, count: u32) {
    record_from(RECORDED_MS, folder, count);
}

/// The same, recorded from another time on, Unix milliseconds.
pub fn record_from(recorded_ms: u64, folder: &Path, count: u32) {
    std::fs::create_dir_all(folder).unwrap();
    for i in 0..count {
        let frame = street(usize::try_from(i).unwrap());
        let mut jpeg = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 90)
            .encode(
                frame.view().pixels(),
                frame.width(),
                frame.height(),
                image::ExtendedColorType::Rgb8,
            )
            .unwrap();
        let time_ms = recorded_ms + u64::from(i) * 1_000;
        let lat = 47.37 + 0.000_09 * f64::from(i);
        let json = format!(r#"{{"time":{time_ms},"lat":{lat:.7},"lon":8.1234000}}"#);
        std::fs::write(folder.join(format!("{i:04}.jpg")), jpeg).unwrap();
        std::fs::write(folder.join(format!("{i:04}.json")), json).unwrap();
    }
}
