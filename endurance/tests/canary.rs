//! What is private is nowhere: not in a file, not in a page of a database, not on the wire, not in what is published; and the search
//! that says so finds it where it is.

#![expect(
    clippy::print_stdout,
    reason = "who repeats a run needs its seed, and figures are of use"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, ensure};
use rusqlite::Connection;
use wayhex_endurance::canary::figures::Finding;
use wayhex_endurance::canary::ground::Ground;
use wayhex_endurance::canary::lives::Plan;
use wayhex_endurance::canary::pattern::{Shown, look};
use wayhex_endurance::canary::private::Private;
use wayhex_endurance::canary::search::Search;
use wayhex_endurance::canary::shared::search_new;
use wayhex_endurance::canary::times::Axis;
use wayhex_endurance::canary::{Report, once};
use wayhex_endurance::player::Without;
use wayhex_protocol::cells::cell_at;

/// What this test's chance is drawn from: `WAYHEX_SEED`, or the time.
fn seed() -> u64 {
    let given = std::env::var("WAYHEX_SEED")
        .ok()
        .and_then(|it| it.parse().ok());
    given.unwrap_or_else(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    })
}

#[test]
fn what_is_private_is_in_nothing_that_is_written_or_sent() -> Result<()> {
    let seed = seed();
    let report = once(Plan {
        seed,
        kills: 6,
        films: true,
        without: None,
    })?;
    println!("seed {seed}\n{report}");
    ensure!(
        report.ended.phones + report.ended.at_failpoints > 0,
        "nothing was killed"
    );
    ensure!(report.findings.is_empty(), "seed {seed}\n{report}");
    Ok(())
}

fn found_without(what: Without, expected: &[&str]) -> Result<Report> {
    let report = once(Plan::without(seed(), what))?;
    println!(
        "without {}: searched {}, found {}",
        what.name(),
        report.figures,
        report.figures.findings
    );
    for kind in expected {
        ensure!(
            report.findings.iter().any(|(_, it)| it.what.contains(kind)),
            "without {} no {kind} is found\n{report}",
            what.name()
        );
    }
    Ok(report)
}

#[test]
fn without_redaction_the_pattern_is_found() -> Result<()> {
    found_without(Without::Redaction, &["canary in a picture"])?;
    Ok(())
}

#[test]
fn without_the_zone_its_places_are_found() -> Result<()> {
    let report = found_without(
        Without::Zones,
        &[
            "in an observation",
            "inside the Zone",
            "name of a private frame",
            "private cell",
            "by the trip",
        ],
    )?;
    ensure!(!report.to_string().contains("inside the Start"));
    Ok(())
}

#[test]
fn without_trimming_the_ends_are_found() -> Result<()> {
    let report = found_without(
        Without::Trim,
        &[
            "inside the Start",
            "name of a private frame",
            "time of a private frame",
            "by the trip",
        ],
    )?;
    ensure!(!report.to_string().contains("inside the Zone"));
    Ok(())
}

/// A time axis of which frame 40 is at 1 795 000 040 123 ms, in the zone.
const AXIS: Axis = Axis::exact("a clock", 1_795_000_000_123);

/// The time of frame 40 in all that is written for people.
fn plant_times(folder: &Path) -> Result<()> {
    for (name, text) in [
        ("with-t", "at 2026-11-18T11:07:20.123456Z"),
        ("with-space", "at 2026-11-18 11:07:20+00:00"),
        ("exif", "2026:11:18 11:07:20\0"),
        ("seconds", "since 1795000040 s"),
        ("fraction", "since 1795000040.123 s"),
        ("nanoseconds", "at_ns=1795000040123456789"),
        ("coarse", "alive at 1795000040000"),
    ] {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}

/// What is planted, and what it has to be found as.
fn plants(ground: &Ground, folder: &Path) -> Result<Vec<(&'static str, &'static str)>> {
    // The frame that the zone lies at, and one in the trimmed end.
    let (frame, other) = (40, 75);
    let place = ground.fixes()[2 * frame];
    let end = ground.fixes()[2 * other];
    let ms = AXIS.began_ms + 1_000 * u64::try_from(frame)?;
    let cell = cell_at(place);
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes);
    write(
        "log",
        format!("at {ms} in {}", ground.name(frame)).as_bytes(),
    )?;
    write(
        "json",
        format!("[{:.5}, {:.5}]", end.lon_deg(), end.lat_deg()).as_bytes(),
    )?;
    write("debug", format!("at {place:?}").as_bytes())?;
    let turned = format!("{{\"lon\":{},\"lat\":{}}}", end.lon_e7(), end.lat_e7());
    write("turned", turned.as_bytes())?;
    write("hex", format!("cell={:X}", cell.index()).as_bytes())?;
    write("decimal", format!("cell={}", cell.index()).as_bytes())?;
    write("zone", format!("zone {}", ground.zone()).as_bytes())?;
    let memory = [
        place.lat_e7().to_le_bytes(),
        [7; 4],
        place.lon_e7().to_le_bytes(),
    ];
    write("memory", &memory.concat())?;
    write(
        "double",
        &[&b"x"[..], &end.lon_deg().to_le_bytes()].concat(),
    )?;
    write("clock", &[&b"xyz"[..], &ms.to_le_bytes()].concat())?;
    write("cell", &[&b"xyz"[..], &cell.index().to_be_bytes()].concat())?;
    write(
        "film",
        &[&b"some bytes"[..], &ground.picture(frame)?, b"more"].concat(),
    )?;
    let raw = ground.seen_again().picture(3)?;
    write("piece", &raw[raw.len() / 2..][..1_024])?;
    let mut pixels = image::load_from_memory(&raw)?.into_rgb8().into_raw();
    write("rgb", &pixels)?;
    pixels.reverse();
    write("bgr", &pixels)?;
    plant_times(folder)?;
    write(&format!("{}.json", ground.name(other)), b"{}")?;
    let database = Connection::open(folder.join("database"))?;
    database.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA secure_delete = OFF;
         CREATE TABLE t (number INTEGER PRIMARY KEY, lat INTEGER, picture BLOB, lon INTEGER, ms REAL);",
    )?;
    let row = (
        place.lat_e7(),
        ground.picture(other)?,
        i64::try_from(ms + 300)?,
    );
    database.execute("INSERT INTO t (lat, picture, lon) VALUES (?1, ?2, ?3)", row)?;
    database.execute("DELETE FROM t", [])?;
    // Its log stays as a process leaves it that is killed.
    std::mem::forget(database);
    Ok(vec![
        ("log", "as text: a time"),
        ("log", "name of a private frame"),
        ("json", "inside the End"),
        ("debug", "as whole numbers in text: a place"),
        ("turned", "inside the End"),
        ("piece", "a piece of the raw picture of frame 3"),
        ("rgb", "decoded pixels"),
        ("bgr", "decoded pixels"),
        ("with-t", "the second of a private frame as a date"),
        ("with-space", "the second of a private frame as a date"),
        ("exif", "the second of a private frame as a date"),
        ("seconds", "as text: the second of a private frame"),
        ("fraction", "as text: the second of a private frame"),
        ("nanoseconds", "as text: a time"),
        ("coarse", "as text: a time"),
        ("hex", "a private cell as text"),
        ("decimal", "as text: the private cell"),
        ("zone", "inside the Zone"),
        ("memory", "private place in 1e-7 degree"),
        ("double", "as a double"),
        ("clock", "the time of a private frame"),
        ("cell", "a private cell"),
        ("film", "canary in a picture"),
        (".json", "name of a private frame"),
        ("(its log)", "canary in a picture"),
        ("database-wal", "a piece of the raw picture of frame 75"),
        ("(its log)", "as an integer: a time"),
    ])
}

#[test]
fn whatever_is_planted_is_found() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ground = Ground::of(seed());
    let planted = plants(&ground, folder.path())?;
    let private = Private::of(&ground, &[AXIS])?;
    let mut findings = Vec::new();
    // One by one: of what is found often, only the first are listed.
    for entry in std::fs::read_dir(folder.path())? {
        let mut search = Search::of(&private);
        search.file(&entry?.path())?;
        findings.extend(search.done().1);
    }
    for (file, what) in planted {
        let is_it =
            |it: &&Finding| it.file.display().to_string().ends_with(file) && it.what.contains(what);
        ensure!(
            findings.iter().any(|it| is_it(&it)),
            "{what} is not found in {file}: {findings:#?}"
        );
    }
    Ok(())
}

#[test]
fn what_is_public_is_not_taken_for_private() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ground = Ground::of(seed());
    let mut text = String::new();
    for frame in (20..25).chain(60..65) {
        let place = ground.fixes()[2 * frame];
        let ms = AXIS.began_ms + 1_000 * u64::try_from(frame)?;
        let cell = cell_at(place).to_hex();
        writeln!(text, "{} {place:?} {cell} {ms}", ground.name(frame))?;
        writeln!(text, "{} {ms}000000", ms / 1_000)?;
        writeln!(text, "{} {}", place.lat_deg(), place.lon_deg())?;
    }
    std::fs::write(folder.path().join("log"), text)?;
    let private = Private::of(&ground, &[AXIS])?;
    let mut search = Search::of(&private);
    search.folder(folder.path())?;
    let (_, findings) = search.done();
    ensure!(findings.is_empty(), "{findings:#?}");
    Ok(())
}

/// A database with one row of four columns, which is called so, and its log; a time stands in it last.
fn noted(folder: &Path, table: &str, plan: &str, ms: i64) -> Result<Vec<Finding>> {
    let database = Connection::open(folder.join(table))?;
    database.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
         CREATE TABLE {table} (session BLOB PRIMARY KEY, drive BLOB, plan TEXT, summary TEXT, alive_ms INTEGER);"
    ))?;
    let insert = format!("INSERT INTO {table} (session, plan, alive_ms) VALUES (?1, ?2, ?3)");
    database.execute(&insert, ([7_u8; 16], plan, ms))?;
    let ground = Ground::of(seed());
    // All frames are at full ten seconds of this axis once in ten.
    let private = Private::of(&ground, &[Axis::exact("a clock", 1_795_000_000_000)])?;
    let mut search = Search::of(&private);
    search.file(&folder.join(table))?;
    search.file(&folder.join(format!("{table}-wal")))?;
    Ok(search.done().1)
}

#[test]
fn a_time_to_ten_seconds_is_private_but_where_a_trip_was_last_under_way() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let found = noted(folder.path(), "sessions", "{}", 1_795_000_040_000)?;
    ensure!(found.is_empty(), "{found:#?}");
    for (table, plan, ms) in [
        ("others", "text", 1_795_000_040_000),
        ("exact", "{}", 1_795_000_041_000),
    ] {
        let found = noted(folder.path(), table, plan, ms)?;
        for what in ["as an integer: a time", "the time of a private frame"] {
            ensure!(
                found.iter().any(|it| it.what.contains(what)),
                "{what} is not found in {table}: {found:#?}"
            );
        }
    }
    Ok(())
}

#[test]
fn what_comes_to_the_shared_memory_is_searched_but_what_others_keep_there_or_took_away()
-> Result<()> {
    let folder = tempfile::tempdir()?;
    let ground = Ground::of(seed());
    let private = Private::of(&ground, &[AXIS])?;
    let old = folder.path().join("old");
    for path in [
        &old,
        &folder.path().join("wayhex-fuzz-1"),
        &folder.path().join("new"),
    ] {
        std::fs::write(path, ground.name(40))?;
    }
    // A name behind which there is nothing any more.
    std::os::unix::fs::symlink(folder.path().join("gone"), folder.path().join("went"))?;
    let mut search = Search::of(&private);
    search_new(folder.path(), &BTreeSet::from([old]), &mut search)?;
    let (figures, findings) = search.done();
    ensure!(
        figures.files == 1 && findings.iter().all(|it| it.file.ends_with("new")),
        "{findings:#?}"
    );
    ensure!(!findings.is_empty(), "nothing is found");
    Ok(())
}

#[test]
fn the_pattern_is_found_in_raw_pictures_and_in_smaller_copies() -> Result<()> {
    for frame in [0, 17, 63] {
        let raw = Ground::of(seed()).picture(frame)?;
        let picture = image::load_from_memory(&raw)?;
        for divisor in [1, 2, 4] {
            let (width, height) = (picture.width() / divisor, picture.height() / divisor);
            let smaller =
                picture.resize_exact(width, height, image::imageops::FilterType::Triangle);
            let shown = look(smaller.to_rgb8().as_raw(), usize::try_from(width)?);
            ensure!(
                shown == Shown::Canary,
                "frame {frame} by {divisor}: {shown:?}"
            );
        }
        let grey = picture.to_luma8();
        let grey = image::DynamicImage::ImageLuma8(grey).to_rgb8();
        let shown = look(grey.as_raw(), usize::try_from(grey.width())?);
        ensure!(shown == Shown::Nothing, "{shown:?}");
    }
    Ok(())
}
