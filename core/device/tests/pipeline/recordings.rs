//! Our own recording of a session: redacted pictures, and only what passed privacy.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use wayhex_device::privacy::{Trim, TripKind, Zones};
use wayhex_device::source::{Drive, DriveError, DriveKind, RecordError, Recorder};

use crate::scene::{
    Finds, NOW_MS, Told, ZERO_MS, open_privacy, position, privacy_with, straight, told, told_with,
};

fn record(folder: &Path, told: &Told) {
    let recorder = Recorder::open(folder, 0).unwrap();
    for (number, released) in (0..).zip(&told.released) {
        recorder.write(number, &released.into()).unwrap();
    }
}

#[test]
fn a_recording_plays_as_what_was_recorded() {
    let first = told(open_privacy(), straight(300.0, 10.0, 2.0));
    let dir = TempDir::new().unwrap();
    record(dir.path(), &first);
    let drive = Drive::open(dir.path(), NOW_MS).unwrap();
    assert_eq!(drive.kind(), DriveKind::Session);
    let settings = drive.capture_settings();
    let again = told_with(settings, open_privacy(), drive.events());
    assert_eq!(again.released.len(), first.released.len());
    for (one, two) in first.released.iter().zip(&again.released) {
        assert_eq!(one.time_ms(), two.time_ms());
        assert_eq!(one.segment(), two.segment());
    }
}

#[test]
fn a_recording_holds_nothing_of_what_is_private() {
    let private = Trim::exact(100, TripKind::Live).unwrap();
    let told = told(
        privacy_with(private, Zones::default(), Finds(Vec::new())),
        straight(500.0, 10.0, 2.0),
    );
    let dir = TempDir::new().unwrap();
    record(dir.path(), &told);
    let mut jsons = 0;
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(
            name == "recording.json" || name.split_once('.').unwrap().0.parse::<u32>().is_ok(),
            "{name}"
        );
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains("at-"), "the source's names are not recorded");
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(&text)
            && let Some(lat) = value["lat"].as_f64()
        {
            jsons += 1;
            let place = wayhex_protocol::position::Position::from_degrees(
                lat,
                value["lon"].as_f64().unwrap(),
            )
            .unwrap();
            assert!(
                place.distance_m(position(0.0, 0.0)) >= 100.0
                    && place.distance_m(position(500.0, 0.0)) >= 100.0
            );
            assert!(value["time"].as_u64().unwrap() > ZERO_MS + 10_000);
        }
    }
    assert_eq!(jsons, told.released.len());
}

#[test]
fn nothing_is_recorded_over_something_else() {
    let dir = TempDir::new().unwrap();
    let missing = dir.path().join("missing");
    Recorder::check_empty(dir.path()).unwrap();
    Recorder::check_empty(&missing).unwrap();
    assert!(!missing.exists());
    drop(Recorder::open(dir.path(), 0).unwrap());
    let error = Recorder::check_empty(dir.path()).unwrap_err();
    assert!(matches!(error, RecordError::Occupied { .. }), "{error}");
}

#[test]
fn a_header_that_is_none_is_an_error_that_names_it() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("recording.json"), "{}").unwrap();
    let error = Drive::open(dir.path(), NOW_MS).unwrap_err();
    assert!(
        matches!(error, DriveError::Table { .. }) && error.to_string().contains("recording.json"),
        "{error}"
    );
}
