//! The laws of the rendered drive, by the files it writes. Nothing here needs the network.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use wayhex_rendered_drive::{
    DriveSpec, DriveSummary, PictureSpec, RenderError, render_drive, render_pictures,
};

type Table = BTreeMap<String, Vec<f64>>;

/// The columns of a table that are numbers.
fn table(path: &Path) -> Table {
    let text = fs::read_to_string(path).expect("table");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("header").split(',').collect();
    let mut columns = Table::new();
    for line in lines {
        for (name, cell) in header.iter().zip(line.split(',')) {
            if let Ok(value) = cell.parse() {
                columns.entry((*name).to_owned()).or_default().push(value);
            }
        }
    }
    columns
}

fn render(out: &Path, spec: &DriveSpec) -> Result<DriveSummary, RenderError> {
    render_drive(out, None, spec, &mut |_, _| {})
}

/// The demo's drive in thumbnails: the same tables, in a second or two.
fn demo_in_thumbnails() -> DriveSpec {
    DriveSpec {
        width_px: 64,
        ..DriveSpec::demo()
    }
}

fn metres(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let (half_lat, half_lon) = ((lat_b - lat_a) / 2.0, (b.1 - a.1).to_radians() / 2.0);
    let h = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lon.sin().powi(2);
    2.0 * 6_371_008.8 * h.sqrt().asin()
}

fn bytes_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for sub in ["", "frames"] {
        for entry in fs::read_dir(folder.join(sub)).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_file() {
                let name = path
                    .strip_prefix(folder)
                    .expect("below")
                    .display()
                    .to_string();
                files.insert(name, fs::read(&path).expect("file"));
            }
        }
    }
    files
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    let folder = tempfile::tempdir().expect("folder");
    let mut spec = DriveSpec::short();
    spec.course.length_m = 40.0;
    let mut rendered = Vec::new();
    for (name, seed) in [("a", 1), ("b", 1), ("c", 2)] {
        let out = folder.path().join(name);
        render(
            &out,
            &DriveSpec {
                seed,
                ..spec.clone()
            },
        )
        .expect("drive");
        rendered.push(bytes_of(&out));
    }
    assert_eq!(rendered[0], rendered[1]);
    for name in ["frames/000000.jpg", "gnss.csv", "accelerometer.csv"] {
        assert_ne!(rendered[0][name], rendered[2][name], "{name}");
    }
}

#[test]
fn the_demo_drive_has_all_that_the_demo_shows() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("drive");
    let summary = render(&out, &demo_in_thumbnails()).expect("drive");
    let fixes = table(&out.join("gnss.csv"));
    let frames = &table(&out.join("frames.csv"))["t_s"];
    let times = &fixes["t_s"];
    let path: Vec<(f64, f64)> = fixes["latitude_deg"]
        .iter()
        .copied()
        .zip(fixes["longitude_deg"].iter().copied())
        .collect();

    for axis in [
        times,
        frames,
        &table(&out.join("accelerometer.csv"))["t_s"],
        &table(&out.join("gyroscope.csv"))["t_s"],
    ] {
        assert!(
            axis.windows(2).all(|pair| pair[0] < pair[1]),
            "times increase strictly"
        );
    }
    assert!(
        fixes["utc_ms"]
            .iter()
            .zip(times)
            .all(|(utc, t)| ((utc - fixes["utc_ms"][0]) / 1e3 - (t - times[0])).abs() < 1e-3)
    );
    assert_eq!(u64::try_from(frames.len()).expect("count"), summary.frames);
    assert_eq!(
        fs::read_dir(out.join("frames")).expect("frames").count(),
        frames.len()
    );

    let length: f64 = path.windows(2).map(|pair| metres(pair[0], pair[1])).sum();
    assert!(length > 2000.0, "{length} m");
    assert!(
        (length - summary.metres).abs() < 100.0,
        "{length} m against {}",
        summary.metres
    );

    let standing: Vec<f64> = times
        .iter()
        .zip(&fixes["speed_mps"])
        .filter(|(_, v)| **v < 0.3)
        .map(|(t, _)| *t)
        .collect();
    let waiting: Vec<f64> = frames
        .iter()
        .copied()
        .filter(|t| standing.iter().any(|s| (s - t).abs() < 0.11))
        .collect();
    let longest = waiting
        .chunk_by(|a, b| b - a < 0.101)
        .max_by_key(|run| run.len())
        .expect("a wait");
    assert!(
        longest.len() > 300,
        "{} frames while waiting",
        longest.len()
    );
    assert!(
        longest
            .windows(2)
            .all(|pair| (pair[1] - pair[0] - 0.1).abs() < 1e-6),
        "10 Hz"
    );

    let gaps: Vec<usize> = (1..times.len())
        .filter(|&i| times[i] - times[i - 1] > 3.0)
        .collect();
    let [gap] = gaps[..] else {
        panic!("{} gaps", gaps.len())
    };
    assert!(metres(path[gap - 1], path[gap]) > 50.0, "the car went on");
    assert!(
        frames
            .iter()
            .filter(|t| (times[gap - 1]..times[gap]).contains(t))
            .count()
            > 10,
        "frames went on"
    );

    let turned = fixes["bearing_deg"][times.len() - 1] - fixes["bearing_deg"][0];
    assert!((turned - 90.0).abs() < 3.0, "{turned} degrees");

    let [zone] = &summary.private_zones[..] else {
        panic!("one zone")
    };
    let nearest = path
        .iter()
        .map(|p| metres(*p, (zone.lat_deg, zone.lon_deg)))
        .fold(f64::INFINITY, f64::min);
    assert!(
        nearest < 2.0 && (zone.radius_m - 200.0).abs() < 1e-9,
        "{nearest} m from the path"
    );

    let fast = fixes["speed_mps"].iter().filter(|v| **v > 24.0).count();
    assert!(fast > 20, "a stretch above 24 m/s");
}

#[test]
fn the_inertial_samples_agree_with_the_fixes() {
    let folder = tempfile::tempdir().expect("folder");
    render(folder.path().join("drive").as_path(), &demo_in_thumbnails()).expect("drive");
    let out = folder.path().join("drive");
    let turn: f64 = table(&out.join("gyroscope.csv"))["down_radps"]
        .iter()
        .map(|w| w * 0.01)
        .sum();
    assert!(
        (turn.to_degrees() - 90.0).abs() < 5.0,
        "a right turn is positive about down: {}",
        turn.to_degrees()
    );
    let force = table(&out.join("accelerometer.csv"));
    let sideways: f64 = force["right_mps2"].iter().sum();
    assert!(sideways > 0.0, "a right turn pushes the car to the right");
    let down = &force["down_mps2"];
    let mean = down.iter().sum::<f64>() / f64::from(u32::try_from(down.len()).expect("count"));
    assert!((mean + 9.807).abs() < 0.05, "{mean}");
}

#[test]
fn a_drive_that_is_there_is_not_rendered_again_and_another_one_replaces_it() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("drive");
    let mut spec = DriveSpec::short();
    spec.course.length_m = 30.0;
    let first = render(&out, &spec).expect("drive");
    let again = render_drive(&out, None, &spec, &mut |_, _| panic!("drawn again")).expect("drive");
    assert_eq!(first, again);
    spec.course.length_m = 60.0;
    let longer = render(&out, &spec).expect("drive");
    assert!(longer.frames > first.frames);
    assert_eq!(
        fs::read_dir(folder.path()).expect("folder").count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn a_folder_with_other_things_in_it_is_left_alone() {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("letter.txt"), "dear").expect("write");
    let refused = render(folder.path(), &DriveSpec::short());
    assert!(matches!(refused, Err(RenderError::Occupied(path)) if path == folder.path()));
    assert!(folder.path().join("letter.txt").exists());
}

#[test]
fn a_recording_without_pictures_gets_them() {
    let source = tempfile::tempdir().expect("folder");
    let fixes: String = (0..50).fold(
        "t_s,latitude_deg,longitude_deg,speed_mps,utc_ms,altitude_m,bearing_deg\n".to_owned(),
        |all, i| {
            format!(
                "{all}{:.1},46.0,7.0,10.0,{},0.0,{}.0\n",
                50.0 + f64::from(i) / 10.0,
                i * 100,
                (350 + i) % 360
            )
        },
    );
    fs::write(source.path().join("gnss_ublox.csv"), &fixes).expect("write");
    fs::write(
        source.path().join("gyroscope.csv"),
        "t_s,forward_radps,right_radps,down_radps\n",
    )
    .expect("write");
    let out = source.path().join("joined");
    let spec = PictureSpec {
        width_px: 64,
        ..PictureSpec::ublox()
    };
    let summary =
        render_pictures(&out, source.path(), None, &spec, &mut |_, _| {}).expect("pictures");
    assert!((summary.metres - 49.0).abs() < 1e-6, "{}", summary.metres);
    let frames = &table(&out.join("frames.csv"))["t_s"];
    assert_eq!(frames.len(), 20, "4 Hz over 4.9 s");
    assert!(frames.iter().all(|t| (50.0..54.9).contains(t)));
    assert_eq!(
        fs::read_to_string(out.join("gnss.csv")).expect("fixes"),
        fixes
    );
    assert!(out.join("gyroscope.csv").exists() && !out.join("accelerometer.csv").exists());
    assert!(out.join("frames/000019.jpg").exists());
}

#[test]
fn a_table_of_fixes_that_makes_no_sense_is_named_with_its_line() {
    let source = tempfile::tempdir().expect("folder");
    for (text, line) in [
        ("t_s,speed_mps\n1.0,3.0\n0.5,3.0\n", 3),
        ("t_s,speed_mps\n1.0,NaN\n2.0,1.0\n", 2),
        ("t_s,latitude_deg\n1.0,3.0\n", 1),
        ("t_s,speed_mps\n1.0,3.0\n", 1),
        ("", 1),
    ] {
        fs::write(source.path().join("gnss_ublox.csv"), text).expect("write");
        let out = source.path().join("joined");
        let refused = render_pictures(
            &out,
            source.path(),
            None,
            &PictureSpec::ublox(),
            &mut |_, _| {},
        );
        assert!(
            matches!(refused, Err(RenderError::Table { line: at, .. }) if at == line),
            "{text:?}"
        );
        assert!(!out.exists());
    }
}
