//! The ground: asphalt with its lines, kerbs and slabs, drawn once as a strip that repeats every nine metres.

use crate::number::{float, floor, index};
use crate::texture::{Pyramid, Texture};

/// The left edge of the strip, metres right of the camera.
pub const LEFT_M: f64 = -9.0;
/// The right edge of the strip.
pub const RIGHT_M: f64 = 7.0;
/// The strip repeats after this many metres: one dash of the centre line and the space after it.
pub const PERIOD_M: f64 = 9.0;
/// The left kerb; the car drives in the right lane of two.
pub const ROAD_LEFT_M: f64 = -4.9;
/// The right kerb.
pub const ROAD_RIGHT_M: f64 = 1.7;

const CENTRE_LINE_M: f64 = -1.6;
const KERB_M: f64 = 0.22;
const HALVINGS: usize = 6;

/// Draws the strip with `scale` pixels per metre, with a pedestrian crossing all along it or without.
#[must_use]
pub fn strip(seed: u64, scale: f64, crossing: bool) -> Pyramid {
    let width = index(floor((RIGHT_M - LEFT_M) * scale));
    let length = index(floor(PERIOD_M * scale));
    let mut strip = Texture::new(width, length, [86, 86, 90, 255]);
    let end = float(length);
    let column = |metres: f64| (metres - LEFT_M) * scale;
    let mut band = |from_m: f64, to_m: f64, rows: [f64; 2], colour: [u8; 3]| {
        strip.rect([column(from_m), rows[0], column(to_m), rows[1]], colour);
    };
    for wheel_m in [-4.2, -2.6, -0.9, 0.7] {
        band(wheel_m, wheel_m + 0.5, [0.0, end], [74, 74, 79]);
    }
    band(
        ROAD_LEFT_M + 0.15,
        ROAD_LEFT_M + 0.27,
        [0.0, end],
        [205, 203, 196],
    );
    band(
        ROAD_RIGHT_M - 0.27,
        ROAD_RIGHT_M - 0.15,
        [0.0, end],
        [205, 203, 196],
    );
    if crossing {
        let mut at_m = ROAD_LEFT_M + 0.3;
        while at_m < ROAD_RIGHT_M - 0.6 {
            band(at_m, at_m + 0.5, [0.0, end], [222, 196, 84]);
            at_m += 1.0;
        }
    } else {
        band(
            CENTRE_LINE_M - 0.07,
            CENTRE_LINE_M + 0.07,
            [0.0, 3.0 * scale],
            [226, 224, 218],
        );
    }
    for (edge_m, inner_m, slabs_from_m) in [
        (LEFT_M, ROAD_LEFT_M - KERB_M, LEFT_M),
        (ROAD_RIGHT_M + KERB_M, RIGHT_M, ROAD_RIGHT_M + KERB_M),
    ] {
        band(edge_m, inner_m, [0.0, end], [150, 146, 140]);
        for slab in 0..9 {
            let row = f64::from(slab) * scale;
            band(edge_m, inner_m, [row, row + 0.04 * scale], [112, 108, 104]);
        }
        for slab in 0..6 {
            let seam_m = slabs_from_m + f64::from(slab) * 0.8;
            if seam_m + 0.04 < inner_m {
                band(seam_m, seam_m + 0.04, [0.0, end], [118, 114, 110]);
            }
        }
    }
    band(
        ROAD_LEFT_M - KERB_M,
        ROAD_LEFT_M,
        [0.0, end],
        [182, 180, 176],
    );
    band(
        ROAD_RIGHT_M,
        ROAD_RIGHT_M + KERB_M,
        [0.0, end],
        [182, 180, 176],
    );
    strip.roughen(seed, 14, 3);
    Pyramid::new(strip, HALVINGS)
}
