//! Every failpoint once, and kills at random moments: what is left is what an undisturbed run leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, ensure};

use crate::outcome::Outcome;
use crate::run::{Ended, live};
use crate::scenario::Scenario;
use crate::trouble::{Dice, Done, Trouble};
use crate::world::World;

/// Runs at a time: one for each of the two cores that the tests are made for.
const AT_ONCE: usize = 2;
/// One run of random kills in so many is a trip as it happens, of which only the laws are checked.
const LIVE_IN: u64 = 8;
/// A failpoint's later hit is drawn from the second to this one.
const LATER_HIT_MAX: u64 = 4;

/// What undisturbed runs of the scenarios left, and which failpoints they passed.
#[derive(Debug)]
pub struct Undisturbed {
    outcomes: Vec<Option<Outcome>>,
    passed: Vec<BTreeSet<String>>,
}

/// Lives each scenario undisturbed.
///
/// # Errors
/// See [`live`].
pub fn undisturbed(
    world: &World,
    folder: &Path,
    scenarios: &'static [Scenario],
) -> Result<Undisturbed> {
    let runs = all(scenarios, |scenario: &Scenario| {
        let own = folder.join(format!("undisturbed {}", scenario.name));
        let seen = own.join("passed");
        let mut trouble = Trouble::at(scenario.first.iter().copied()).seen_in(seen.clone());
        let ended = live(world, &own, scenario, &mut trouble)?;
        ensure!(
            trouble.orders_left().is_empty(),
            "{:?}: never passed {:?}",
            scenario.name,
            trouble.orders_left()
        );
        let passed = fs::read_to_string(&seen).context("which failpoints were passed")?;
        let passed = passed.lines().map(str::to_owned).collect::<BTreeSet<_>>();
        fs::remove_dir_all(&own)?;
        Ok((ended.outcome, passed))
    })?;
    let (outcomes, passed) = runs.into_iter().unzip();
    Ok(Undisturbed { outcomes, passed })
}

/// Kills at a failpoint, in the scenario that passes it first: at its first hit, and then in a later process at a later one, where that
/// comes to it.
#[derive(Clone, Debug)]
struct Kill {
    scenario: usize,
    first: &'static str,
    later: String,
}

/// What the failpoints came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failpoints {
    /// Names of both catalogues.
    pub names: usize,
    /// Processes that ended at one, first hits and later ones.
    pub kills: u32,
}

/// Ends a process at the first hit of every failpoint, and at a later one drawn from `seed`; what is left must be what the undisturbed
/// run left.
///
/// # Errors
/// A failpoint that no scenario passes; a run that does not come to its end, breaks a law or leaves something else, and where it lies.
pub fn every_failpoint(
    world: &World,
    folder: &Path,
    scenarios: &'static [Scenario],
    seed: u64,
) -> Result<Failpoints> {
    let undisturbed = undisturbed(world, folder, scenarios)?;
    let (mut kills, mut missed, mut dice) = (Vec::new(), Vec::new(), Dice(seed));
    let names = catalogue();
    for name in &names {
        let later = format!("{name}@{}", 2 + dice.below(LATER_HIT_MAX - 1));
        match undisturbed.passed.iter().position(|of| of.contains(*name)) {
            None => missed.push(*name),
            Some(scenario) => kills.push(Kill {
                scenario,
                first: name,
                later,
            }),
        }
    }
    ensure!(missed.is_empty(), "no scenario passes {missed:?}");
    let runs = all(&kills, |kill: &Kill| {
        let scenario = &scenarios[kill.scenario];
        let own = folder.join(kill.first);
        let ended = end_at(world, &own, scenario, kill, &undisturbed);
        Ok(ended.with_context(|| {
            let orders = format!("WAYHEX_FAILPOINT={}, then {}", kill.first, kill.later);
            format!(
                "{:?} with {orders}; everything lies in {}",
                scenario.name,
                own.display()
            )
        }))
    })?;
    let (done, failed): (Vec<_>, Vec<_>) = runs.into_iter().partition(Result::is_ok);
    let failed: Vec<String> = failed
        .into_iter()
        .filter_map(|run| run.err().map(|error| format!("{error:#}")))
        .collect();
    ensure!(failed.is_empty(), "{}", failed.join("\n\n"));
    Ok(Failpoints {
        names: names.len(),
        kills: done.into_iter().flatten().sum(),
    })
}

/// One run, ended at a failpoint; how many processes ended there.
fn end_at(
    world: &World,
    own: &Path,
    scenario: &Scenario,
    kill: &Kill,
    undisturbed: &Undisturbed,
) -> Result<u32> {
    let before = scenario.first.iter().map(|order| (*order).to_owned());
    let at = [kill.first.to_owned(), kill.later.clone()];
    let mut trouble = Trouble::at(before.chain(at));
    let ended = live(world, own, scenario, &mut trouble)?;
    let left = trouble.orders_left();
    ensure!(
        left.iter().all(|order| *order == kill.later),
        "no process ended at {left:?}, although one passed it undisturbed"
    );
    same(undisturbed.outcomes[kill.scenario].as_ref(), &ended)?;
    fs::remove_dir_all(own)?;
    Ok(if left.is_empty() { 2 } else { 1 })
}

/// All failpoints, the device's first.
#[must_use]
pub fn catalogue() -> Vec<&'static str> {
    let device = wayhex_device::failpoints::ALL.iter();
    let server = wayhex_server::failpoints::ALL.iter();
    device.chain(server).map(|point| point.name()).collect()
}

/// How many processes are killed at random moments.
#[derive(Clone, Copy, Debug)]
pub struct Random {
    /// What moments are drawn from.
    pub seed: u64,
    /// Kills of phones.
    pub phones: u32,
    /// Kills of servers and of closes.
    pub servers: u32,
    /// Kills of one side in one run.
    pub in_a_run: u32,
}

/// Kills phones and servers at random moments of their lives, many in each run, until the numbers are reached.
///
/// # Errors
/// A run that does not come to its end, breaks a law or leaves something else, where it lies, and its seed.
pub fn random(world: &World, folder: &Path, asked: Random) -> Result<Done> {
    let own = folder.join("undisturbed");
    let expected = live(world, &own, &Scenario::DRIVES, &mut Trouble::default())?;
    fs::remove_dir_all(&own)?;
    let window = [expected.phone_took, expected.took / 2];
    let total = Mutex::new(Done::default());
    let workers: Vec<u64> = (0..AT_ONCE).map(|worker| worker as u64).collect();
    all(&workers, |worker: &u64| {
        let mut dice = Dice(asked.seed.wrapping_add(worker << 32));
        loop {
            let left = still_to_do(asked, *total.lock().unwrap_or_else(PoisonError::into_inner));
            if left == (0, 0) {
                return Ok(());
            }
            let seed = dice.below(u64::MAX);
            let own = folder.join(format!("seed-{seed}"));
            let phones = left.0.min(asked.in_a_run);
            let servers = left.1.min(asked.in_a_run);
            let mut trouble = Trouble::kills(seed, phones, servers, window);
            let scenario = if seed.is_multiple_of(LIVE_IN) {
                &Scenario::LIVE
            } else {
                &Scenario::DRIVES
            };
            let ended = live(world, &own, scenario, &mut trouble).and_then(|ended| {
                same(expected.outcome.as_ref(), &ended)?;
                Ok(ended)
            });
            let done = ended
                .with_context(|| {
                    format!("kills of seed {seed}; everything lies in {}", own.display())
                })?
                .done;
            fs::remove_dir_all(&own)?;
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            total.phones_killed += done.phones_killed;
            total.servers_killed += done.servers_killed;
        }
    })?;
    Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner))
}

const fn still_to_do(asked: Random, done: Done) -> (u32, u32) {
    (
        asked.phones.saturating_sub(done.phones_killed),
        asked.servers.saturating_sub(done.servers_killed),
    )
}

fn same(expected: Option<&Outcome>, ended: &Ended) -> Result<()> {
    if let (Some(expected), Some(found)) = (expected, &ended.outcome)
        && let Some(difference) = expected.difference(found)
    {
        anyhow::bail!("what is left differs from an undisturbed run:\n{difference}");
    }
    Ok(())
}

/// Does `work` for all of them, [`AT_ONCE`] at a time, and stops at the first that fails.
pub(crate) fn all<T: Sync, R: Send>(
    tasks: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = Mutex::new(tasks.iter().enumerate());
    let results = Mutex::new(BTreeMap::new());
    let failure = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let has_failed = lock(&failure).is_some();
                    let Some((place, task)) = lock(&next).next().filter(|_| !has_failed) else {
                        return;
                    };
                    match work(task) {
                        Ok(result) => drop(lock(&results).insert(place, result)),
                        Err(error) => drop(lock(&failure).get_or_insert(error)),
                    }
                }
            });
        }
    });
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(results.into_values().collect())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder for runs that stays where one of them fails.
#[derive(Debug)]
pub struct Scratch(Option<tempfile::TempDir>);

impl Scratch {
    /// Makes it.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("wayhex-endurance-")
            .tempdir();
        Ok(Self(Some(folder.context("a folder for the runs")?)))
    }

    /// Does `work` in it; what an error speaks of is kept.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn with<R>(mut self, work: impl FnOnce(&Path) -> Result<R>) -> Result<R> {
        let folder = self.0.take().context("a folder for the runs")?;
        let done = work(folder.path());
        if done.is_err() {
            let _kept: PathBuf = folder.keep();
        }
        done
    }
}

/// The moments that a test's kills are drawn from: `WAYHEX_SEED`, so that what failed can be repeated, else the time.
///
/// # Errors
/// The variable holds no number.
pub fn seed() -> Result<u64> {
    match std::env::var("WAYHEX_SEED") {
        Ok(text) => text.parse().context("WAYHEX_SEED"),
        Err(_unset) => {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
            Ok(u64::try_from(since.as_millis())?)
        }
    }
}
