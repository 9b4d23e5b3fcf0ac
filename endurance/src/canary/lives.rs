//! The pipeline, run as it is used and ended as it is never meant to be: a replay and a trip that happens, each in several
//! lives of its phone, with a server that dies too. What each life leaves behind is copied before the next begins.
//!
//! ```text
//! drives/      the raw way: the only folder that is not searched, beside the command lines
//! phones/      stores, recordings, temporary files, working folders, and what the programs printed
//! after-N/     the same, copied after the N-th kill
//! wire/        all bytes of all connections
//! server/      the server's folder
//! public/      what anybody is told
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::ends::{Dice, End};
use super::ground::{FRAMES, Ground, STEP_MS, TRIM_M};
use super::proxy::{Bound, Proxy};
use super::public::ask_as_anybody;
use super::times::Axis;
use crate::drive::mix;
use crate::folders;
use crate::phone::{FAILPOINT, Phone, Task};
use crate::player::Without;
use crate::server::{Server, Start};

/// Before now, milliseconds: when the way was recorded, when it is replayed by the phone's clock, and when it is driven by it. Nothing
/// else happens at these times, so that one of them is never met by chance.
const RECORDED_BEFORE_MS: u64 = 86_400_000;
const REPLAYED_BEFORE_MS: u64 = 18_000_000;
const DRIVEN_BEFORE_MS: u64 = 10_800_000;
/// What a frame that is filmed may be dated too early, milliseconds: by roundings, and by what passes between two looks at the clock.
const FILMS_EARLY_MS: u64 = 64;
/// What it may be dated too late, milliseconds: no look at the clock comes after it is dated, so only by what is rounded, which is
/// the clock, when it began to run and the frame's own time, each to less than 1 ms, and 1 ms to spare.
const FILMS_LATE_MS: u64 = 4;
/// The frames between which a trip is cut by a kill: after the start and before the zone, and behind the zone.
const CUTS: [std::ops::Range<u64>; 2] = [22..30, 52..64];
/// How much faster phones wait and film.
const HURRY: u32 = 40;
/// The longest that a life lasts.
const LIFE_MAX: Duration = Duration::from_mins(1);
/// Lives that a phone may need until nothing is pending.
const LIVES_MAX: u64 = 8;
/// How much later the next of them is, milliseconds.
const LATER_MS: u64 = 17 * 60_000;

/// What is done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What all chance is drawn from.
    pub seed: u64,
    /// Lives of the replaying phone that are ended; without any the filming one lives once, too.
    pub kills: usize,
    /// Whether a trip is filmed, too.
    pub films: bool,
    /// What the phones leave out.
    pub without: Option<Without>,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Phones that were killed at a random moment.
    pub phones: usize,
    /// Phones that ended at a failpoint.
    pub at_failpoints: usize,
    /// Servers that were killed, or ended at a failpoint.
    pub servers: usize,
}

/// All of it.
pub struct Lives {
    plan: Plan,
    ground: Ground,
    folder: PathBuf,
    now_ms: u64,
    dice: Dice,
    server: Server,
    url: String,
    /// It passes on for as long as it is there.
    _proxy: Proxy,
    ended: Ended,
    /// What the replay's times are shifted by, milliseconds.
    shift_ms: i64,
}

impl Lives {
    /// Makes everything ready in an empty folder, and starts the server.
    ///
    /// # Errors
    /// A file cannot be written, or the server does not start.
    pub fn begin(plan: Plan, folder: &Path) -> Result<Self> {
        let ground = Ground::of(plan.seed);
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let now_ms = u64::try_from(now_ms)?;
        ground.record(
            &folder.join("drives/whole"),
            now_ms - RECORDED_BEFORE_MS,
            0..FRAMES,
        )?;
        for part in ["tmp", "cwd", "printed"] {
            fs::create_dir_all(folder.join("phones").join(part))?;
        }
        let bound = Bound::new()?;
        let url = bound.url()?;
        let settings = [
            ("SERVER__ORIGINS", url.as_str()),
            // What is public is public at once, and the longest recovery is lawful.
            ("POLICY__FRESHNESS_RECOVERY_S", "315360000"),
            ("POLICY__COVERAGE_DELAY_S", "0"),
            ("POLICY__COVERAGE_STEP_S", "1"),
        ];
        let server = Server::new(&folder.join("server"), &settings)?;
        let proxy = bound.pass_on(server.address(), &folder.join("wire"))?;
        let mut lives = Self {
            plan,
            ground,
            folder: folder.to_owned(),
            now_ms,
            dice: Dice::of(plan.seed),
            server,
            url,
            _proxy: proxy,
            ended: Ended::default(),
            shift_ms: 0,
        };
        lives.serve(None)?;
        Ok(lives)
    }

    /// The way.
    #[must_use]
    pub const fn ground(&self) -> &Ground {
        &self.ground
    }

    /// What was ended.
    #[must_use]
    pub const fn ended(&self) -> Ended {
        self.ended
    }

    /// The times at which the way was told.
    #[must_use]
    pub fn axes(&self) -> Vec<Axis> {
        let recorded_ms = self.now_ms - RECORDED_BEFORE_MS;
        let replayed_ms = recorded_ms.saturating_add_signed(self.shift_ms);
        vec![
            Axis::exact("the recorder", recorded_ms),
            Axis::exact("the replay", replayed_ms),
            Axis {
                early_ms: FILMS_EARLY_MS,
                late_ms: FILMS_LATE_MS,
                ..Axis::exact("the trip", self.now_ms - DRIVEN_BEFORE_MS)
            },
        ]
    }

    /// Runs all of it, and stops the server.
    ///
    /// # Errors
    /// A process does what none does, or nothing comes through.
    pub fn run(&mut self) -> Result<()> {
        self.replay()?;
        if self.plan.films {
            self.film()?;
        }
        let closed = self.server.close_epoch(1, &trace())?.status()?;
        ensure!(closed.success(), "the epoch is not closed: {closed}");
        ask_as_anybody(&self.ground, &self.url, &self.folder)?;
        self.server.kill()?;
        Ok(())
    }

    fn replay(&mut self) -> Result<()> {
        let clock_ms = self.now_ms - REPLAYED_BEFORE_MS;
        let phone = self.phone("replaying", clock_ms, true);
        let task = Task::Replay(self.folder.join("drives/whole"));
        for kill in 0..self.plan.kills {
            self.perhaps_trouble_the_server()?;
            let end = self.dice.end_of_a_replay(2 * kill < self.plan.kills);
            if self.live(&phone, &task, &end)? == Some(true) {
                break;
            }
            self.copy()?;
        }
        self.finish(&phone, &task)?;
        self.shift_ms = self.shift()?;
        Ok(())
    }

    /// By the report of the phone's last life.
    fn shift(&self) -> Result<i64> {
        let printed = folders::files(&self.folder.join("phones/printed"))?;
        let last = printed
            .iter()
            .rfind(|path| path.extension().is_some_and(|it| it == "report"));
        let report: Value = serde_json::from_slice(&fs::read(last.context("no report")?)?)?;
        report["drive"]["time_shift_ms"]
            .as_i64()
            .context("the report tells no shift")
    }

    /// Drives the way once, through a phone that is ended on the way where any is.
    fn film(&mut self) -> Result<()> {
        let began_ms = self.now_ms - DRIVEN_BEFORE_MS;
        let ground = self.ground.seen_again();
        let mut from = 0;
        let cuts: &[_] = if self.plan.kills == 0 { &[] } else { &CUTS };
        for cut in 0..=cuts.len() {
            let until = match cuts.get(cut) {
                Some(range) => {
                    let drawn = range.start + self.dice.below(range.end - range.start);
                    usize::try_from(drawn)?
                }
                None => FRAMES,
            };
            let drive = self.folder.join(format!("drives/part-{cut}"));
            ground.record(&drive, began_ms, from..until)?;
            let clock_ms = began_ms + STEP_MS * u64::try_from(from)?;
            let phone = self.phone("filming", clock_ms, false);
            let task = Task::Film(drive);
            if until == FRAMES {
                self.live(&phone, &task, &End::ByItself)?;
                let after = Phone {
                    clock_ms: began_ms + STEP_MS * u64::try_from(until)? + 60_000,
                    ..phone
                };
                return self.finish(&after, &Task::Deliver);
            }
            let end = self.dice.end_of_a_film();
            self.live(&phone, &task, &end)?;
            self.copy()?;
            from = until;
        }
        Ok(())
    }

    /// Lets a phone live until nothing is pending.
    fn finish(&mut self, phone: &Phone, task: &Task) -> Result<()> {
        for life in 0..LIVES_MAX {
            if !self.server.is_running()? {
                self.serve(None)?;
            }
            // What the server put off is due by then.
            let later = Phone {
                clock_ms: phone.clock_ms + LATER_MS * life,
                ..phone.clone()
            };
            if self.live(&later, task, &End::ByItself)? == Some(true) {
                return Ok(());
            }
        }
        anyhow::bail!(
            "{} does not come to an end; what it printed is in {}",
            phone.store.display(),
            self.folder.join("phones/printed").display()
        )
    }

    /// One life of a phone: whether nothing was left to do; `None` when it was ended.
    fn live(&mut self, phone: &Phone, task: &Task, end: &End) -> Result<Option<bool>> {
        let phones = self.folder.join("phones");
        let mut command = phone.command(task, Some(&self.url))?;
        command.arg("--clock-runs");
        if let Some(without) = self.plan.without {
            command.args(["--without", without.name()]);
        }
        let number = fs::read_dir(phones.join("printed"))?.count();
        let printed = |what: &str| -> Result<File> {
            Ok(File::create(
                phones.join(format!("printed/{number:03}.{what}")),
            )?)
        };
        command
            .current_dir(phones.join("cwd"))
            .env("WAYHEX_LOG", "trace")
            .env("TMPDIR", phones.join("tmp"))
            .env("SQLITE_TMPDIR", phones.join("tmp"))
            .stdout(printed("report")?)
            .stderr(printed("log")?);
        let deadline = match end {
            End::ByItself => LIFE_MAX,
            End::After(moment) => *moment,
            End::At(place) => {
                command.env(FAILPOINT, place);
                LIFE_MAX
            }
        };
        let status = until(command.spawn()?, deadline)?;
        ensure!(
            status.is_some() || !matches!(end, End::ByItself),
            "a phone did not end by itself within {LIFE_MAX:?}"
        );
        let Some(status) = status else {
            self.ended.phones += 1;
            return Ok(None);
        };
        let Some(code) = status.code() else {
            self.ended.at_failpoints += 1;
            return Ok(None);
        };
        Ok(Some(code == 0))
    }

    fn phone(&self, name: &str, clock_ms: u64, records: bool) -> Phone {
        let phones = self.folder.join("phones");
        Phone {
            store: phones.join(name),
            seed: mix(self.plan.seed ^ clock_ms),
            account: "eip155:1:0x00000000000000000000000000000000000000ca".to_owned(),
            clock_ms,
            server_ahead_ms: 0,
            hurry: HURRY,
            trim_m: TRIM_M,
            private_zones: vec![self.ground.zone()],
            record: records.then(|| phones.join("cwd/recorded")),
        }
    }

    fn perhaps_trouble_the_server(&mut self) -> Result<()> {
        match self.dice.end_of_a_server() {
            Some(place) => {
                if self.server.kill()? {
                    self.ended.servers += 1;
                }
                self.serve(Some(place))
            }
            None if !self.server.is_running()? => self.serve(None),
            None => Ok(()),
        }
    }

    fn serve(&mut self, failpoint: Option<String>) -> Result<()> {
        let mut environment = trace();
        environment.extend(failpoint.map(|place| (FAILPOINT.to_owned(), place)));
        if self.server.start(&environment)? == Start::Ended {
            self.ended.servers += 1;
            let again = self.server.start(&trace())?;
            if again != Start::Ready {
                let log = fs::read_to_string(self.folder.join("server/server.log"))?;
                let last = log.lines().last().unwrap_or_default();
                anyhow::bail!("the server does not start: {last}");
            }
        }
        Ok(())
    }

    /// Copies what the phones have left.
    fn copy(&self) -> Result<()> {
        let number = self.ended.phones + self.ended.at_failpoints;
        let to = self.folder.join(format!("after-{number:03}"));
        folders::copy(&self.folder.join("phones"), &to)
    }
}

/// Everything is logged.
fn trace() -> Vec<(String, String)> {
    vec![("RUST_LOG".to_owned(), "trace".to_owned())]
}

/// Waits for a process, and kills it after that time; its status where it ended by itself.
fn until(mut process: Child, deadline: Duration) -> Result<Option<ExitStatus>> {
    const LOOK_EVERY: Duration = Duration::from_millis(2);
    let began = Instant::now();
    while began.elapsed() < deadline {
        if let Some(status) = process.try_wait()? {
            return Ok(Some(status));
        }
        sleep(LOOK_EVERY);
    }
    process.kill()?;
    process.wait()?;
    Ok(None)
}
