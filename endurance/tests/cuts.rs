//! A network that breaks off in the middle of a batch.

use anyhow::Result;
use wayhex_endurance::cuts::Batch;
use wayhex_endurance::kills::{Scratch, seed};

/// One within the answer, two near the end, two anywhere.
const CUTS: usize = 6;

#[test]
fn a_cut_batch_costs_a_quarter_more_at_most() -> Result<()> {
    let seed = seed()?;
    println!("WAYHEX_SEED={seed}");
    Scratch::new()?.with(|folder| {
        let batch = Batch::prepare(&folder.join("batch"))?;
        println!("{:?}", batch.cut(folder, CUTS, seed)?);
        Ok(())
    })
}
