//! What every run of a test begins with: drives, a server's store with its keys and policy, and the phones' clock.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use crate::drive::{Course, START};
use crate::folders;
use crate::phone::Phone;
use crate::scenario::Scenario;
use crate::server::{Server, Start};

/// What the phones' clocks are behind the server's, milliseconds: an hour, which the phones correct.
const BEHIND_MS: u64 = 3_600_000;
/// When the drives were recorded, milliseconds before now.
const RECORDED_BEFORE_MS: u64 = 86_400_000;
/// Metres that are cut from each end of a trip: the least that is lawful.
const TRIM_M: u32 = 100;
/// Phones of a world.
const PHONES: usize = 2;
/// Frames of the drive that stands still: more than the queue keeps notes of in memory.
const STANDING_FRAMES: u32 = 300;
/// Pictures of the first phone's drive that the second phone's has, too: the server takes them once.
const SHARED_FRAMES: std::ops::Range<u32> = 14..24;
/// How much faster a phone waits and films.
const HURRY: u32 = 20;

/// A prepared folder.
#[derive(Debug)]
pub struct World {
    folder: PathBuf,
    clock_ms: u64,
    private_zone: Option<String>,
}

/// How long the drives are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 40 frames, of which about twelve become items.
    Small,
    /// 72 frames with a private zone, of which about twenty become items.
    Middle,
}

/// One run: its phones and its server.
#[derive(Debug)]
pub struct Life {
    /// Its folder.
    pub folder: PathBuf,
    /// The phones.
    pub phones: Vec<Phone>,
    /// The server, not started yet.
    pub server: Server,
}

impl World {
    /// Records the drives and has a server make its store.
    ///
    /// # Errors
    /// Something cannot be written, or the server does not start.
    pub fn prepare(folder: &Path, size: Size) -> Result<Self> {
        let now_ms = now_ms()?;
        let course = Course {
            seed: 0,
            frames: match size {
                Size::Small => 40,
                Size::Middle => 72,
            },
            sides: (320, 240),
            grain_px: 8,
            began_ms: now_ms - RECORDED_BEFORE_MS,
            is_flawed: true,
            is_standing: false,
        };
        let world = Self {
            folder: folder.to_owned(),
            clock_ms: now_ms - BEHIND_MS,
            // Beside the way, so that it takes a part of it.
            private_zone: (size == Size::Middle)
                .then(|| format!("{:.4},{:.4},100", START.0 + 0.003_2, START.1 + 0.001)),
        };
        for who in 0..PHONES {
            let seed = u64::try_from(who)? + 1;
            Course { seed, ..course }.record(&world.drive(who))?;
        }
        for frame in SHARED_FRAMES
            .filter(|frame| course.flaw(*frame).is_none())
            .step_by(2)
        {
            let name = Course::picture_name(frame);
            fs::copy(world.drive(0).join(&name), world.drive(1).join(&name))?;
        }
        let standing = Course {
            frames: STANDING_FRAMES,
            sides: (128, 128),
            is_standing: true,
            ..course
        };
        standing.record(&world.standing_drive())?;
        let mut server = Server::new(&world.server_folder(), &[])?;
        ensure!(
            server.start(&[])? == Start::Ready,
            "the server ended before it was ready"
        );
        server.kill()?;
        Ok(world)
    }

    /// Makes the folders of a run.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn begin(&self, folder: &Path, scenario: &Scenario) -> Result<Life> {
        let server_folder = folder.join("server");
        if !scenario.is_born {
            folders::copy(&self.server_folder(), &server_folder)?;
            open_epoch_now(&server_folder.join("store"))?;
        }
        let server = Server::new(&server_folder, scenario.settings)?;
        let phones = (0..PHONES).map(|who| Phone {
            store: folder.join(format!("phone-{who}")),
            seed: 11 + u64::try_from(who).unwrap_or(0),
            account: format!("eip155:1:0x{:040x}", 0xa0 + who),
            clock_ms: self.clock_ms,
            server_ahead_ms: BEHIND_MS.cast_signed(),
            hurry: HURRY,
            trim_m: TRIM_M,
            private_zones: self.private_zone.iter().cloned().collect(),
            record: None,
        });
        Ok(Life {
            folder: folder.to_owned(),
            phones: phones.collect(),
            server,
        })
    }

    /// The recorded drive of a phone.
    #[must_use]
    pub fn drive(&self, who: usize) -> PathBuf {
        self.folder.join(format!("drive-{who}"))
    }

    /// The one that stands still.
    #[must_use]
    pub fn standing_drive(&self) -> PathBuf {
        self.folder.join("drive-standing")
    }

    /// The server's store as it was prepared.
    #[must_use]
    pub fn prepared_store(&self) -> PathBuf {
        self.server_folder().join("store")
    }

    fn server_folder(&self) -> PathBuf {
        self.folder.join("server")
    }
}

/// Lets the first epoch begin with the run: units recover by what it lasts.
fn open_epoch_now(store: &Path) -> Result<()> {
    let database = rusqlite::Connection::open(store.join("wayhex.sqlite"))?;
    database
        .execute("UPDATE epochs SET opened_ms = ?1", [now_ms()?])
        .context("the epoch cannot be opened anew")?;
    Ok(())
}

/// The time, Unix milliseconds.
fn now_ms() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    u64::try_from(since.as_millis()).context("the time")
}
