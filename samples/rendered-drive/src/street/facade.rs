//! House fronts, drawn once each: plaster or brick, rows of windows, shops with signs on the ground floor; and
//! a hedge, for where there is no house.

use crate::number::{Dice, float, floor, index};
use crate::texture::{Pyramid, Texture};

/// Length of every front along the street, metres.
pub const LENGTH_M: f64 = 16.0;
/// Height that is drawn, metres; a lower house shows less of it.
pub const HEIGHT_M: f64 = 14.5;
/// Height of a hedge, metres.
pub const HEDGE_M: f64 = 2.3;

const FLOOR_M: f64 = 3.2;
const SHOP_M: f64 = 3.9;
const HALVINGS: usize = 5;
const PLASTER: [[u8; 3]; 6] = [
    [206, 188, 156],
    [186, 176, 168],
    [198, 160, 134],
    [170, 184, 176],
    [214, 204, 182],
    [164, 112, 92],
];
const SHOP: [[u8; 3]; 5] = [
    [34, 70, 110],
    [124, 32, 36],
    [30, 84, 60],
    [60, 54, 72],
    [142, 96, 24],
];

/// Draws front number `kind` with `scale` pixels per metre. Rows run downward from `HEIGHT_M` to the ground.
#[must_use]
pub fn front(seed: u64, kind: u64, scale: f64) -> Pyramid {
    let mut dice = Dice::new(seed, 10, kind);
    let plaster = *dice.pick(&PLASTER).unwrap_or(&PLASTER[0]);
    let width = index(floor(LENGTH_M * scale));
    let height = index(floor(HEIGHT_M * scale));
    let mut front = Texture::new(width, height, [plaster[0], plaster[1], plaster[2], 255]);
    if dice.chance(50) {
        bricks(&mut front, plaster, scale);
    }
    let spacing_m = dice.between(1.9, 2.7);
    let mut sill_m = SHOP_M + 0.9;
    while sill_m + 1.7 < HEIGHT_M {
        let mut at_m = 0.7;
        while at_m + 1.1 < LENGTH_M {
            window(&mut front, &mut dice, [at_m, sill_m], scale);
            at_m += spacing_m;
        }
        sill_m += FLOOR_M;
    }
    shops(&mut front, &mut dice, scale);
    front.roughen(seed ^ kind, 11, 4);
    Pyramid::new(front, HALVINGS)
}

/// Draws a hedge in the same shape as a front.
#[must_use]
pub fn hedge(seed: u64, scale: f64) -> Pyramid {
    let mut hedge = Texture::new(
        index(floor(LENGTH_M * scale)),
        index(floor(HEIGHT_M * scale)),
        [58, 92, 44, 255],
    );
    let mut dice = Dice::new(seed, 11, 0);
    let (width, height) = (float(hedge.width), float(hedge.height));
    for _ in 0..2600 {
        let (x, y) = (
            dice.between(0.0, width),
            height - dice.between(0.0, HEDGE_M * scale),
        );
        let size = dice.between(0.05, 0.16) * scale;
        let leaf = dice.between(0.0, 1.0);
        let colour = if leaf < 0.5 {
            [36, 66, 30]
        } else {
            [92, 130, 60]
        };
        hedge.ellipse([x, y, x + size, y + 0.7 * size], colour);
    }
    hedge.roughen(seed, 16, 2);
    Pyramid::new(hedge, HALVINGS)
}

fn bricks(front: &mut Texture, plaster: [u8; 3], scale: f64) {
    let mortar = plaster.map(|value| value.saturating_add(26));
    let (width, height) = (float(front.width), float(front.height));
    let mut row_m = 0.0;
    let mut course = 0;
    while row_m < HEIGHT_M {
        let y = height - row_m * scale;
        front.rect([0.0, y - 0.025 * scale, width, y], mortar);
        let mut x = if course % 2 == 0 { 0.0 } else { 0.2 * scale };
        while x < width {
            front.rect([x, y - 0.2 * scale, x + 0.025 * scale, y], mortar);
            x += 0.4 * scale;
        }
        row_m += 0.2;
        course += 1;
    }
}

fn window(front: &mut Texture, dice: &mut Dice, corner_m: [f64; 2], scale: f64) {
    let bottom = float(front.height) - corner_m[1] * scale;
    let left = corner_m[0] * scale;
    let (wide, high) = (1.1 * scale, 1.65 * scale);
    let border = 0.09 * scale;
    front.rect(
        [
            left - border,
            bottom - high - border,
            left + wide + border,
            bottom + border,
        ],
        [232, 228, 220],
    );
    let glass = if dice.chance(30) {
        [126, 150, 172]
    } else {
        [52, 62, 76]
    };
    front.rect([left, bottom - high, left + wide, bottom], glass);
    // A slanting gleam, and curtains behind some panes.
    front.polygon(
        &[
            (left, bottom - 0.5 * high),
            (left + 0.6 * wide, bottom - high),
            (left + 0.9 * wide, bottom - high),
            (left, bottom - 0.2 * high),
        ],
        glass.map(|value| value.saturating_add(24)),
    );
    if dice.chance(40) {
        front.rect(
            [left, bottom - high, left + 0.25 * wide, bottom],
            [196, 188, 170],
        );
        front.rect(
            [left + 0.75 * wide, bottom - high, left + wide, bottom],
            [196, 188, 170],
        );
    }
    let bar = 0.035 * scale;
    front.rect(
        [
            left + 0.5 * wide - bar,
            bottom - high,
            left + 0.5 * wide + bar,
            bottom,
        ],
        [232, 228, 220],
    );
    front.rect(
        [
            left,
            bottom - 0.62 * high,
            left + wide,
            bottom - 0.62 * high + 2.0 * bar,
        ],
        [232, 228, 220],
    );
    front.rect(
        [
            left - 2.0 * border,
            bottom + border,
            left + wide + 2.0 * border,
            bottom + 2.0 * border,
        ],
        [128, 122, 116],
    );
}

fn shops(front: &mut Texture, dice: &mut Dice, scale: f64) {
    let bottom = float(front.height);
    let mut left_m = 0.4;
    while left_m + 3.6 < LENGTH_M {
        let wide_m = dice.between(3.4, 5.0).min(LENGTH_M - 0.4 - left_m);
        let (x0, x1) = (left_m * scale, (left_m + wide_m - 0.5) * scale);
        let colour = *dice.pick(&SHOP).unwrap_or(&SHOP[0]);
        front.rect([x0, bottom - 3.6 * scale, x1, bottom - 2.9 * scale], colour);
        let line = [
            x0 + 0.2 * scale,
            bottom - 3.45 * scale,
            x1 - 0.2 * scale,
            bottom - 3.05 * scale,
        ];
        front.writing(line, [238, 232, 214], dice.bits());
        front.rect(
            [x0, bottom - 2.8 * scale, x1, bottom - 0.5 * scale],
            [66, 74, 82],
        );
        for _ in 0..9 {
            // What stands behind the shop window.
            let (x, high) = (
                dice.between(x0, x1 - 0.4 * scale),
                dice.between(0.3, 1.5) * scale,
            );
            let shade = [dice.bits(), dice.bits(), dice.bits()]
                .map(|bits| u8::try_from(60 + bits % 150).unwrap_or(90));
            let base = bottom - 0.5 * scale;
            front.rect(
                [x, base - high, x + dice.between(0.15, 0.4) * scale, base],
                shade,
            );
        }
        front.rect(
            [x1 - 1.0 * scale, bottom - 2.6 * scale, x1, bottom],
            colour.map(|value| value / 2),
        );
        front.rect(
            [
                x1 - 0.85 * scale,
                bottom - 2.4 * scale,
                x1 - 0.15 * scale,
                bottom - 0.3 * scale,
            ],
            [98, 110, 118],
        );
        left_m += wide_m;
    }
    front.rect(
        [
            0.0,
            bottom - (SHOP_M + 0.12) * scale,
            float(front.width),
            bottom - SHOP_M * scale,
        ],
        [214, 208, 198],
    );
}
