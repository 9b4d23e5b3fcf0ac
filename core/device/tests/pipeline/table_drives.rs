//! Drives of tables.

use std::fmt::Write as _;
use std::fs;

use tempfile::TempDir;
use wayhex_device::capture::CaptureSettings;
use wayhex_device::source::{Drive, DriveError, DriveKind, Event};
use wayhex_protocol::observation::TimeSource;

use crate::drive_sf::real;
use crate::json_drives::play;
use crate::scene::{NOW_MS, ZERO_MS, blocks, captured_with, degrees, jpeg};

const GNSS: &str = "t_s,latitude_deg,longitude_deg,speed_mps,utc_ms,altitude_m,bearing_deg";

/// 20 s east at 10 m/s: fixes each second from 100 s of boot time on, pictures half-way between.
fn folder() -> TempDir {
    let dir = TempDir::new().unwrap();
    let (mut gnss, mut frames) = (format!("{GNSS}\n"), "t_s,file\n".to_owned());
    fs::create_dir(dir.path().join("frames")).unwrap();
    for i in 0..20_u32 {
        let (lat, lon) = degrees(10.0 * f64::from(i), 0.0);
        writeln!(
            gnss,
            "{}.000000,{lat:.8},{lon:.8},10.0,{},500.0,90.0",
            100 + i,
            ZERO_MS + 1_000 * u64::from(i)
        )
        .unwrap();
        writeln!(frames, "{}.5,frames/{i}.jpg", 100 + i).unwrap();
        fs::write(dir.path().join(format!("frames/{i}.jpg")), jpeg(&blocks(i))).unwrap();
    }
    fs::write(dir.path().join("gnss.csv"), gnss).unwrap();
    fs::write(dir.path().join("frames.csv"), frames).unwrap();
    dir
}

fn edit(dir: &TempDir, file: &str, change: impl Fn(String) -> String) {
    let path = dir.path().join(file);
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
}

/// Replaces a line of a file, counted from 0.
fn replace_line(dir: &TempDir, file: &str, line: usize, with: &str) {
    edit(dir, file, |text| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines[line] = with;
        lines.join("\n")
    });
}

#[test]
fn pictures_are_placed_between_the_fixes_of_the_table() {
    let dir = folder();
    let drive = Drive::open(dir.path(), NOW_MS).unwrap();
    assert_eq!((drive.kind(), drive.frames()), (DriveKind::Csv, 20));
    assert_eq!(drive.ends_at_ms(), Some(ZERO_MS + 19_500));
    let seen = play(dir.path());
    assert_eq!(
        (seen.kept.len(), seen.reasons()),
        (19, vec![("frames/19.jpg", "no_fix")])
    );
    let time = seen.kept[3].time();
    assert_eq!(
        (time.unix_ms, time.source),
        (i64::try_from(ZERO_MS).unwrap() + 3_500, TimeSource::Gnss)
    );
    assert_eq!(seen.kept[3].motion().speed_mm_s, Some(10_000));
}

#[test]
fn quality_columns_are_read_where_there_are_any() {
    let dir = folder();
    edit(&dir, "gnss.csv", |text| {
        let mut lines = text.lines();
        let header = format!(
            "{},horizontal_accuracy_m,satellites,hdop\n",
            lines.next().unwrap()
        );
        let with = |(i, line): (usize, &str)| {
            format!("{line},{},{},0.9\n", if i == 6 { 40.0 } else { 4.25 }, 11)
        };
        header + &lines.enumerate().map(with).collect::<String>()
    });
    let seen = play(dir.path());
    let quality = seen.kept[0].fix();
    assert_eq!(
        (quality.accuracy_mm, quality.satellites, quality.hdop_milli),
        (Some(4_250), Some(11), Some(900))
    );
    let poor = [
        ("frames/5.jpg", "accuracy_too_low"),
        ("frames/6.jpg", "accuracy_too_low"),
    ];
    assert_eq!(seen.reasons()[..2], poor);
}

#[test]
fn what_is_wrong_with_one_row_costs_what_hangs_on_it() {
    let cases: [(&str, &str, &str, &[&str]); 8] = [
        (
            "a place that is no number",
            "gnss.csv",
            "109.0,NaN,7.45,10,1780272009000,0,0",
            &["position_out_of_range"; 2],
        ),
        (
            "a place that is missing",
            "gnss.csv",
            "109.0,,,10,1780272009000,0,0",
            &["position_out_of_range"; 2],
        ),
        (
            "a place out of range",
            "gnss.csv",
            "109.0,46.95,361,10,1780272009000,0,0",
            &["position_out_of_range"; 2],
        ),
        (
            "a fix without a time",
            "gnss.csv",
            "soon,46.95,7.45,10,1780272009000,0,0",
            &[],
        ),
        (
            "a fix of long ago",
            "gnss.csv",
            "5.0,46.95,7.45,10,1780272009000,0,0",
            &[],
        ),
        (
            "a picture without a time",
            "frames.csv",
            ",frames/9.jpg",
            &["metadata_missing"],
        ),
        (
            "a picture of long ago",
            "frames.csv",
            "5.0,frames/9.jpg",
            &["time_backwards"],
        ),
        (
            "a picture elsewhere",
            "frames.csv",
            "109.5,../9.jpg",
            &["picture_unreadable"],
        ),
    ];
    for (what, file, row, expect) in cases {
        let dir = folder();
        replace_line(&dir, file, 10, row);
        let seen = play(dir.path());
        let mut reasons: Vec<&str> = seen.reasons().iter().map(|(_, reason)| *reason).collect();
        assert_eq!(
            reasons.pop(),
            Some("no_fix"),
            "{what}: the last picture has no fix behind it"
        );
        assert_eq!(reasons, expect, "{what}");
        assert_eq!(seen.kept.len() + seen.dropped.len(), 20, "{what}");
    }
}

#[test]
fn a_table_that_is_none_is_an_error_that_names_it() {
    type Spoil<'a> = &'a dyn Fn(&TempDir);
    let cases: [(&str, Spoil<'_>, &str); 4] = [
        (
            "no fixes",
            &|dir| fs::remove_file(dir.path().join("gnss.csv")).unwrap(),
            "gnss.csv",
        ),
        (
            "no time column",
            &|dir| edit(dir, "gnss.csv", |text| text.replace("t_s", "seconds")),
            "gnss.csv",
        ),
        (
            "no file column",
            &|dir| edit(dir, "frames.csv", |text| text.replace("file", "picture")),
            "frames.csv",
        ),
        (
            "no text",
            &|dir| fs::write(dir.path().join("frames.csv"), b"t_s,file\n1.0,\xff\xfe\n").unwrap(),
            "frames.csv",
        ),
    ];
    for (what, spoil, name) in cases {
        let dir = folder();
        spoil(&dir);
        let error = Drive::open(dir.path(), NOW_MS).unwrap_err();
        assert!(matches!(error, DriveError::Table { .. }), "{what}: {error}");
        assert!(error.to_string().contains(name), "{what}: {error}");
    }
    let dir = folder();
    fs::write(dir.path().join("frames.csv"), "t_s,file\n").unwrap();
    assert!(matches!(
        Drive::open(dir.path(), NOW_MS),
        Err(DriveError::Empty { .. })
    ));
}

#[test]
fn a_rendered_drive_says_so_and_brings_its_zones() {
    let dir = folder();
    let describe = |schema: &str| {
        let zones = r#"[{"lat": 46.95, "lon": 7.45, "radius_m": 200.0}]"#;
        fs::write(
            dir.path().join("drive.json"),
            format!(r#"{{"schema": "{schema}", "private_zones": {zones}}}"#),
        )
        .unwrap();
        Drive::open(dir.path(), NOW_MS).unwrap()
    };
    let rendered = describe("wayhex.rendered-drive/1");
    assert_eq!(
        (rendered.kind().name(), rendered.private_zones().len()),
        ("rendered", 1)
    );
    let another = describe("somebody's");
    assert_eq!(
        (another.kind().name(), another.private_zones().len()),
        ("csv", 0)
    );
}

#[test]
fn a_description_whose_zones_cannot_be_told_stops_the_drive() {
    let rendered = |zones: &str| {
        format!(r#"{{"schema": "wayhex.rendered-drive/1", "private_zones": {zones}}}"#).into_bytes()
    };
    let good = r#"{"lat": 46.95, "lon": 7.45, "radius_m": 200.0}"#;
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("no JSON", b"{\"schema\": ".to_vec(), "is no JSON"),
        ("not even text", vec![0xff; 40], "is no JSON"),
        ("too long", vec![b' '; 65_537], "has more than 65536 bytes"),
        ("no list", rendered("{}"), "are no list"),
        (
            "no zone",
            rendered("[7]"),
            "private zone 1: lat is no number",
        ),
        (
            "no radius",
            rendered(&format!(r#"[{good}, {{"lat": 46.95, "lon": 7.45}}]"#)),
            "private zone 2: radius_m is no number",
        ),
        (
            "a radius that hides nothing",
            rendered(&format!(r"[{good}, {}]", good.replace("200.0", "20.0"))),
            "a radius of 20 m",
        ),
        (
            "no place",
            rendered(&format!("[{}]", good.replace("46.95", "146.95"))),
            "146.95",
        ),
    ];
    for (what, bytes, cause) in cases {
        let dir = folder();
        fs::write(dir.path().join("drive.json"), bytes).unwrap();
        let error = Drive::open(dir.path(), NOW_MS).unwrap_err().to_string();
        assert!(
            error.contains("drive.json") && error.contains(cause),
            "{what}: {error}"
        );
    }
}

#[test]
fn a_recorded_minute_of_a_phone_is_plausible_throughout() {
    let Some(data) = real("drive-101") else {
        return;
    };
    let dir = TempDir::new().unwrap();
    for name in ["gnss_ublox.csv", "accelerometer.csv", "gyroscope.csv"] {
        fs::copy(data.join(name), dir.path().join(name)).unwrap();
    }
    let fixes = fs::read_to_string(data.join("gnss_ublox.csv")).unwrap();
    let times: Vec<f64> = fixes
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap().parse().unwrap())
        .collect();
    let mut frames = "t_s,file\n".to_owned();
    for time in times.windows(2).step_by(2) {
        writeln!(frames, "{:.6},picture.jpg", f64::midpoint(time[0], time[1])).unwrap();
    }
    fs::write(dir.path().join("frames.csv"), frames).unwrap();
    fs::write(dir.path().join("picture.jpg"), jpeg(&blocks(1))).unwrap();
    let drive = Drive::open(dir.path(), NOW_MS).unwrap();
    let inertial = drive
        .events()
        .filter(|event| matches!(event, Event::Inertial(_)))
        .count();
    let seen = captured_with(CaptureSettings::default(), drive.events());
    assert_eq!(seen.counts.inertial, u64::try_from(inertial).unwrap());
    assert!(
        inertial > 5_000 && seen.counts.fixes > 500,
        "{:?}",
        seen.counts
    );
    assert!(
        seen.reasons()
            .iter()
            .all(|(_, reason)| *reason == "too_close"),
        "{:?}",
        seen.reasons()
    );
    let driven: f64 = seen.counts.metres;
    assert!(
        seen.kept.len() > 40 && driven > 500.0,
        "{} frames in {driven} m",
        seen.kept.len()
    );
    for kept in &seen.kept[1..] {
        let motion = kept.motion();
        assert!(
            motion.yaw_mdeg.is_some() && motion.acceleration_spread_mm_s2.is_some(),
            "{motion:?}"
        );
        assert!(kept.segment().vertices().len() > 2, "{}", kept.index());
    }
}
