//! What is private is nowhere: not in a file, not in a page of a database, not on the wire, not in what is published; and the search
//! that says so finds it where it is.

#![expect(
    clippy::print_stdout,
    reason = "who repeats a run needs its seed, and figures are of use"
)]

use anyhow::{Result, ensure};
use wayhex_endurance::canary::ground::Ground;
use wayhex_endurance::canary::lives::Plan;
use wayhex_endurance::canary::pattern::{Shown, look};
use wayhex_endurance::canary::{Report, once};
use wayhex_endurance::player::Without;

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
        ],
    )?;
    ensure!(!report.to_string().contains("inside the Zone"));
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
