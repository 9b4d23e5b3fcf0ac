//! People: drawn bodies, each with the head of the photograph, or with a plain one where there is no photograph.

use crate::assets::Assets;
use crate::number::{Dice, byte, float, floor, index, signed};
use crate::texture::{Pyramid, Texture, within};

/// Height of a person, metres.
pub const HEIGHT_M: f64 = 1.82;
/// Width of the picture of a person, metres.
pub const WIDTH_M: f64 = 0.9;
/// Height of a face, hairline to chin, metres.
pub const FACE_M: f64 = 0.22;

/// Rows between hairline and chin in the photograph.
const FACE_ROWS: f64 = 112.0;
/// Where the chin is in the photograph.
const CHIN: (f64, f64) = (228.0, 184.0);
/// Outline of head and neck in the photograph, pixels from its top left.
const HEAD: [(f64, f64); 27] = [
    (153.0, 72.0),
    (160.0, 52.0),
    (172.0, 38.0),
    (190.0, 28.0),
    (206.0, 18.0),
    (228.0, 14.0),
    (250.0, 16.0),
    (270.0, 22.0),
    (286.0, 34.0),
    (296.0, 52.0),
    (301.0, 72.0),
    (300.0, 92.0),
    (293.0, 112.0),
    (283.0, 126.0),
    (272.0, 130.0),
    (268.0, 146.0),
    (260.0, 166.0),
    (254.0, 178.0),
    (252.0, 196.0),
    (244.0, 214.0),
    (212.0, 214.0),
    (190.0, 194.0),
    (187.0, 168.0),
    (180.0, 128.0),
    (168.0, 118.0),
    (158.0, 108.0),
    (154.0, 92.0),
];
const COATS: [[u8; 3]; 8] = [
    [44, 58, 92],
    [120, 40, 44],
    [70, 76, 66],
    [168, 140, 92],
    [38, 38, 42],
    [92, 112, 134],
    [150, 92, 50],
    [96, 60, 104],
];
const TROUSERS: [[u8; 3]; 4] = [[40, 46, 62], [58, 52, 46], [34, 34, 38], [104, 100, 92]];
const HALVINGS: usize = 6;

/// Draws person number `kind` with `scale` pixels per metre; `turned` away shows hair where the face would be.
#[must_use]
pub fn person(seed: u64, kind: u64, scale: f64, assets: Option<&Assets>, turned: bool) -> Pyramid {
    let mut dice = Dice::new(seed, 20, kind);
    let mut person = Texture::new(
        index(floor(WIDTH_M * scale)),
        index(floor(HEIGHT_M * scale)),
        [0; 4],
    );
    body(&mut person, &mut dice, scale, assets.is_none() || turned);
    person.roughen(seed ^ kind, 11, 5);
    if let (Some(assets), false) = (assets, turned) {
        head(
            &mut person,
            &assets.portrait,
            scale,
            dice.chance(50),
            dice.between(0.82, 1.12),
        );
    }
    Pyramid::new(person, HALVINGS)
}

/// Trunk, arms, legs and shoes; measures in metres from the ground up and from the middle line.
fn body(person: &mut Texture, dice: &mut Dice, scale: f64, plain_head: bool) {
    let (middle, ground) = (float(person.width) / 2.0, float(person.height));
    let at = |x_m: f64, y_m: f64| (middle + x_m * scale, ground - y_m * scale);
    let mut shape = |colour: [u8; 3], corners: &[(f64, f64)]| {
        let corners: Vec<(f64, f64)> = corners.iter().map(|&(x, y)| at(x, y)).collect();
        person.polygon(&corners, colour);
    };
    let coat = *dice.pick(&COATS).unwrap_or(&COATS[0]);
    let trousers = *dice.pick(&TROUSERS).unwrap_or(&TROUSERS[0]);
    let seam = coat.map(|value| value / 4 * 3);
    let step = dice.between(0.02, 0.16);
    for side in [-1.0, 1.0] {
        let foot = side * (0.08 + step);
        shape(
            trousers,
            &[
                (side * 0.01, 0.86),
                (side * 0.2, 0.86),
                (foot + side * 0.06, 0.08),
                (foot - side * 0.07, 0.08),
            ],
        );
        shape(
            [28, 24, 22],
            &[
                (foot - 0.08, 0.1),
                (foot + 0.08, 0.1),
                (foot + 0.1, 0.0),
                (foot - 0.1, 0.0),
            ],
        );
        let hand = side * dice.between(0.28, 0.38);
        shape(
            seam,
            &[
                (side * 0.2, 1.42),
                (side * 0.27, 1.36),
                (hand + side * 0.05, 0.8),
                (hand - side * 0.06, 0.8),
            ],
        );
        shape(
            [196, 148, 122],
            &[
                (hand - 0.05, 0.82),
                (hand + 0.05, 0.82),
                (hand + 0.04, 0.7),
                (hand - 0.04, 0.7),
            ],
        );
    }
    let hem = dice.between(0.62, 0.88);
    shape(
        coat,
        &[
            (-0.09, 1.47),
            (0.09, 1.47),
            (0.24, 1.4),
            (0.23, 1.0),
            (0.25, hem),
            (-0.25, hem),
            (-0.23, 1.0),
            (-0.24, 1.4),
        ],
    );
    shape(
        seam,
        &[(-0.012, 1.42), (0.012, 1.42), (0.012, hem), (-0.012, hem)],
    );
    shape(
        seam,
        &[(-0.235, 1.02), (0.235, 1.02), (0.235, 0.98), (-0.235, 0.98)],
    );
    if dice.chance(40) {
        let bag = coat.map(|value| value.saturating_add(60));
        shape(
            bag,
            &[(0.1, 1.42), (0.14, 1.42), (-0.2, 0.9), (-0.24, 0.92)],
        );
    }
    if plain_head {
        let (left, top) = at(-0.12, 1.78);
        let (right, low) = at(0.12, 1.46);
        person.ellipse([left, top, right, low], [86, 62, 40]);
    }
}

/// Puts the photograph's head on the shoulders.
fn head(person: &mut Texture, portrait: &Texture, scale: f64, mirrored: bool, light: f64) {
    let pixels_per_row = FACE_M * scale / FACE_ROWS;
    let (middle, chin) = (
        float(person.width) / 2.0,
        float(person.height) - 1.47 * scale,
    );
    let rows = floor(chin + 40.0 * pixels_per_row).min(signed(person.height));
    let source = Pyramid::new(portrait.clone(), 3);
    let level = source.level(1.0 / pixels_per_row);
    let shrink = f64::from(1_u32 << level.min(8));
    for y in 0..rows {
        for x in 0..signed(person.width) {
            let across = (f64::from(x) + 0.5 - middle) / pixels_per_row;
            let px = CHIN.0 + if mirrored { -across } else { across };
            let py = CHIN.1 + (f64::from(y) + 0.5 - chin) / pixels_per_row;
            if within(&HEAD, px, py) {
                let colour = source.levels[level].sample(px / shrink, py / shrink);
                let lit = |value: u8| byte(f64::from(value) * light);
                person.set(x, y, [lit(colour[0]), lit(colour[1]), lit(colour[2]), 255]);
            }
        }
    }
}
