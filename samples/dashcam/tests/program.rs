//! The built program: its exit codes, and what stands on its two outputs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wayhex_device::ports::StoragePath;
use wayhex_device::queue::Queue;
use wayhex_protocol::id::NetworkId;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/centerface.onnx");

struct Run {
    folder: tempfile::TempDir,
}

impl Run {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    fn beside(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        path
    }

    fn dashcam(&self, drive: &Path, more: &[&str]) -> Output {
        let models = Path::new(MODEL).parent().expect("a folder");
        Command::new(env!("CARGO_BIN_EXE_dashcam"))
            .arg("--replay")
            .arg(drive)
            .arg("--store")
            .arg(self.folder.path().join("store"))
            .arg("--models")
            .arg(models)
            .args(more)
            .output()
            .expect("the program starts")
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn wrong_usage_ends_with_2_and_names_the_option() {
    let run = Run::new();
    let drive = run.beside("drive");
    for (more, named) in [
        (&["--offline", "--trim-m", "50"][..], "--trim-m"),
        (&["--offline", "--private-zone", "1,2,3"], "--private-zone"),
        (&["--offline", "--account", "me"], "--account"),
        (&["--offline", "--network-id", "No"], "--network-id"),
        (&["--server", "ftp://x"], "--server"),
        (
            &["--server", "http://x", "--server-key", "12"],
            "--server-key",
        ),
        (&[], "--server"),
    ] {
        let output = run.dashcam(&drive, more);
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(stderr(&output).contains(named), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_missing_a_cut_and_a_swapped_model_end_with_3_and_name_the_command_that_fetches_it() {
    let run = Run::new();
    let (drive, models) = (run.beside("drive"), run.beside("models"));
    let file = models.join("centerface.onnx");
    let models = models.to_str().expect("a path in UTF-8").to_owned();
    for content in [None, Some(&b"cut short"[..]), Some(&[0; 100])] {
        if let Some(content) = content {
            std::fs::write(&file, content).expect("a file");
        }
        let output = Command::new(env!("CARGO_BIN_EXE_dashcam"))
            .args(["--offline", "--models", &models, "--replay"])
            .arg(&drive)
            .arg("--store")
            .arg(run.folder.path().join("store"))
            .output()
            .expect("the program starts");
        assert_eq!(output.status.code(), Some(3));
        assert!(
            stderr(&output).contains("cargo xtask models"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_drive_without_a_usable_frame_ends_with_4_and_prints_the_report_all_the_same() {
    if !Path::new(MODEL).exists() {
        println!("skipped: no model; `cargo xtask models` fetches it");
        return;
    }
    let run = Run::new();
    let (empty, broken) = (run.beside("empty"), run.beside("broken"));
    std::fs::write(broken.join("a.jpg"), b"no picture").expect("a file");
    std::fs::write(
        broken.join("a.json"),
        br#"{"time":1700000000000,"lat":47.37,"lon":8.54}"#,
    )
    .expect("a file");
    for (drive, code, seen) in [(empty, "drive_unreadable", 0), (broken, "nothing_kept", 1)] {
        let output = run.dashcam(&drive, &["--offline", "--json", "--trim-m", "0"]);
        assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
        let report: serde_json::Value =
            serde_json::from_slice(&output.stdout).expect("one JSON object");
        assert_eq!(report["errors"][0]["code"], code);
        assert_eq!(report["frames"]["seen"], seen);
        assert_eq!(report["schema"], "wayhex.session/1");
    }
}

#[test]
fn a_store_that_is_in_use_or_another_networks_ends_with_2_and_says_which() {
    if !Path::new(MODEL).exists() {
        println!("skipped: no model; `cargo xtask models` fetches it");
        return;
    }
    let run = Run::new();
    let drive = run.beside("empty");
    let store = StoragePath::create(&run.folder.path().join("store")).expect("a store");
    let mut queue = Queue::open(&store).expect("a queue");
    let network = NetworkId::parse("wayhex-one").expect("a network");
    queue.bind(&network).expect("a queue that is bound");
    let output = run.dashcam(&drive, &["--offline"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("in use by another process"));
    drop(queue);
    let output = run.dashcam(&drive, &["--offline", "--network-id", "wayhex-two"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    for network in ["wayhex-one", "wayhex-two"] {
        assert!(stderr(&output).contains(network), "{}", stderr(&output));
    }
}
