//! A real drive: 70 frames of San Francisco. It is not part of the repository; without it these tests say that they were skipped.

use std::path::{Path, PathBuf};

use wayhex_device::capture::Captured;
use wayhex_device::privacy::{PrivacySettings, Trim};
use wayhex_device::source::{Drive, DriveKind};
use wayhex_protocol::cells::cells_along;
use wayhex_protocol::observation::TimeSource;

use crate::scene::{NOW_MS, captured_with, open_privacy, told_with};

/// The folder of a real recording.
pub fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(name);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

#[test]
fn all_frames_but_one_pass_the_spacing() {
    let Some(dir) = real("drive-sf") else { return };
    let drive = Drive::open(&dir, NOW_MS).unwrap();
    assert_eq!((drive.kind(), drive.frames()), (DriveKind::FramesJson, 70));
    let seen = captured_with(drive.capture_settings(), drive.events());
    assert_eq!(seen.kept.len(), 69);
    assert_eq!(
        seen.reasons(),
        [(
            "1765835645306_37.79840001008778_-122.3967957728182.jpg",
            "too_close"
        )]
    );
    assert!(
        seen.kept
            .iter()
            .all(|kept| kept.time().source == TimeSource::Gnss)
    );
    assert!(
        (seen.counts.metres - 543.0).abs() < 1.0,
        "{}",
        seen.counts.metres
    );
}

#[test]
fn nothing_bridges_the_lost_satellites() {
    let Some(dir) = real("drive-sf") else { return };
    let drive = Drive::open(&dir, NOW_MS).unwrap();
    let seen = captured_with(drive.capture_settings(), drive.events());
    let single = |kept: &&Captured| kept.segment().vertices().len() == 1;
    let alone: Vec<u64> = seen
        .kept
        .iter()
        .filter(single)
        .map(Captured::index)
        .collect();
    assert_eq!(alone, [0, 32]);
    for pair in seen.kept.windows(2).filter(|pair| pair[1].index() != 32) {
        assert_eq!(pair[1].segment().vertices()[0].position, pair[0].place());
    }
}

#[test]
fn the_cells_are_exactly_those_that_the_way_crosses() {
    let Some(dir) = real("drive-sf") else { return };
    let drive = Drive::open(&dir, NOW_MS).unwrap();
    let told = told_with(drive.capture_settings(), open_privacy(), drive.events());
    assert_eq!(told.released.len(), 69);
    for released in &told.released {
        let path: Vec<_> = released
            .segment()
            .vertices()
            .iter()
            .map(|vertex| vertex.position)
            .collect();
        assert_eq!(
            released.segment().facts().unwrap().cells,
            cells_along(&path)
        );
    }
}

#[test]
fn with_the_default_trimming_nothing_is_left() {
    let Some(dir) = real("drive-sf") else { return };
    let drive = Drive::open(&dir, NOW_MS).unwrap();
    let privacy = PrivacySettings {
        trim: Trim::default(),
        ..open_privacy()
    };
    let told = told_with(drive.capture_settings(), privacy, drive.events());
    assert_eq!((told.released.len(), told.count("trip_trimmed")), (0, 69));
    assert!(
        told.dropped
            .iter()
            .all(|dropped| dropped.time_ms.is_none() && dropped.source.len() < 3)
    );
}
