//! Lives a scenario: starts the processes, ends them as told, and starts them again until every step is done.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rusqlite::Connection;

use crate::folders;
use crate::outcome::{Checked, Likeness, Outcome, check};
use crate::phone::Phone;
use crate::player::{NOT_MET, PENDING};
use crate::scenario::{Holds, PhoneStep, Plays, Scenario, Step};
use crate::server::Start;
use crate::settled::Settled;
use crate::trouble::{Done, Side, Trouble};
use crate::world::{Life, World};

/// How often processes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How long one life of a process may take.
const LIFE_MAX: Duration = Duration::from_mins(2);
/// Lives that one step may take beyond those that were ended on purpose.
const LIVES_MAX: u32 = 40;

/// A run that has come to its end.
#[derive(Debug)]
pub struct Ended {
    /// What was left, where the scenario compares it.
    pub outcome: Option<Outcome>,
    /// What the laws' check counted.
    pub checked: Checked,
    /// What was done to its processes.
    pub done: Done,
    /// What it took.
    pub took: Duration,
    /// The longest time between a phone's start and its end.
    pub phone_took: Duration,
    /// Its phones and its server, none of which runs.
    pub life: Life,
}

/// Lives a scenario in a folder, with trouble, and reads what is left.
///
/// # Errors
/// A process fails otherwise than told, a step does not come to its end, or a law does not hold.
pub fn live(
    world: &World,
    folder: &std::path::Path,
    scenario: &Scenario,
    trouble: &mut Trouble,
) -> Result<Ended> {
    let began = Instant::now();
    let mut run = Run {
        world,
        life: world.begin(folder, scenario)?,
        trouble,
        server_dies_at: None,
        server_began: Instant::now(),
        phone_took: Duration::ZERO,
    };
    run.keep_server()?;
    for step in scenario.steps {
        run.step(step)
            .with_context(|| format!("in {step:?} of {:?}", scenario.name))?;
    }
    run.life.server.kill()?;
    let checked = check(&run.life.phones, &run.life.server)?;
    let likeness = match scenario.holds {
        Holds::Bytes => Some(Likeness::Bytes),
        Holds::Meaning => Some(Likeness::Meaning),
        Holds::Laws => None,
    };
    let store = run.life.server.store();
    let outcome = likeness.map(|likeness| Outcome::read(&run.life.phones, &store, likeness));
    Ok(Ended {
        outcome: outcome.transpose()?,
        checked,
        done: run.trouble.done(),
        took: began.elapsed(),
        phone_took: run.phone_took,
        life: run.life,
    })
}

struct Run<'r> {
    world: &'r World,
    life: Life,
    trouble: &'r mut Trouble,
    server_dies_at: Option<Instant>,
    server_began: Instant,
    phone_took: Duration,
}

/// How one life of a process ended.
pub(crate) enum Lived {
    Code(i32),
    Killed,
}

impl Run<'_> {
    fn step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Phone(what) => self.phone(what),
            Step::Close(epoch) => self.close(*epoch),
            Step::AwaitClosed(epochs) => self.await_closed(*epochs),
            Step::Restore => self.restore(),
            Step::LoseKey(who) => {
                let key = self.life.phones[*who].store.join("device.key");
                fs::remove_file(key).context("the key to lose")
            }
            Step::Sicken => self.in_database(
                "CREATE TRIGGER sick BEFORE INSERT ON pictures BEGIN SELECT RAISE(ABORT, 'sick'); END",
            ),
            Step::Heal => self.in_database("DROP TRIGGER sick"),
        }
    }

    fn phone(&mut self, what: &PhoneStep) -> Result<()> {
        let world = self.world;
        let phone = self.prepared(what);
        let url = self.life.server.url();
        let task = what
            .plays
            .task(&world.drive(what.who), &world.standing_drive());
        let log = self.life.folder.join(format!("phone-{}.log", what.who));
        let mut settled = Settled::default();
        let mut waits = 0;
        for life in 0..LIVES_MAX + self.kills_left() {
            self.await_server()?;
            let phone = if what.plays == Plays::OwnLive {
                phone.in_life(life)
            } else {
                phone.after_waits(waits)
            };
            let mut command = phone.command(&task, what.is_online.then_some(url.as_str()))?;
            command.envs(self.trouble.environment(Side::Phone));
            let (ended, took) = self.process(command, Side::Phone, &log)?;
            self.phone_took = self.phone_took.max(took);
            settled = settled.check(&phone.store, &log, &ended)?;
            match ended {
                Lived::Code(0) => return Ok(()),
                Lived::Code(code) if code == i32::from(PENDING) && what.may_leave_pending => {
                    return Ok(());
                }
                Lived::Killed => {}
                // The drive is played, and what is left was put off.
                Lived::Code(code) if code == i32::from(PENDING) => waits += 1,
                Lived::Code(code) if code == i32::from(NOT_MET) => {}
                Lived::Code(code) => {
                    bail!("the phone ended with {code}; its log is {}", log.display())
                }
            }
        }
        bail!("the phone does not come to its end")
    }

    /// The phone as this step has it.
    fn prepared(&mut self, what: &PhoneStep) -> Phone {
        let phone = &mut self.life.phones[what.who];
        phone.clock_ms += what.later_ms;
        phone.seed += what.other_chance;
        phone.record = what
            .records
            .then(|| self.life.folder.join(format!("recording-{}", what.who)));
        phone.clone()
    }

    fn close(&mut self, epoch: u64) -> Result<()> {
        let log = self.life.folder.join("close.log");
        for _ in 0..LIVES_MAX + self.kills_left() {
            let told = self.trouble.environment(Side::Server);
            let command = self.life.server.close_epoch(epoch, &told)?;
            match self.process(command, Side::Server, &log)?.0 {
                Lived::Code(0) => return Ok(()),
                Lived::Killed => {}
                Lived::Code(code) => {
                    bail!(
                        "close-epoch ended with {code}; its log is {}",
                        log.display()
                    )
                }
            }
        }
        bail!("epoch {epoch} is not closed")
    }

    /// One life of a process beside the server; the server is kept alive, and both are killed as drawn.
    fn process(
        &mut self,
        mut command: Command,
        side: Side,
        log: &std::path::Path,
    ) -> Result<(Lived, Duration)> {
        let file = fs::File::options().append(true).create(true).open(log)?;
        let said = fs::File::create(log.with_extension("out"))?;
        command.stdout(said).stderr(file);
        let began = Instant::now();
        let mut process = Process(command.spawn().context("a process cannot be started")?);
        let dies_after = self.trouble.draw_kill(side);
        loop {
            if let Some(status) = process.0.try_wait()? {
                let ended = match status.code() {
                    Some(code) => Lived::Code(code),
                    None if self.trouble.ended(side) => Lived::Killed,
                    None => bail!(
                        "a process ended by signal {:?} that nobody sent; its log is {}",
                        status.signal(),
                        log.display()
                    ),
                };
                return Ok((ended, began.elapsed()));
            }
            if dies_after.is_some_and(|after| began.elapsed() >= after) {
                process.0.kill()?;
                let status = process.0.wait()?;
                if let Some(code) = status.code() {
                    return Ok((Lived::Code(code), began.elapsed()));
                }
                self.trouble.killed(side);
                return Ok((Lived::Killed, began.elapsed()));
            }
            self.keep_server()?;
            ensure!(began.elapsed() < LIFE_MAX, "a process takes too long");
            sleep(LOOK_EVERY);
        }
    }

    /// Kills the server if its time has come, and starts it where it does not run.
    fn keep_server(&mut self) -> Result<()> {
        if self.server_dies_at.is_some_and(|at| Instant::now() >= at) {
            self.server_dies_at = None;
            if self.life.server.kill()? {
                self.trouble.killed(Side::Server);
            }
        }
        if self.life.server.is_running()? {
            return Ok(());
        }
        // The first start finds none running, and nothing has ended.
        if self.life.server.has_ended() {
            let was_told = self.trouble.ended(Side::Server);
            ensure!(was_told, "the server ended by itself");
        }
        let told = self.trouble.environment(Side::Server);
        self.life.server.spawn(&told)?;
        self.server_began = Instant::now();
        let dies_after = self.trouble.draw_kill(Side::Server);
        self.server_dies_at = dies_after.map(|after| self.server_began + after);
        Ok(())
    }

    fn await_server(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            self.keep_server()?;
            if self.life.server.is_ready() {
                return Ok(());
            }
            ensure!(began.elapsed() < LIFE_MAX, "the server does not start");
            sleep(LOOK_EVERY);
        }
    }

    fn await_closed(&mut self, epochs: u64) -> Result<()> {
        let began = Instant::now();
        loop {
            self.await_server()?;
            let database = Connection::open(self.database())?;
            database.busy_timeout(LIFE_MAX)?;
            let closed: u64 =
                database.query_row("SELECT count(*) FROM closed_epochs", [], |row| row.get(0))?;
            if closed >= epochs {
                return Ok(());
            }
            ensure!(began.elapsed() < LIFE_MAX, "the server closes no epochs");
            sleep(LOOK_EVERY * 10);
        }
    }

    fn restore(&mut self) -> Result<()> {
        self.life.server.kill()?;
        let store = self.life.server.store();
        fs::remove_dir_all(&store)?;
        folders::copy(&self.world.prepared_store(), &store)?;
        let started = self.life.server.start(&[])?;
        ensure!(started == Start::Ready, "the server did not start again");
        Ok(())
    }

    fn in_database(&mut self, sql: &str) -> Result<()> {
        self.await_server()?;
        let database = Connection::open(self.database())?;
        database.busy_timeout(LIFE_MAX)?;
        Ok(database.execute_batch(sql)?)
    }

    fn database(&self) -> std::path::PathBuf {
        self.life.server.store().join("wayhex.sqlite")
    }

    fn kills_left(&self) -> u32 {
        self.trouble.kills_left()
    }
}

/// A process that ends with the run, however that ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            // It may end by itself meanwhile.
            drop(self.0.kill().and_then(|()| self.0.wait()));
        }
    }
}
