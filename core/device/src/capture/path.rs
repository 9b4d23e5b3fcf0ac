//! The path that a segment is fitted to.

use wayhex_protocol::position::Position;
use wayhex_protocol::segment::Vertex;

use super::Place;
use super::track::GNSS_GAP_NS;

/// Nanoseconds that two vertices lie apart at least: times on the wire are whole milliseconds, and on a shorter leg their
/// rounding would look like a speed that no car drives.
const VERTICES_APART_NS: u64 = 20_000_000;
const NS_PER_MS: u64 = 1_000_000;

/// Where a path begins: the last kept frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathStart {
    pub at_ns: u64,
    pub position: Position,
}

/// The path from `from` through the usable fixes `between` to the frame. What lies before a GNSS gap is cut off; without
/// `from` it is the frame's place alone.
pub(super) fn since(
    from: Option<PathStart>,
    between: impl Iterator<Item = Place>,
    at_ns: u64,
    position: Position,
) -> Vec<Vertex> {
    let mut path: Vec<Place> = Vec::new();
    if let Some(from) = from {
        path.push(Place {
            at_ns: from.at_ns,
            position: from.position,
        });
        for fix in between {
            let last_ns = path.last().map_or(0, |last| last.at_ns);
            if fix.at_ns - last_ns > GNSS_GAP_NS {
                path.clear();
            }
            let apart = path.is_empty() || fix.at_ns - last_ns >= VERTICES_APART_NS;
            if apart && at_ns - fix.at_ns >= VERTICES_APART_NS {
                path.push(fix);
            }
        }
        if path
            .last()
            .is_some_and(|last| at_ns - last.at_ns > GNSS_GAP_NS)
        {
            path.clear();
        }
    }
    path.push(Place { at_ns, position });
    path.iter().map(|place| vertex(place, at_ns)).collect()
}

fn vertex(place: &Place, at_ns: u64) -> Vertex {
    let before_ms = (at_ns - place.at_ns + NS_PER_MS / 2) / NS_PER_MS;
    Vertex {
        position: place.position,
        before_ms: u32::try_from(before_ms).unwrap_or(u32::MAX),
    }
}
