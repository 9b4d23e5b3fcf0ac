//! Trips that are happening: what goes on after a kill, what does not, and what is on the disk meanwhile.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use wayhex_device::ports::Clock;
use wayhex_device::privacy::{Trim, TripKind};
use wayhex_device::report::Report;
use wayhex_device::source::Drive;
use wayhex_protocol::position::Position;

use crate::drives::record;
use crate::halts::Locks;
use crate::items::TestClock;
use crate::phone::check_identities;
use crate::ride::{Ends, Leg, Ride, degrees};

/// Two kilometres in a hundred seconds.
const OUT: Leg = (100, 20.0);
/// Three kilometres more.
const ON: Leg = (150, 20.0);

/// The metres of what is told of the way behind `from`, and the last report.
fn told_behind(ride: &Ride, report: &Report, from: f64) -> Vec<f64> {
    let told = ride.told(report).into_iter().map(|(metre, _)| metre);
    told.filter(|metre| *metre > from).collect()
}

/// The trip that begins at `from` was trimmed there, and at its end.
fn assert_trimmed_anew(ride: &Ride, report: &Report, from: f64) {
    let told = told_behind(ride, report, from);
    assert!(
        told.iter()
            .all(|metre| (from + 500.0..=ride.metre - 500.0).contains(metre)),
        "{told:?} of {from} to {}",
        ride.metre
    );
    assert!(!told.is_empty());
    assert_interrupted(report);
}

fn assert_interrupted(report: &Report) {
    let told = report
        .errors
        .iter()
        .filter(|it| it.code == "trip_interrupted");
    assert_eq!(told.count(), 1, "{:?}", report.errors);
    assert!(!report.ok);
}

#[test]
fn a_trip_that_is_killed_goes_on_without_its_start_being_trimmed_again() {
    for minutes in [0, 1, 9] {
        let mut ride = Ride::new();
        ride.film(&[OUT], Ends::Killed);
        ride.unseen(minutes * 60 + 5, 20.0);
        let from = ride.metre;
        let report = ride.film(&[ON], Ends::Orderly).unwrap();
        check_identities(&report);
        assert_interrupted(&report);
        let told = told_behind(&ride, &report, from);
        assert!(
            told.iter()
                .all(|metre| (from + 100.0..=ride.metre - 500.0).contains(metre))
        );
        assert!(told[0] < from + 150.0, "{} of {from}", told[0]);
        let before = told_behind(&ride, &report, 0.0).len() - told.len();
        assert!(
            before >= 45,
            "what was told before is of the same trip: {before}"
        );
    }
}

#[test]
fn a_trip_that_goes_on_counts_its_frames_and_items_on() {
    let mut ride = Ride::new();
    ride.film(&[OUT], Ends::Killed);
    let first = {
        let queue = ride.queue();
        let (trip, alive_ms) = queue.open_trips().unwrap().remove(0);
        assert!(alive_ms.unwrap() <= ride.clock.now_ms());
        queue.frames_settled(trip.session).unwrap()
    };
    ride.unseen(30, 20.0);
    let report = ride.film(&[ON], Ends::Orderly).unwrap();
    assert_eq!(report.drive.frames, first + 150);
    let told = ride.told(&report);
    for (number, (_, observation)) in told.iter().enumerate() {
        assert_eq!(observation.sequence, u64::try_from(number).unwrap());
        assert_eq!(observation.session, told[0].1.session);
    }
    // Frames without a name are told by their index, which none shares with another.
    let mut unnamed: Vec<u64> = report
        .items
        .iter()
        .filter_map(|item| item.source.parse().ok())
        .collect();
    let count = unnamed.len();
    unnamed.dedup();
    assert_eq!(unnamed.len(), count);
    assert!(unnamed.is_sorted());
    assert!(unnamed.iter().any(|index| *index >= first));
}

#[test]
fn a_trip_that_goes_on_bridges_nothing_of_the_gap() {
    let mut ride = Ride::new();
    ride.film(&[OUT], Ends::Killed);
    ride.unseen(20, 20.0);
    let from = ride.metre;
    let report = ride.film(&[ON], Ends::Orderly).unwrap();
    let told = ride.told(&report);
    let (_, first) = told.iter().find(|(metre, _)| *metre > from).unwrap();
    assert_eq!(first.segment.vertices().len(), 1);
}

#[test]
fn eleven_minutes_later_another_trip_begins() {
    let mut ride = Ride::new();
    ride.film(&[OUT], Ends::Killed);
    ride.unseen(11 * 60, 20.0);
    let from = ride.metre;
    let report = ride.film(&[ON], Ends::Orderly).unwrap();
    assert_trimmed_anew(&ride, &report, from);
    assert!(
        ride.queue().open_trips().unwrap().is_empty(),
        "both are closed"
    );
}

#[test]
fn a_trip_that_is_killed_in_its_trimmed_start_is_trimmed_anew() {
    let mut ride = Ride::new();
    ride.film(&[(15, 20.0)], Ends::Killed);
    ride.unseen(30, 20.0);
    let from = ride.metre;
    let report = ride.film(&[ON], Ends::Orderly).unwrap();
    assert_trimmed_anew(&ride, &report, from);
}

#[test]
fn who_starts_slowly_begins_another_trip() {
    let mut ride = Ride::new();
    ride.film(&[OUT], Ends::Killed);
    ride.unseen(60, 20.0);
    let from = ride.metre;
    let report = ride.film(&[(10, 4.0), ON], Ends::Orderly).unwrap();
    assert_trimmed_anew(&ride, &report, from);
}

#[test]
fn a_clock_that_was_set_begins_another_trip() {
    for jump_ms in [-3_600_000_i64, 3_600_000] {
        let mut ride = Ride::new();
        ride.film(&[OUT], Ends::Killed);
        ride.unseen(30, 20.0);
        let jumped_ms = ride.clock.now_ms().saturating_add_signed(jump_ms);
        ride.clock = TestClock::at(jumped_ms);
        let from = ride.metre;
        let report = ride.film(&[ON], Ends::Orderly).unwrap();
        assert_trimmed_anew(&ride, &report, from);
    }
}

#[test]
fn a_phone_that_was_parked_when_it_was_killed_begins_another_trip() {
    let mut ride = Ride::new();
    ride.film(&[OUT, (6, 2.0), (40, 0.0)], Ends::Killed);
    let home = ride.metre;
    let (_, alive_ms) = ride.queue().open_trips().unwrap().remove(0);
    assert_eq!(alive_ms, None, "it is known to rest");
    ride.unseen(20, 0.0);
    let report = ride.film(&[ON], Ends::Orderly).unwrap();
    assert_trimmed_anew(&ride, &report, home);
}

#[test]
fn a_phone_that_was_killed_a_street_before_home_and_parked_there_begins_another_trip() {
    for parked_s in [120, 8 * 60] {
        let mut ride = Ride::new();
        ride.film(&[OUT], Ends::Killed);
        ride.unseen(10, 10.0);
        let home = ride.metre;
        ride.unseen(parked_s, 0.0);
        ride.unseen(3, 10.0);
        let report = ride.film(&[ON], Ends::Orderly).unwrap();
        assert_trimmed_anew(&ride, &report, home);
    }
}

#[test]
fn a_trip_that_is_killed_before_its_first_fixes_decide_can_still_go_on() {
    let mut ride = Ride::new();
    ride.film(&[OUT], Ends::Killed);
    for _again in 0..3 {
        ride.unseen(20, 20.0);
        ride.film(&[(3, 20.0)], Ends::Killed);
    }
    ride.unseen(20, 20.0);
    let from = ride.metre;
    let report = ride.film(&[ON], Ends::Orderly).unwrap();
    assert!(told_behind(&ride, &report, from)[0] < from + 150.0);
}

#[test]
fn other_settings_begin_another_trip() {
    let zone = "47.30,8.1234,100".parse().unwrap();
    let longer = Trim::exact(600, TripKind::Live).unwrap();
    for (zones, trim) in [(vec![zone], None), (Vec::new(), Some(longer))] {
        let mut ride = Ride::new();
        ride.film(&[OUT], Ends::Killed);
        ride.unseen(20, 20.0);
        let from = ride.metre;
        ride.phone.settings.zones = zones;
        ride.phone.settings.trim = trim.unwrap_or(ride.phone.settings.trim);
        let report = ride.film(&[ON], Ends::Orderly).unwrap();
        assert_trimmed_anew(&ride, &report, from);
    }
}

#[test]
fn each_process_draws_the_lengths_of_its_ends_anew() {
    let mut ride = Ride::new();
    ride.phone.settings.trim = Trim::default();
    let mut cut = Vec::new();
    for _process in 0..4 {
        ride.film(&[(100, 20.0)], Ends::Killed);
        let queue = ride.queue();
        let (trip, _) = queue.open_trips().unwrap().remove(0);
        let told = queue.last_observed(trip.session).unwrap().unwrap();
        let (lat, lon) = degrees(ride.metre);
        let here = Position::from_degrees(lat, lon).unwrap();
        cut.push(told.segment.place().distance_m(here));
        drop(queue);
        ride.unseen(5, 20.0);
    }
    assert!(cut.iter().all(|m| (500.0..775.0).contains(m)), "{cut:?}");
    let spread =
        cut.iter().fold(0.0, |a: f64, b| a.max(*b)) - cut.iter().fold(1e9, |a: f64, b| a.min(*b));
    assert!(
        spread > 40.0,
        "one length tells nothing of the next: {cut:?}"
    );
}

#[test]
fn the_next_session_of_whatever_kind_tells_that_a_trip_was_cut_off_and_closes_it() {
    let mut ride = Ride::new();
    ride.film(&[OUT], Ends::Killed);
    ride.unseen(3_600, 0.0);
    ride.phone.now_ms = ride.clock.now_ms();
    ride.phone.settings.trim = Trim::exact(0, TripKind::Recording).unwrap();
    record(&ride.phone.beside("drive"), 3);
    let report = ride.phone.run(&ride.phone.beside("drive"));
    assert_interrupted(&report);
    assert!(report.errors[0].cause.contains("frames are settled"));
    assert!(ride.queue().open_trips().unwrap().is_empty());
    let again = ride.phone.run(&ride.phone.beside("drive"));
    assert_eq!(again.errors, [], "it is told once");
}

#[test]
fn nothing_of_the_way_that_is_held_is_on_the_disk() {
    let mut ride = Ride::new();
    let store = ride.phone.store();
    let mut looks = 0;
    ride.film_watched(&[(150, 20.0)], Ends::Killed, |metre| {
        if metre % 500.0 > 1.0 {
            return;
        }
        looks += 1;
        let written = Traces::in_folder(store.as_path());
        let mut step = 20.0;
        while step <= metre {
            let is_there = written.has(step);
            if metre - step < 500.0 || step < 500.0 {
                assert!(!is_there, "{step} m is on the disk at {metre} m");
            } else if metre - step > 540.0 && step > 520.0 {
                assert!(is_there, "{step} m should be told at {metre} m");
            }
            step += 20.0;
        }
    });
    assert!(looks >= 5);
    // Nor is it after the kill.
    let written = Traces::in_folder(store.as_path());
    assert!((126..=150).all(|second| !written.has(f64::from(second) * 20.0)));
}

/// What frames are known by in a folder's bytes: their names, and their places as they stand in a segment.
struct Traces {
    names: BTreeSet<Vec<u8>>,
    latitudes: BTreeSet<[u8; 4]>,
}

impl Traces {
    fn in_folder(folder: &Path) -> Self {
        let all = everything_in(folder);
        let after = |mark: &'static [u8], count: usize| {
            let starts = all.windows(mark.len() + count);
            starts.filter_map(move |window| window.strip_prefix(mark))
        };
        Self {
            names: after(b"live-", 7).map(<[u8]>::to_vec).collect(),
            // An unsigned integer of four bytes in CBOR.
            latitudes: after(&[0x1a], 4).map(|it| it.try_into().unwrap()).collect(),
        }
    }

    fn has(&self, metre: f64) -> bool {
        let (lat, lon) = degrees(metre);
        let place = Position::from_degrees(lat, lon).unwrap();
        let name = format!("{metre:07.1}").into_bytes();
        self.names.contains(&name) || self.latitudes.contains(&place.lat_e7().to_be_bytes())
    }
}

fn everything_in(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(everything_in(&path));
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

#[test]
fn numbers_are_given_after_privacy_so_that_gaps_tell_nothing() {
    let mut ride = Ride::new();
    let (lat, lon) = degrees(1_500.0);
    ride.phone.settings.zones = vec![format!("{lat},{lon},200").parse().unwrap()];
    let report = ride.film(&[ON], Ends::Orderly).unwrap();
    check_identities(&report);
    assert!(report.frames.dropped["private_zone"] >= 10);
    assert!(report.frames.dropped["trip_trimmed"] >= 45);
    let told = ride.told(&report);
    assert!(told.iter().any(|(metre, _)| *metre < 1_300.0));
    assert!(told.iter().any(|(metre, _)| *metre > 1_700.0));
    let sequences: Vec<u64> = told.iter().map(|(_, it)| it.sequence).collect();
    let expected: Vec<u64> = (0..u64::try_from(told.len()).unwrap()).collect();
    assert_eq!(sequences, expected);
    let session = told[0].1.session;
    let signed = u64::try_from(told.len()).unwrap();
    assert_eq!(
        ride.queue().next_sequence(session).unwrap(),
        signed,
        "nothing else was signed"
    );
}

#[test]
fn a_key_that_is_locked_on_a_trip_costs_the_frames_of_that_time() {
    let mut ride = Ride::new();
    ride.phone.signer = Box::new(Locks::after(40));
    let report = ride.film(&[ON], Ends::Orderly).unwrap();
    check_identities(&report);
    assert_eq!(report.frames.queued, 40);
    assert!(report.frames.dropped["key_unavailable"] > 40);
    assert!(report.errors.iter().any(|it| it.code == "key_unavailable"));
    assert!(
        ride.queue().open_trips().unwrap().is_empty(),
        "it ended in order"
    );
}

#[test]
fn the_recording_of_a_trip_that_goes_on_holds_what_was_queued() {
    let mut ride = Ride::new();
    let recording = ride.phone.beside("recording");
    ride.phone.settings.record = Some(recording.clone());
    ride.film(&[OUT], Ends::Killed);
    ride.unseen(20, 20.0);
    let report = ride.film(&[ON], Ends::Orderly).unwrap();
    let drive = Drive::open(&recording, ride.clock.now_ms()).unwrap();
    assert_eq!(drive.frames(), report.frames.queued);
    assert!(report.frames.queued > 150);
    assert_eq!(
        std::fs::read_dir(&recording).unwrap().count(),
        1 + 2 * usize::try_from(report.frames.queued).unwrap()
    );
}

/// Set for the process that this test starts on a disk of its own.
const ON_A_SMALL_DISK: &str = "WAYHEX_TEST_SMALL_DISK";
/// Set where no test may be skipped.
const NO_SKIP: &str = "WAYHEX_NO_SKIP";

#[test]
fn a_trip_whose_disk_fills_up_ends_in_order_and_says_what_is_gone() {
    if std::env::var_os(ON_A_SMALL_DISK).is_some() {
        return film_on_a_small_disk();
    }
    let folder = tempfile::tempdir().unwrap();
    let on_a_small_disk = |then: &str| {
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg(format!(
                r#"mount -t tmpfs -o size=1m none "$TMPDIR" && {then}"#
            ))
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("trips::a_trip_whose_disk_fills_up_ends_in_order_and_says_what_is_gone")
            .env("TMPDIR", folder.path())
            .env(ON_A_SMALL_DISK, "1")
            .output()
    };
    if !on_a_small_disk("true").is_ok_and(|output| output.status.success()) {
        let cause = "the system does not permit mounting a file system of one's own";
        assert!(std::env::var_os(NO_SKIP).is_none(), "{cause}");
        println!("skipped: {cause}");
        return;
    }
    let output = on_a_small_disk(r#"exec "$0" "$@""#).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn film_on_a_small_disk() {
    let mut ride = Ride::new();
    let report = ride.film(&[ON], Ends::Orderly).unwrap();
    check_identities(&report);
    let error = &report.errors[0];
    assert_eq!(error.code, "storage_full", "{:?}", report.errors);
    assert!(
        error.cause.contains("the trip ends here"),
        "{}",
        error.cause
    );
    assert!(
        (1..100).contains(&report.frames.queued),
        "{}",
        report.frames.queued
    );
    let disk = std::env::var_os("TMPDIR").unwrap();
    let remounted = Command::new("mount")
        .args(["-o", "remount,size=64m"])
        .arg(disk)
        .status();
    assert!(remounted.unwrap().success());
    let queued = report.frames.queued;
    ride.unseen(3_600, 20.0);
    let report = ride.film(&[ON], Ends::Orderly).unwrap();
    check_identities(&report);
    assert!(report.frames.queued > queued);
    let queue = ride.queue();
    assert!(queue.open_trips().unwrap().is_empty());
}
