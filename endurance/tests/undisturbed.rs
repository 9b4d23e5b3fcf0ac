//! A run that nobody disturbs, twice: what is compared is equal, and the laws hold.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use wayhex_endurance::drive::Course;
use wayhex_endurance::folders;
use wayhex_endurance::outcome::{Likeness, Outcome, check};
use wayhex_endurance::phone::{Phone, Task};
use wayhex_endurance::server::{Server, Start};

/// What the phone's clock is behind.
const HOUR_MS: u64 = 3_600_000;

#[test]
fn two_undisturbed_runs_leave_the_same() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let drive = folder.path().join("drive");
    let course = Course {
        seed: 1,
        frames: 64,
        sides: (320, 240),
        grain_px: 8,
        began_ms: now_ms()? - 86_400_000,
        is_flawed: true,
    };
    course.record(&drive)?;
    let prepared = folder.path().join("prepared");
    let mut server = Server::new(&prepared, &[])?;
    ensure!(server.start(&[])? == Start::Ready);
    server.kill()?;
    let clock_ms = now_ms()?;
    let one = run(&folder.path().join("one"), &prepared, &drive, clock_ms)?;
    let other = run(&folder.path().join("other"), &prepared, &drive, clock_ms)?;
    ensure!(
        one == other,
        "{}",
        one.difference(&other).unwrap_or_default()
    );
    Ok(())
}

fn run(folder: &Path, prepared: &Path, drive: &Path, clock_ms: u64) -> Result<Outcome> {
    folders::copy(prepared, &folder.join("server"))?;
    let mut server = Server::new(&folder.join("server"), &[])?;
    ensure!(server.start(&[])? == Start::Ready);
    let phone = Phone {
        store: folder.join("phone"),
        seed: 7,
        account: "eip155:1:0x00000000000000000000000000000000000000aa".to_owned(),
        clock_ms: clock_ms - HOUR_MS,
        server_ahead_ms: HOUR_MS.cast_signed(),
        hurry: 20,
        trim_m: 100,
        private_zones: vec!["47.373,8.1244,100".to_owned()],
    };
    let output = phone
        .command(&Task::Replay(drive.to_owned()), Some(&server.url()))?
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(server.close_epoch(1, &[])?.status()?.success());
    server.kill()?;
    let checked = check(&[&phone.store], &server)?;
    ensure!(checked.accepted > 0 && checked.paid_micros > 0);
    let outcome = Outcome::read(&[&phone.store], &server.store(), Likeness::Bytes)?;
    Ok(outcome)
}

fn now_ms() -> Result<u64> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    u64::try_from(since.as_millis()).context("a time")
}
