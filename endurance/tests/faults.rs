//! A phone's disk that is full, read-only or slow: real file systems, and the same store goes on when they are well again.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;
use wayhex_endurance::disk::Disk;
use wayhex_endurance::drive::Course;
use wayhex_endurance::folders;
use wayhex_endurance::phone::{FAILPOINT, Phone, Task};
use wayhex_endurance::player::PENDING;
use wayhex_endurance::server::{Server, Start};

/// Set where no test may be skipped.
const NO_SKIP: &str = "WAYHEX_NO_SKIP";
/// KiB of a disk on which everything has room.
const LARGE_KIB: u64 = 65_536;

/// A phone with its store on a disk of its own, a drive and a server.
struct Bench {
    folder: TempDir,
    phone: Phone,
    server: Server,
}

/// What a life came to.
#[derive(Debug)]
struct Life {
    code: i32,
    report: Value,
    complaint: String,
}

impl Bench {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let now_ms = u64::try_from(now_ms)?;
        let course = Course {
            seed: 5,
            frames: 64,
            sides: (320, 240),
            grain_px: 4,
            began_ms: now_ms - 86_400_000,
            is_flawed: false,
            is_standing: false,
        };
        course.record(&folder.path().join("drive"))?;
        fs::create_dir(folder.path().join("disk"))?;
        let recovery = [("POLICY__FRESHNESS_RECOVERY_S", "315360000")];
        let mut server = Server::new(&folder.path().join("server"), &recovery)?;
        ensure!(
            server.start(&[])? == Start::Ready,
            "the server does not start"
        );
        let phone = Phone {
            store: folder.path().join("disk/store"),
            seed: 3,
            account: "eip155:1:0x00000000000000000000000000000000000000fa".to_owned(),
            clock_ms: now_ms,
            server_ahead_ms: 0,
            hurry: 50,
            trim_m: 100,
            private_zones: Vec::new(),
            record: None,
        };
        Ok(Self {
            folder,
            phone,
            server,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `None` is said where the system permits no such disk; it fails where no test may be skipped.
    fn disk(&self, size_kib: u64) -> Result<Option<Disk>> {
        match Disk::mount(&self.path("disk"), size_kib)? {
            Ok(disk) => Ok(Some(disk)),
            Err(cause) => {
                ensure!(
                    env::var_os(NO_SKIP).is_none(),
                    "no disk of its own here ({cause})"
                );
                println!("skipped: no disk of its own here ({cause})");
                Ok(None)
            }
        }
    }

    fn replay(&self) -> Task {
        Task::Replay(self.path("drive"))
    }

    fn live(&self, disk: &mut Disk, task: &Task, is_online: bool) -> Result<Life> {
        self.live_with(disk, task, is_online, &[])
    }

    fn live_with(
        &self,
        disk: &mut Disk,
        task: &Task,
        is_online: bool,
        environment: &[(&str, &str)],
    ) -> Result<Life> {
        let url = is_online.then(|| self.server.url());
        let mut command = self.phone.command(task, url.as_deref())?;
        command.envs(environment.iter().copied());
        let (printed, complained) = (self.path("printed"), self.path("complained"));
        let code = disk.run(&command, &printed, &complained)?;
        Ok(Life {
            code,
            report: serde_json::from_slice(&fs::read(printed)?).unwrap_or_default(),
            complaint: fs::read_to_string(complained)?,
        })
    }

    /// The items of a store, in order, and how many of them are pending.
    fn items(store: &Path) -> Result<(Vec<Vec<u8>>, usize)> {
        let copy = tempfile::tempdir()?;
        folders::copy(store, copy.path())?;
        let queue = Connection::open(copy.path().join("queue.sqlite"))?;
        let mut query = queue.prepare("SELECT id, state FROM items ORDER BY place")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        let rows: Vec<(Vec<u8>, String)> = rows.collect::<Result<_, _>>()?;
        let is_pending = |row: &&(Vec<u8>, String)| row.1 == "queued" || row.1 == "sending";
        let pending = rows.iter().filter(is_pending).count();
        Ok((rows.into_iter().map(|(id, _)| id).collect(), pending))
    }

    /// What a phone makes of the drive whose disk is well.
    fn undisturbed(&self, is_online: bool) -> Result<Vec<Vec<u8>>> {
        let phone = Phone {
            store: self.path("undisturbed"),
            ..self.phone.clone()
        };
        let url = is_online.then(|| self.server.url());
        let output = phone.command(&self.replay(), url.as_deref())?.output()?;
        let expected = if is_online { 0 } else { i32::from(PENDING) };
        ensure!(output.status.code() == Some(expected), "{output:?}");
        Ok(Self::items(&phone.store)?.0)
    }
}

impl Life {
    fn errors(&self) -> Vec<&str> {
        let errors = self.report["errors"].as_array();
        let codes = errors
            .into_iter()
            .flatten()
            .filter_map(|it| it["code"].as_str());
        codes.collect()
    }
}

#[test]
fn a_disk_that_fills_up_in_mid_drive_costs_nothing_once_it_has_room() -> Result<()> {
    let bench = Bench::new()?;
    let Some(mut disk) = bench.disk(480)? else {
        return Ok(());
    };
    let store = disk.seen(&bench.phone.store);
    let full = bench.live(&mut disk, &bench.replay(), false)?;
    ensure!(full.errors() == ["storage_full"], "{full:?}");
    let (told, _) = Bench::items(&store)?;
    let expected = bench.undisturbed(false)?;
    ensure!(
        !told.is_empty() && told.len() < expected.len() && expected.starts_with(&told),
        "{} of {} items are there",
        told.len(),
        expected.len()
    );
    // Once more without room: nothing is lost by trying.
    bench.live(&mut disk, &bench.replay(), false)?;
    ensure!(
        Bench::items(&store)?.0.starts_with(&told),
        "an item was lost"
    );
    disk.resize(LARGE_KIB)?;
    let whole = bench.live(&mut disk, &bench.replay(), true)?;
    ensure!(whole.code == 0, "{whole:?}");
    let (items, pending) = Bench::items(&store)?;
    ensure!(
        items == expected,
        "{} items instead of {}",
        items.len(),
        expected.len()
    );
    ensure!(pending == 0, "{pending} items are pending");
    Ok(())
}

#[test]
fn a_phone_whose_disk_is_full_sends_its_way_out() -> Result<()> {
    for free_kib in [256, 64, 0] {
        let bench = Bench::new()?;
        let Some(mut disk) = bench.disk(LARGE_KIB)? else {
            return Ok(());
        };
        let store = disk.seen(&bench.phone.store);
        bench.live(&mut disk, &bench.replay(), false)?;
        let (queued, pending) = Bench::items(&store)?;
        ensure!(pending > 20, "{pending} items wait");
        disk.fill_but(free_kib)?;
        let sent = bench.live(&mut disk, &Task::Deliver, true)?;
        let (items, pending) = Bench::items(&store)?;
        ensure!(items == queued, "with {free_kib} KiB free an item was lost");
        ensure!(
            sent.code == 0 && pending == 0,
            "with {free_kib} KiB free {pending} of {} items are pending: {sent:?}",
            items.len()
        );
        let room = fs::metadata(store.join("queue.sqlite"))?.len();
        ensure!(room < 512 * 1_024, "the queue still takes {room} bytes");
    }
    Ok(())
}

#[test]
fn a_disk_that_fills_up_in_mid_upload_loses_nothing() -> Result<()> {
    let bench = Bench::new()?;
    let Some(mut disk) = bench.disk(LARGE_KIB)? else {
        return Ok(());
    };
    let store = disk.seen(&bench.phone.store);
    bench.live(&mut disk, &bench.replay(), false)?;
    let (queued, _) = Bench::items(&store)?;
    // The server has it all and the receipts have come, but they are not taken in when the process ends; then no room is left.
    let order = [(FAILPOINT, "device.queue.settle.commit")];
    bench.live_with(&mut disk, &Task::Deliver, true, &order)?;
    let frozen = folders::files(&store.join("uploads"))?.len();
    ensure!(frozen == 1, "{frozen} uploads are frozen");
    disk.fill_but(0)?;
    let full = bench.live(&mut disk, &Task::Deliver, true)?;
    let (items, _) = Bench::items(&store)?;
    ensure!(items == queued, "an item was lost: {full:?}");
    disk.unfill()?;
    let sent = bench.live(&mut disk, &Task::Deliver, true)?;
    let (items, pending) = Bench::items(&store)?;
    ensure!(
        sent.code == 0 && items == queued && pending == 0,
        "{sent:?}"
    );
    Ok(())
}

#[test]
fn a_disk_that_cannot_be_written_is_told_and_left_as_it_is() -> Result<()> {
    let bench = Bench::new()?;
    let Some(mut disk) = bench.disk(LARGE_KIB)? else {
        return Ok(());
    };
    let store = disk.seen(&bench.phone.store);
    bench.live(&mut disk, &bench.replay(), false)?;
    let bytes = || -> Result<Vec<Vec<u8>>> {
        let files = folders::files(&store)?;
        files
            .iter()
            .map(|file| fs::read(file).context("a file of the store"))
            .collect()
    };
    let before = bytes()?;
    disk.set_read_only(true)?;
    for task in [bench.replay(), Task::Deliver] {
        let life = bench.live(&mut disk, &task, true)?;
        ensure!(life.code == 1, "{life:?}");
        let complaint = life.complaint.to_lowercase();
        ensure!(
            complaint.contains("read-only") || complaint.contains("readonly"),
            "{life:?}"
        );
        ensure!(!complaint.contains("panicked"), "{life:?}");
    }
    ensure!(bytes()? == before, "the store has changed");
    disk.set_read_only(false)?;
    let sent = bench.live(&mut disk, &Task::Deliver, true)?;
    ensure!(sent.code == 0, "{sent:?}");
    Ok(())
}

#[test]
fn a_slow_disk_is_slow_and_nothing_else() -> Result<()> {
    let bench = Bench::new()?;
    let mut command = bench
        .phone
        .command(&bench.replay(), Some(&bench.server.url()))?;
    command.env(FAILPOINT, "*=sleep:20");
    let output = command.output()?;
    ensure!(output.status.success(), "{output:?}");
    let (items, pending) = Bench::items(&bench.phone.store)?;
    ensure!(items == bench.undisturbed(true)?, "the items are others");
    ensure!(pending == 0, "{pending} items are pending");
    Ok(())
}
