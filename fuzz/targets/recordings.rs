//! A recorded drive that somebody was given: tables, pictures with JSON or Exif, our own recording. The first byte chooses the
//! kind, the parts are its files.
//!
//! Laws: a drive is opened or refused, its hash does not depend on the day; whatever its numbers, what the phone's stages let
//! go is lawful and lies in no zone that the drive asked for.
#![no_main]

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use wayhex_device::privacy::Zones;
use wayhex_device::source::Drive;
use wayhex_fuzz::phone::{released, signed};
use wayhex_fuzz::picture::street;
use wayhex_fuzz::{network, parts};
use wayhex_protocol::envelope::open;
use wayhex_protocol::observation::Observation;
use wayhex_vision::inspect_jpeg;

/// 2026-11-22 12:00 UTC, Unix milliseconds.
const NOON_MS: u64 = 1_795_348_800_000;
/// Files that an input may bring.
const FILES_MAX: usize = 8;
/// Frames of a drive that is played on through the stages: pictures take most of the time.
const FRAMES_PLAYED_MAX: u64 = 8;
const TABLES: [&str; 5] = [
    "frames.csv",
    "gnss.csv",
    "accelerometer.csv",
    "gyroscope.csv",
    "drive.json",
];

struct Folder {
    kind: usize,
    dir: TempDir,
}

thread_local! {
    /// One folder for each kind, with the pictures that never change.
    static FOLDERS: RefCell<Vec<Folder>> = RefCell::new((0..4).map(Folder::new).collect());
}

impl Folder {
    fn new(kind: usize) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        if kind < 3 {
            for number in 0..FILES_MAX {
                let seed = u32::try_from(number).expect("a few pictures");
                write(&dir.path().join(format!("{number}.jpg")), &street(seed));
            }
        }
        Self { kind, dir }
    }

    /// The file that a part becomes.
    fn name(&self, part: usize) -> String {
        match (self.kind, part) {
            (0, table) => TABLES.get(table).unwrap_or(&"gnss_ublox.csv").to_string(),
            (1, 0) => "recording.json".to_owned(),
            (1 | 2, number) => format!("{number}.json"),
            (_, number) => format!("{number}.jpg"),
        }
    }
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("a temporary file can be written");
}

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else {
        return;
    };
    FOLDERS.with_borrow(|folders| {
        let folder = &folders[usize::from(kind) % folders.len()];
        let parts = parts(rest, FILES_MAX);
        let path = |part| folder.dir.path().join(folder.name(part));
        for (part, bytes) in parts.iter().enumerate() {
            write(&path(part), bytes);
        }
        play(folder.dir.path());
        for part in 0..parts.len() {
            fs::remove_file(path(part)).ok();
        }
    });
});

fn play(dir: &Path) {
    let Ok(drive) = Drive::open(dir, NOON_MS) else {
        return;
    };
    let next_day = Drive::open(dir, NOON_MS + 86_400_000).expect("what was opened is opened again");
    let hashes =
        [&drive, &next_day].map(|drive| drive.hash().expect("the files are there").to_string());
    assert_eq!(hashes[0], hashes[1]);
    assert!(drive.frames() > 0);
    if drive.frames() > FRAMES_PLAYED_MAX {
        return;
    }
    let zones = || Zones::new(drive.private_zones(), &[9; 32]);
    let (Ok(zones), Ok(same_zones)) = (zones(), zones()) else {
        return;
    };
    let let_go = released(drive.events(), drive.capture_settings(), zones);
    for (released, sequence) in let_go.into_iter().zip(0..) {
        let facts = released
            .segment()
            .facts()
            .expect("the phone makes lawful segments");
        assert!(!same_zones.touch(&facts.cells), "a zone is shown");
        let picture = released.picture();
        let info = inspect_jpeg(picture.jpeg()).expect("what leaves the phone is taken in");
        assert_eq!(
            (info.width, info.height),
            (picture.width(), picture.height())
        );
        // A time that no wire carries makes no observation.
        let Ok(item) = signed(released, sequence) else {
            continue;
        };
        let key = item_key();
        let opened = open::<Observation>(item.envelope(), &network(), |_| Some(key));
        assert_eq!(
            &opened.expect("its own envelope opens").message,
            item.observation()
        );
    }
}

fn item_key() -> wayhex_protocol::key::PublicKey {
    use wayhex_protocol::key::Signer as _;
    wayhex_fuzz::key::Key::device().public_key()
}
