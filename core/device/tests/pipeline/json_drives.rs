//! Pictures with a JSON beside each: what is wrong with one costs that one.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use wayhex_device::capture::CaptureSettings;
use wayhex_device::source::{Drive, DriveError, DriveKind};
use wayhex_protocol::observation::TimeSource;

use crate::scene::{NOW_MS, Seen, ZERO_MS, blocks, captured_with, degrees, jpeg};

/// A drive east at 10 m/s, a picture each second.
pub fn folder(pictures: u32) -> TempDir {
    let dir = TempDir::new().unwrap();
    for i in 0..pictures {
        write(dir.path(), &format!("{i}.jpg"), &described(i));
        fs::write(dir.path().join(format!("{i}.jpg")), jpeg(&blocks(i))).unwrap();
    }
    dir
}

fn described(i: u32) -> Value {
    let (lat, lon) = degrees(10.0 * f64::from(i), 0.0);
    json!({ "time": ZERO_MS + 1_000 * u64::from(i), "lat": lat, "lon": lon })
}

fn write(dir: &Path, picture: &str, value: &Value) {
    fs::write(dir.join(picture).with_extension("json"), value.to_string()).unwrap();
}

pub fn play(dir: &Path) -> Seen {
    let drive = Drive::open(dir, NOW_MS).unwrap();
    let settings = drive.capture_settings();
    captured_with(settings, drive.events())
}

/// A drive of 20 pictures, the JSON of number 10 changed.
fn reason_with(json: &str) -> Option<&'static str> {
    let dir = folder(20);
    fs::write(dir.path().join("10.json"), json).unwrap();
    let seen = play(dir.path());
    assert_eq!(seen.kept.len() + seen.dropped.len(), 20);
    assert!(
        seen.dropped
            .iter()
            .all(|dropped| dropped.source == "10.jpg"),
        "{:?}",
        seen.reasons()
    );
    seen.dropped.first().map(|dropped| dropped.reason.name())
}

#[test]
fn a_whole_drive_is_kept_in_the_order_of_its_numbers() {
    let dir = folder(20);
    let drive = Drive::open(dir.path(), NOW_MS).unwrap();
    assert_eq!((drive.kind(), drive.frames()), (DriveKind::FramesJson, 20));
    assert_eq!(drive.ends_at_ms(), Some(ZERO_MS + 19_000));
    let seen = play(dir.path());
    let expect: Vec<String> = (0..20).map(|i| format!("{i}.jpg")).collect();
    assert_eq!(seen.sources(), expect);
    assert!(
        seen.kept
            .iter()
            .all(|kept| kept.time().source == TimeSource::Phone)
    );
}

#[test]
fn what_is_wrong_with_one_json_costs_that_frame() {
    let changed = |key: &str, value: Value| {
        let mut json = described(10);
        json[key] = value;
        json.to_string()
    };
    let without = |key: &str| {
        let mut json = described(10);
        json.as_object_mut().unwrap().remove(key);
        json.to_string()
    };
    let nan = |key: &str, text: &str| changed(key, json!("@")).replace("\"@\"", text);
    let cases = [
        ("time missing", without("time"), "metadata_missing"),
        ("lat missing", without("lat"), "metadata_missing"),
        ("lon missing", without("lon"), "metadata_missing"),
        ("lon null", changed("lon", Value::Null), "metadata_missing"),
        ("no JSON", "time=1".to_owned(), "metadata_missing"),
        ("an empty file", String::new(), "metadata_missing"),
        ("a list", "[]".to_owned(), "metadata_missing"),
        (
            "too long a file",
            changed("note", json!("x".repeat(70_000))),
            "metadata_missing",
        ),
        (
            "lat 90.1",
            changed("lat", json!(90.1)),
            "position_out_of_range",
        ),
        (
            "lon -181",
            changed("lon", json!(-181.5)),
            "position_out_of_range",
        ),
        ("lat NaN", nan("lat", "NaN"), "position_out_of_range"),
        (
            "lon -Infinity",
            nan("lon", "-Infinity"),
            "position_out_of_range",
        ),
        (
            "lon cut to an integer",
            changed("lon", json!(7)),
            "implausible_position",
        ),
        (
            "lon somewhere else",
            changed("lon", json!(7.4)),
            "implausible_position",
        ),
        (
            "time 1970",
            changed("time", json!(10_000)),
            "time_before_2010",
        ),
        (
            "time negative",
            changed("time", json!(-5)),
            "time_before_2010",
        ),
        (
            "time 2009",
            changed("time", json!(1_262_303_999_999_u64)),
            "time_before_2010",
        ),
        (
            "time in a year",
            changed("time", json!(NOW_MS + 31_536_000_000)),
            "time_in_future",
        ),
        (
            "time goes back",
            changed("time", json!(ZERO_MS + 5_500)),
            "time_backwards",
        ),
        (
            "time repeated",
            changed("time", json!(ZERO_MS + 9_000)),
            "time_backwards",
        ),
        (
            "time ahead of the next",
            changed("time", json!(ZERO_MS + 15_500)),
            "time_backwards",
        ),
        (
            "accuracy 500 m",
            changed("accuracy_m", json!(500)),
            "accuracy_too_low",
        ),
    ];
    for (what, json, expect) in cases {
        assert_eq!(reason_with(&json), Some(expect), "{what}");
    }
    assert_eq!(reason_with(&described(10).to_string()), None);
}

#[test]
fn what_is_wrong_with_one_picture_costs_that_frame() {
    let dir = folder(20);
    fs::write(dir.path().join("3.jpg"), b"no picture").unwrap();
    fs::write(dir.path().join("5.jpg"), jpeg(&blocks(5)).split_at(400).0).unwrap();
    fs::write(dir.path().join("7.jpg"), vec![0; 33 * 1024 * 1024]).unwrap();
    fs::remove_file(dir.path().join("9.json")).unwrap();
    let seen = play(dir.path());
    let expect = [
        ("3.jpg", "picture_unreadable"),
        ("5.jpg", "picture_unreadable"),
        ("7.jpg", "picture_too_large"),
        ("9.jpg", "metadata_missing"),
    ];
    assert_eq!(seen.reasons(), expect);
    assert_eq!(seen.kept.len(), 16);
}

#[test]
fn a_picture_that_vanishes_while_it_is_played_costs_that_frame() {
    let dir = folder(5);
    let drive = Drive::open(dir.path(), NOW_MS).unwrap();
    fs::remove_file(dir.path().join("2.jpg")).unwrap();
    let seen = captured_with(
        CaptureSettings {
            unix_ms_at_zero: Some(0),
            time_max_ms: None,
        },
        drive.events(),
    );
    assert_eq!(seen.reasons(), [("2.jpg", "picture_unreadable")]);
    assert_eq!(
        seen.dropped[0].time_ms,
        Some(i64::try_from(ZERO_MS).unwrap() + 2_000)
    );
}

#[test]
fn the_satellites_time_is_taken_where_it_is_given() {
    let dir = folder(3);
    let mut json = described(1);
    json["gnss_time"] = json!(ZERO_MS + 1_250);
    write(dir.path(), "1.jpg", &json);
    json = described(2);
    json["gnss_time"] = json!(77);
    write(dir.path(), "2.jpg", &json);
    let times: Vec<_> = play(dir.path())
        .kept
        .iter()
        .map(|kept| (kept.time().unix_ms, kept.time().source))
        .collect();
    let zero_ms = i64::try_from(ZERO_MS).unwrap();
    assert_eq!(
        times[0],
        (zero_ms + 250, TimeSource::Gnss),
        "by the next fix that has one"
    );
    assert_eq!(times[1], (zero_ms + 1_250, TimeSource::Gnss));
    assert_eq!(
        times[2],
        (zero_ms + 2_250, TimeSource::Gnss),
        "1970 is not believed"
    );
}

#[test]
fn a_drive_of_one_frame_is_one_place() {
    let seen = play(folder(1).path());
    assert_eq!(seen.kept.len(), 1);
    assert_eq!(seen.kept[0].segment().vertices().len(), 1);
}

#[test]
fn a_drive_without_frames_is_an_error_that_names_the_folder() {
    let dir = TempDir::new().unwrap();
    for content in [None, Some("notes.txt"), Some("lonely.json")] {
        if let Some(name) = content {
            fs::write(dir.path().join(name), "{}").unwrap();
        }
        let error = Drive::open(dir.path(), NOW_MS).unwrap_err();
        assert!(matches!(error, DriveError::Empty { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains(&dir.path().display().to_string())
        );
    }
    let error = Drive::open(&dir.path().join("nowhere"), NOW_MS).unwrap_err();
    assert!(
        matches!(error, DriveError::Read { .. }) && error.to_string().contains("nowhere"),
        "{error}"
    );
}

#[test]
fn the_hash_is_of_names_and_contents_wherever_they_lie() {
    let hash = |dir: &TempDir| Drive::open(dir.path(), NOW_MS).unwrap().hash().unwrap();
    let (one, same) = (folder(3), folder(3));
    assert_eq!(hash(&one), hash(&same));
    assert_eq!(hash(&one).to_string().len(), 64);
    fs::write(same.path().join("note.txt"), "more").unwrap();
    assert_ne!(hash(&one), hash(&same));
    fs::rename(one.path().join("2.jpg"), one.path().join("3.jpg")).unwrap();
    fs::write(same.path().join("note.txt"), "less").unwrap();
    assert_ne!(hash(&one), hash(&folder(3)));
}

#[test]
fn a_drive_whose_names_tell_no_order_is_played_by_its_times() {
    let dir = folder(12);
    for i in 0..12_u32 {
        // 0, 5, 10, 3, 8, 1, 6, 11, 4, 9, 2, 7: no series of names rises for long.
        let shuffled = described(i * 5 % 12);
        write(dir.path(), &format!("{i}.jpg"), &shuffled);
    }
    let seen = play(dir.path());
    assert_eq!(seen.kept.len(), 12, "{:?}", seen.reasons());
    assert!(
        seen.kept
            .windows(2)
            .all(|pair| pair[0].time().unix_ms < pair[1].time().unix_ms)
    );
}
