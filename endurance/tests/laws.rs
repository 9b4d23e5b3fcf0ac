//! The check of the laws is red where one of them is broken: a store that lost, doubled or overpaid something is told.

use anyhow::{Result, ensure};
use rusqlite::Connection;
use wayhex_endurance::folders;
use wayhex_endurance::kills::Scratch;
use wayhex_endurance::outcome::check;
use wayhex_endurance::run::live;
use wayhex_endurance::scenario::Scenario;
use wayhex_endurance::trouble::Trouble;
use wayhex_endurance::world::{Size, World};

/// What is done to the server's database or to the first phone's, and what the check says.
const BROKEN: [(&str, &str, &str); 6] = [
    (
        "server",
        "PRAGMA foreign_keys = OFF;
         DELETE FROM observation_cells WHERE observation = (SELECT min(id) FROM observations);
         DELETE FROM pictures WHERE observation = (SELECT min(id) FROM observations);
         DELETE FROM observations WHERE id = (SELECT min(id) FROM observations);",
        "was acknowledged, and the server has no such observation",
    ),
    (
        "server",
        "DELETE FROM pictures WHERE observation = (SELECT min(id) FROM observations);",
        "has 0 pictures",
    ),
    (
        "server",
        "UPDATE payouts SET paid_low_micros = paid_low_micros + 1 WHERE epoch = 2;",
        "and the audit says",
    ),
    (
        "server",
        "UPDATE balances SET matured_micros = 2 * matured_micros;",
        "and holds",
    ),
    (
        "phone-0",
        "DELETE FROM frames WHERE item = 1; DELETE FROM items WHERE place = 1;",
        "and no phone its receipt",
    ),
    (
        "phone-0",
        "UPDATE items SET receipt = (SELECT receipt FROM items WHERE place = 2) WHERE place = 1;",
        "is for",
    ),
];

#[test]
fn a_store_that_lost_or_doubled_something_is_told() -> Result<()> {
    Scratch::new()?.with(|folder| {
        let world = World::prepare(&folder.join("world"), Size::Small)?;
        let own = folder.join("run");
        let ended = live(&world, &own, &Scenario::DRIVES, &mut Trouble::default())?;
        let kept = folder.join("kept");
        folders::copy(&own, &kept)?;
        for (side, sql, expected) in BROKEN {
            std::fs::remove_dir_all(&own)?;
            folders::copy(&kept, &own)?;
            let database = match side {
                "server" => own.join("server/store/wayhex.sqlite"),
                phone => own.join(phone).join("queue.sqlite"),
            };
            Connection::open(database)?.execute_batch(sql)?;
            let said = match check(&ended.life.phones, &ended.life.server) {
                Ok(checked) => format!("{checked:?}"),
                Err(error) => format!("{error:#}"),
            };
            ensure!(said.contains(expected), "{sql}: {said}");
        }
        Ok(())
    })
}
