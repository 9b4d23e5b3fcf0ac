//! The built program on real disks that are full or read-only: small file systems in memory, mounted for the program alone.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::codecs::jpeg::JpegEncoder;
use serde_json::Value;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
/// Set where no test may be skipped.
const NO_SKIP: &str = "WAYHEX_NO_SKIP";
/// Frames of the drive; together they take some 2 MB in the queue.
const FRAMES: u32 = 12;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A drive, and a folder to mount a disk on; `None` where the system does not permit mounting or the model is missing.
    fn new() -> Option<Self> {
        if !Path::new(MODELS).join("centerface.onnx").exists() {
            return skipped("no model; `cargo xtask models` fetches it");
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = Self { folder };
        std::fs::create_dir(place.disk()).expect("a folder");
        let mounted = place.sh(r#"mount -t tmpfs -o size=1m none "$DISK""#);
        if !mounted.status.success() {
            return skipped("the system does not permit mounting a file system of one's own");
        }
        record(&place.folder.path().join("drive"));
        Some(place)
    }

    fn disk(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// Runs commands that may mount what they like; `dashcam` plays the drive offline.
    fn sh(&self, commands: &str) -> Output {
        let dashcam = r#"dashcam() { "$DASHCAM" --replay "$DRIVE" --models "$MODELS" --offline --trim-m 0 --json "$@"; }"#;
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg(format!("{dashcam}\n{commands}"))
            .env("DASHCAM", env!("CARGO_BIN_EXE_dashcam"))
            .env("MODELS", MODELS)
            .env("DRIVE", self.folder.path().join("drive"))
            .env("DISK", self.disk())
            .env("BESIDE", self.folder.path().join("beside"))
            .output()
            .expect("a shell starts")
    }
}

/// Fails instead where no test may be skipped.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn skipped(cause: &str) -> Option<Place> {
    assert!(std::env::var_os(NO_SKIP).is_none(), "{cause}");
    println!("skipped: {cause}");
    None
}

/// Frames of noise 10 m apart: nothing in them makes them small.
fn record(folder: &Path) {
    std::fs::create_dir(folder).expect("a folder");
    let (width, height) = (640, 360);
    let mut state = 1_u32;
    for i in 0..FRAMES {
        let pixels: Vec<u8> = (0..width * height * 3)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                40 + (state >> 24).to_le_bytes()[0] / 2
            })
            .collect();
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 90)
            .encode(&pixels, width, height, image::ExtendedColorType::Rgb8)
            .expect("a JPEG");
        let (time_ms, lat) = (
            1_780_000_000_000 + u64::from(i) * 1_000,
            47.37 + 0.000_09 * f64::from(i),
        );
        let json = format!(r#"{{"time":{time_ms},"lat":{lat:.7},"lon":8.1234}}"#);
        std::fs::write(folder.join(format!("{i:04}.jpg")), jpeg).expect("a file");
        std::fs::write(folder.join(format!("{i:04}.json")), json).expect("a file");
    }
}

/// Each run's report, and the lines on stderr.
fn reports(output: &Output) -> (Vec<Value>, String) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let reports = stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
        .collect();
    (
        reports,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn a_disk_that_fills_up_ends_with_6_and_the_drive_goes_on_when_there_is_room() {
    let Some(place) = Place::new() else { return };
    let output = place.sh(r#"mount -t tmpfs -o size=1m none "$DISK"
        dashcam --store "$DISK/store"; echo "first $?" >&2
        mount -o remount,size=64m "$DISK"
        dashcam --store "$DISK/store"; echo "second $?" >&2"#);
    let (reports, said) = reports(&output);
    assert!(
        said.contains("first 6") && said.contains("second 0"),
        "{said}"
    );
    assert!(
        said.contains("storage_full") && said.contains("full"),
        "{said}"
    );
    assert_eq!(reports[0]["errors"][0]["code"], "storage_full");
    let queued = reports[0]["queue"]["pending"].as_u64().expect("a number");
    assert!(
        (1..u64::from(FRAMES)).contains(&queued),
        "what fitted stays: {queued}"
    );
    assert_eq!(reports[1]["queue"]["pending"], FRAMES);
    assert_eq!(reports[1]["errors"], Value::Array(Vec::new()));
}

#[test]
fn a_disk_without_any_room_ends_with_6_and_says_so() {
    let Some(place) = Place::new() else { return };
    for size in ["4k", "32k"] {
        let output = place.sh(&format!(
            r#"mount -t tmpfs -o size={size} none "$DISK"; dashcam --store "$DISK/store""#
        ));
        let (_, said) = reports(&output);
        assert_eq!(output.status.code(), Some(6), "{size}: {said}");
        assert!(said.contains("full") || said.contains("No space"), "{said}");
    }
}

#[test]
fn a_read_only_disk_ends_with_6_and_says_so() {
    let Some(place) = Place::new() else { return };
    let output = place.sh(r#"mount -t tmpfs -o ro none "$DISK"
        dashcam --store "$DISK/store"; echo "missing $?" >&2
        mount -o remount,rw "$DISK"
        dashcam --store "$DISK/store" >"$DISK/report"; echo "made $?" >&2
        mount -o remount,ro "$DISK"
        dashcam --store "$DISK/store"; echo "there $?" >&2"#);
    let (_, said) = reports(&output);
    for line in ["missing 6", "made 0", "there 6"] {
        assert!(said.contains(line), "{said}");
    }
    assert!(said.to_lowercase().contains("read-only"), "{said}");
}

#[test]
fn a_recording_that_does_not_fit_ends_with_6_and_goes_on_when_there_is_room() {
    let Some(place) = Place::new() else { return };
    let output = place.sh(r#"mount -t tmpfs -o size=1m none "$DISK"
        dashcam --store "$BESIDE/store" --record "$DISK/recording"; echo "first $?" >&2
        mount -o remount,size=64m "$DISK"
        dashcam --store "$BESIDE/store" --record "$DISK/recording"; echo "second $?" >&2
        dashcam --store "$BESIDE/undisturbed" --record "$DISK/undisturbed"; echo "third $?" >&2
        diff -r "$DISK/recording" "$DISK/undisturbed" && echo "the same" >&2"#);
    let (reports, said) = reports(&output);
    for line in ["first 6", "second 0", "third 0", "the same"] {
        assert!(said.contains(line), "{said}");
    }
    assert_eq!(reports[0]["errors"][0]["code"], "storage_full");
    assert_eq!(reports[1]["queue"]["pending"], FRAMES);
}
