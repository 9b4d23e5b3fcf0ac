//! The path that a segment is fitted to: the last kept frame, every usable fix since, the frame.
//!
//! Times on the wire are whole milliseconds. Of two places so near in time that the rounding alone would make the leg between
//! them unlawful (no whole millisecond, or faster than any car), the fix is left out: with it the segment would lose all before it.

use wayhex_protocol::limits::LEG_SPEED_MAX_M_S;
use wayhex_protocol::position::Position;
use wayhex_protocol::segment::Vertex;

use super::Place;
use super::track::GNSS_GAP_NS;

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
    let mut path: Vec<Vertex> = Vec::new();
    let mut last_ns = at_ns;
    if let Some(from) = from {
        path.push(vertex(from.at_ns, from.position, at_ns));
        last_ns = from.at_ns;
        for fix in between {
            if fix.at_ns - last_ns > GNSS_GAP_NS {
                path.clear();
            }
            last_ns = fix.at_ns;
            let vertex = vertex(fix.at_ns, fix.position, at_ns);
            if path.last().is_none_or(|last| is_lawful(last, &vertex)) {
                path.push(vertex);
            }
        }
    }
    if at_ns - last_ns > GNSS_GAP_NS {
        path.clear();
    }
    let end = vertex(at_ns, position, at_ns);
    while path.len() > 1 && path.last().is_some_and(|last| !is_lawful(last, &end)) {
        path.pop();
    }
    path.push(end);
    path
}

fn is_lawful(from: &Vertex, to: &Vertex) -> bool {
    let lasting_ms = from.before_ms.saturating_sub(to.before_ms);
    let leg_m = from.position.distance_m(to.position);
    lasting_ms > 0 && leg_m * 1_000.0 <= LEG_SPEED_MAX_M_S * f64::from(lasting_ms)
}

fn vertex(at_ns: u64, position: Position, frame_ns: u64) -> Vertex {
    let before_ms = (frame_ns - at_ns + NS_PER_MS / 2) / NS_PER_MS;
    Vertex {
        position,
        before_ms: u32::try_from(before_ms).unwrap_or(u32::MAX),
    }
}
