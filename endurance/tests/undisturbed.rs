//! Runs that nobody disturbs: what is compared is equal, and the laws hold.

use anyhow::{Result, ensure};
use wayhex_endurance::kills::Scratch;
use wayhex_endurance::run::live;
use wayhex_endurance::scenario::Scenario;
use wayhex_endurance::trouble::Trouble;
use wayhex_endurance::world::{Size, World};

#[test]
fn two_undisturbed_runs_leave_the_same() -> Result<()> {
    Scratch::new()?.with(|folder| {
        let world = World::prepare(&folder.join("world"), Size::Middle)?;
        let run = |name: &str| {
            live(
                &world,
                &folder.join(name),
                &Scenario::DRIVES,
                &mut Trouble::default(),
            )
        };
        let (one, other) = (run("one")?, run("other")?);
        ensure!(one.checked == other.checked);
        ensure!(one.checked.accepted >= 20, "{:?}", one.checked);
        ensure!(one.checked.refused > 0, "{:?}", one.checked);
        ensure!(one.checked.paid_micros > 0, "{:?}", one.checked);
        let difference = one
            .outcome
            .zip(other.outcome)
            .and_then(|(one, other)| one.difference(&other));
        ensure!(difference.is_none(), "{difference:?}");
        println!("{:?} {:?} {:?}", one.checked, one.took, one.phone_took);
        Ok(())
    })
}
