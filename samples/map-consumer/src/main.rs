//! Asks an ingest server for the coverage in a box and draws it as an SVG: the whole of what a map consumer has to
//! do, in three steps. `ask` pages through the answer, `project` turns degrees into a page, `draw` writes it.
//!
//! Exit codes: 0 the map is written; 1 it is not, and stderr says why; 2 usage.

mod ask;
mod bbox;
mod draw;
mod project;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;

use crate::bbox::BoundingBox;

/// Draws the coverage in a box as an SVG.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The server, for instance <http://127.0.0.1:8080>
    #[arg(long, value_name = "URL")]
    server: reqwest::Url,
    /// West, south, east, north in degrees; west may be greater than east (across the antimeridian)
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true)]
    bbox: BoundingBox,
    /// Where the drawing goes; an SVG, whatever its name
    #[arg(long, value_name = "FILE.svg")]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let cells = ask::coverage(&options.server, &options.bbox)?;
    let page = draw::page(&options.server, &options.bbox, &cells);
    std::fs::write(&options.out, page)
        .with_context(|| format!("cannot write {}", options.out.display()))
}
