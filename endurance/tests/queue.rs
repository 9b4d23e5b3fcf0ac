//! A queue of thousands: what it takes in memory does not grow with it.

use anyhow::{Result, ensure};
use wayhex_endurance::kills::Scratch;
use wayhex_endurance::queue::{MEMORY_MAX_BYTES, measure};

#[test]
fn a_large_queue_is_opened_in_little_memory() -> Result<()> {
    Scratch::new()?.with(|folder| {
        let figures = measure(&folder.join("queue"), 5_000, 40_000, 1)?;
        println!("{figures:?}");
        ensure!(figures.peak_bytes < MEMORY_MAX_BYTES, "{figures:?}");
        Ok(())
    })
}
