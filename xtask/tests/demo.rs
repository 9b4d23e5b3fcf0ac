//! The demo as a stranger runs it: the real programs, a real server, and a summary whose sums are added up again here.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a broken premise ends the test, and what is skipped is said"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// What is fetched and rendered on first use is kept for all; one test at a time fetches.
static FETCHING: Mutex<()> = Mutex::new(());

const EXIT_OK: i32 = 0;
const EXIT_DRIVE: i32 = 4;

struct Demo {
    exit: i32,
    summary: Value,
}

/// Plays a drive once; standard output must hold exactly one object.
fn demo(arguments: &[&str]) -> Demo {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["demo", "--once", "--json"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}: {}\n{said}",
            String::from_utf8_lossy(&output.stdout)
        )
    });
    adds_up(&summary);
    Demo {
        exit: output.status.code().unwrap(),
        summary,
    }
}

fn recordings() -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.is_dir() {
        println!("skipped: the recordings beside the repository are absent");
        return None;
    }
    Some(data)
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn micros(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

fn total(counts: &Value) -> u64 {
    counts.as_object().unwrap().values().map(count).sum()
}

/// The identities that the summary promises.
fn adds_up(summary: &Value) {
    let (frames, queue, epoch) = (&summary["frames"], &summary["queue"], &summary["epoch"]);
    let items = summary["items"].as_array().unwrap();
    assert_eq!(
        count(&frames["seen"]),
        count(&frames["queued"]) + total(&frames["dropped"])
    );
    assert_eq!(count(&frames["seen"]), items.len() as u64);
    let states = ["accepted", "refused", "evicted", "pending"];
    assert_eq!(
        count(&frames["queued"]),
        states
            .iter()
            .map(|state| count(&queue[*state]))
            .sum::<u64>()
    );
    for state in states {
        let of_it = items.iter().filter(|item| item["state"] == state).count();
        assert_eq!(count(&queue[state]), of_it as u64, "items that are {state}");
    }
    let receipts = &summary["receipts"];
    let verdicts = count(&summary["verdicts"]["accepted"]) + total(&summary["verdicts"]["refused"]);
    assert_eq!(
        (count(&receipts["verified"]), count(&receipts["received"])),
        (verdicts, verdicts)
    );
    assert_eq!(count(&queue["accepted"]), count(&epoch["observations"]));
    assert_eq!(
        micros(&epoch["paid"]) + micros(&epoch["treasury"]),
        micros(&epoch["pool"])
    );
    let points: u64 = summary["rewards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reward| micros(&reward["points"]))
        .sum();
    assert_eq!(points, micros(&epoch["paid"]));
    assert_eq!(summary["audit"]["root_recomputed"], epoch["root"]);
    let is_ok = summary["audit"]["match"] == true
        && queue["pending"] == 0
        && summary["errors"] == Value::Array(vec![]);
    assert_eq!(summary["ok"], is_ok);
    for hidden in items
        .iter()
        .filter(|item| item["reason"] == "private_zone" || item["reason"] == "trip_trimmed")
    {
        assert!(
            hidden["source"].as_str().unwrap().parse::<u64>().is_ok()
                && hidden["time_ms"].is_null()
        );
        assert_eq!(hidden["cells"], Value::Array(vec![]));
    }
}

fn cells_of(items: &Value) -> BTreeSet<&str> {
    let accepted = items
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["state"] == "accepted");
    accepted
        .flat_map(|item| item["cells"].as_array().unwrap())
        .map(|cell| cell.as_str().unwrap())
        .collect()
}

#[test]
fn a_rendered_drive_becomes_coverage_and_rewards_with_its_faces_covered() {
    let _fetching = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let Demo { exit, summary } = demo(&[]);
    assert_eq!(exit, EXIT_OK, "{}", summary["errors"]);
    assert_eq!(summary["drive"]["source"], "rendered");
    assert!(count(&summary["drive"]["metres"]) >= 2_000);
    assert!(count(&summary["privacy"]["faces"]) >= 20);
    let dropped = &summary["frames"]["dropped"];
    assert!(
        count(&dropped["standing_still"]) >= 250,
        "the phone stands for 30 s at 10 Hz"
    );
    for reason in ["too_close", "gnss_gap", "private_zone", "trip_trimmed"] {
        assert!(
            dropped[reason].as_u64().is_some_and(|number| number > 0),
            "{reason} in {dropped}"
        );
    }
    assert!(count(&summary["queue"]["accepted"]) >= 60);
    assert!(micros(&summary["epoch"]["paid"]) > 0);
    let shown: BTreeSet<&str> = summary["coverage"]["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| cell.as_str().unwrap())
        .collect();
    assert_eq!(
        shown,
        cells_of(&summary["items"]),
        "the map shows the cells of the accepted items and no others"
    );
    the_phone_knew_the_payout(&summary);
    map_consumer_draws(&summary);
}

/// The live estimate on the phone is the payout: the account is alone in its cells.
fn the_phone_knew_the_payout(summary: &Value) {
    let folder = Path::new(summary["server"]["store"].as_str().unwrap())
        .parent()
        .unwrap();
    let report: Value =
        serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap();
    assert_eq!(
        report["estimate"]["points"],
        summary["rewards"][0]["points"]
    );
    assert_eq!(
        report["estimate"]["score_micros"],
        summary["rewards"][0]["score_micros"]
    );
}

/// Serves the demo's store once more, and has the sample program draw what the server shows.
fn map_consumer_draws(summary: &Value) {
    let store = Path::new(summary["server"]["store"].as_str().unwrap());
    let folder = store.parent().unwrap();
    let (ready, map) = (folder.join("ready-again.json"), folder.join("map.svg"));
    let programs = Path::new(env!("CARGO_BIN_EXE_xtask")).parent().unwrap();
    let mut server = Command::new(programs.join("wayhex-server"))
        .args(["serve", "--config"])
        .arg(folder.join("server.toml"))
        .arg("--ready-file")
        .arg(&ready)
        .spawn()
        .unwrap();
    let url = (0..500).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let answer: Value = serde_json::from_slice(&std::fs::read(&ready).ok()?).ok()?;
        Some(answer["url"].as_str()?.to_owned())
    });
    let drawn = url.map(|url| {
        let mut consumer = Command::new(programs.join("map-consumer"));
        consumer
            .args(["--server", &url, "--bbox=7.3,46.8,7.6,47.1", "--out"])
            .arg(&map)
            .status()
    });
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(drawn.unwrap().unwrap().success());
    let hexagons = std::fs::read_to_string(&map)
        .unwrap()
        .matches("<polygon class=\"h\"")
        .count();
    assert!(
        hexagons >= summary["coverage"]["cells"].as_array().unwrap().len(),
        "{hexagons} hexagons in {}",
        map.display()
    );
}

#[test]
fn drive_sf_without_trimming_is_accepted_whole() {
    let Some(data) = recordings() else { return };
    let Demo { exit, summary } = demo(&[
        "--trim-m",
        "0",
        "--drive",
        data.join("drive-sf").to_str().unwrap(),
    ]);
    assert_eq!(exit, EXIT_OK, "{}", summary["errors"]);
    assert_eq!(summary["drive"]["trim_m"], 0);
    assert_eq!(count(&summary["frames"]["seen"]), 70);
    let dropped = &summary["frames"]["dropped"];
    assert_eq!(count(&dropped["too_close"]), 1, "69 of 70 pass the spacing");
    let by_quality = ["blurred", "bad_exposure"]
        .iter()
        .filter_map(|reason| dropped[*reason].as_u64())
        .sum::<u64>();
    assert_eq!(count(&summary["queue"]["accepted"]) + by_quality, 69);
    let shown = summary["coverage"]["cells"].as_array().unwrap();
    assert_eq!(shown.len(), cells_of(&summary["items"]).len());
}

#[test]
fn drive_sf_with_the_default_trimming_leaves_nothing_and_says_so() {
    let Some(data) = recordings() else { return };
    let Demo { exit, summary } = demo(&["--drive", data.join("drive-sf").to_str().unwrap()]);
    assert_eq!(exit, EXIT_DRIVE);
    assert_eq!(summary["ok"], false);
    assert_eq!(count(&summary["frames"]["queued"]), 0);
    assert_ne!(summary["errors"], Value::Array(vec![]));
}

#[test]
fn the_fixes_of_drive_101_are_joined_with_rendered_pictures() {
    let Some(data) = recordings() else { return };
    let _fetching = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let Demo { exit, summary } = demo(&[
        "--trim-m",
        "0",
        "--drive",
        data.join("drive-101").to_str().unwrap(),
    ]);
    assert_eq!(exit, EXIT_OK, "{}", summary["errors"]);
    assert_eq!(summary["drive"]["source"], "csv");
    assert!(
        count(&summary["queue"]["accepted"]) >= 40,
        "60 s at 8 to 13 m/s"
    );
}

#[test]
fn an_empty_drive_is_named_and_nothing_is_paid() {
    let empty = tempfile::tempdir().unwrap();
    let Demo { exit, summary } = demo(&["--drive", empty.path().to_str().unwrap()]);
    assert_eq!(exit, EXIT_DRIVE);
    assert_eq!(micros(&summary["epoch"]["paid"]), 0);
    let error = &summary["errors"][0];
    assert!(
        error["subject"]
            .as_str()
            .unwrap()
            .contains(empty.path().to_str().unwrap()),
        "{error}"
    );
}

#[test]
fn a_command_line_that_cannot_be_acted_on_ends_with_two() {
    for arguments in [
        &["demo", "--no-such-option"][..],
        &["demo", "--trim-m", "many"],
        &["no-such-command"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
}
