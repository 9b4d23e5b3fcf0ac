//! Processes end at every failpoint and at random moments; nothing acknowledged is lost, and nothing is there or paid twice.

use anyhow::{Result, ensure};
use wayhex_endurance::kills::{Random, Scratch, every_failpoint, random, seed};
use wayhex_endurance::scenario::Scenario;
use wayhex_endurance::world::{Size, World};

#[test]
fn a_kill_at_any_failpoint_leaves_what_an_undisturbed_run_leaves() -> Result<()> {
    let seed = seed()?;
    println!("WAYHEX_SEED={seed}");
    Scratch::new()?.with(|folder| {
        let world = World::prepare(&folder.join("world"), Size::Small)?;
        let done = every_failpoint(&world, folder, Scenario::ALL, seed)?;
        println!("{done:?}");
        ensure!(done.kills as usize >= done.names);
        Ok(())
    })
}

#[test]
fn kills_at_random_moments_leave_what_an_undisturbed_run_leaves() -> Result<()> {
    let seed = seed()?;
    println!("WAYHEX_SEED={seed}");
    Scratch::new()?.with(|folder| {
        let world = World::prepare(&folder.join("world"), Size::Middle)?;
        let asked = Random {
            seed,
            phones: 20,
            servers: 20,
            in_a_run: 5,
        };
        let done = random(&world, folder, asked)?;
        println!("{done:?}");
        ensure!(done.phones_killed >= 20 && done.servers_killed >= 20);
        Ok(())
    })
}
