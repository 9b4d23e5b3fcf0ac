//! Answers, for each path on standard input, with its cells: a door for judges in other languages.
//!
//! A line in is `lat_e7,lon_e7 lat_e7,lon_e7 ...`; a line out is the cells in hexadecimal, sorted, and the quadrant's
//! number or `-`, all separated by spaces.

use std::io::{BufRead, Write, stdin, stdout};

use wayhex_protocol::cells::cells_along;
use wayhex_protocol::position::Position;
use wayhex_protocol::segment::direction;
use wayhex_protocol::unit::Quadrant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = stdout().lock();
    for line in stdin().lock().lines() {
        let path = parse(&line?)?;
        let quadrant = direction(path[0], path[path.len() - 1]).map(Quadrant::number);
        for cell in cells_along(&path) {
            write!(out, "{cell} ")?;
        }
        writeln!(
            out,
            "{}",
            quadrant.map_or_else(|| "-".to_owned(), |number| number.to_string())
        )?;
    }
    Ok(())
}

fn parse(line: &str) -> Result<Vec<Position>, String> {
    let position = |vertex: &str| {
        let (lat, lon) = vertex.split_once(',')?;
        Position::from_e7(lat.parse().ok()?, lon.parse().ok()?)
    };
    let path: Option<Vec<Position>> = line.split_whitespace().map(position).collect();
    path.filter(|path| !path.is_empty())
        .ok_or_else(|| format!("not a path: {line}"))
}
