//! The soak as a program: `endurance --help`. It ends with 0 where every law held, and names the seed and the folder of the first
//! one that did not.

use anyhow::Result;
use clap::Parser;

fn main() -> Result<()> {
    wayhex_endurance::soak::run(&wayhex_endurance::soak::Options::parse())
}
