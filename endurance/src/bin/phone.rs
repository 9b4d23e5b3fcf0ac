//! A phone as a program: [`wayhex_endurance::player`].

use std::process::ExitCode;

fn main() -> ExitCode {
    wayhex_endurance::player::run()
}
