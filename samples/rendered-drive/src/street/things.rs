//! Things along the street: trees, parked cars, lamp posts, signs, traffic lights, billboards.

use crate::assets::Assets;
use crate::number::{Dice, float, floor, index};
use crate::texture::{Pyramid, Texture};

const HALVINGS: usize = 6;
const PAINT: [[u8; 3]; 5] = [
    [150, 28, 30],
    [40, 62, 110],
    [176, 178, 182],
    [48, 50, 54],
    [200, 196, 186],
];

/// Width and height of a tree, metres.
pub const TREE_M: (f64, f64) = (4.6, 7.5);
/// Width and height of a car seen from its front, metres.
pub const CAR_M: (f64, f64) = (1.8, 1.5);
/// Width and height of a lamp post, metres.
pub const LAMP_M: (f64, f64) = (1.6, 6.0);
/// Width and height of a traffic sign with its post, metres.
pub const SIGN_M: (f64, f64) = (0.9, 2.9);
/// Width and height of a traffic light with its post, metres.
pub const LIGHT_M: (f64, f64) = (0.5, 3.2);
/// Width and height of a billboard on its legs, metres.
pub const BILLBOARD_M: (f64, f64) = (2.6, 3.3);
/// Height of the face on a billboard with the photograph, metres.
pub const BILLBOARD_FACE_M: f64 = 2.4 * 112.0 / 512.0;

/// A texture for something of that size.
fn blank(size_m: (f64, f64), scale: f64) -> Texture {
    Texture::new(
        index(floor(size_m.0 * scale)),
        index(floor(size_m.1 * scale)),
        [0; 4],
    )
}

/// A tree in leaf.
#[must_use]
pub fn tree(seed: u64, kind: u64, scale: f64) -> Pyramid {
    let mut tree = blank(TREE_M, scale);
    let mut dice = Dice::new(seed, 30, kind);
    let (middle, ground) = (float(tree.width) / 2.0, float(tree.height));
    tree.polygon(
        &[
            (middle - 0.1 * scale, ground - 4.0 * scale),
            (middle + 0.1 * scale, ground - 4.0 * scale),
            (middle + 0.18 * scale, ground),
            (middle - 0.18 * scale, ground),
        ],
        [82, 64, 48],
    );
    for leaf in 0..900 {
        let angle = dice.between(0.0, std::f64::consts::TAU);
        let reach = dice.between(0.0, 1.0).sqrt();
        let x = middle + angle.cos() * reach * 2.0 * scale;
        let y = ground - (5.0 + angle.sin() * reach * 2.2) * scale;
        let size = dice.between(0.12, 0.42) * scale;
        let depth = if leaf < 350 { 0 } else { 1 + dice.bits() % 2 };
        let colour =
            [[34, 58, 28], [62, 96, 42], [98, 134, 62]][usize::try_from(depth).unwrap_or(0)];
        tree.ellipse([x - size, y - 0.7 * size, x + size, y + 0.7 * size], colour);
    }
    tree.roughen(seed ^ kind, 15, 3);
    Pyramid::new(tree, HALVINGS)
}

/// A parked car, its front towards the camera, with a plate that carries marks and no number.
#[must_use]
pub fn car(seed: u64, kind: u64, scale: f64) -> Pyramid {
    let mut car = blank(CAR_M, scale);
    let mut dice = Dice::new(seed, 31, kind);
    let paint = *dice.pick(&PAINT).unwrap_or(&PAINT[0]);
    let (w, h) = (float(car.width), float(car.height));
    for side in [0.06, 0.78] {
        car.rect([side * w, 0.8 * h, (side + 0.16) * w, h], [24, 24, 26]);
    }
    car.polygon(
        &[
            (0.2 * w, 0.0),
            (0.8 * w, 0.0),
            (0.93 * w, 0.42 * h),
            (0.07 * w, 0.42 * h),
        ],
        paint.map(|value| value / 4 * 3),
    );
    car.polygon(
        &[
            (0.23 * w, 0.05 * h),
            (0.77 * w, 0.05 * h),
            (0.87 * w, 0.4 * h),
            (0.13 * w, 0.4 * h),
        ],
        [70, 84, 96],
    );
    car.polygon(
        &[
            (0.23 * w, 0.2 * h),
            (0.5 * w, 0.05 * h),
            (0.62 * w, 0.05 * h),
            (0.18 * w, 0.35 * h),
        ],
        [104, 122, 136],
    );
    car.polygon(
        &[
            (0.06 * w, 0.4 * h),
            (0.94 * w, 0.4 * h),
            (w, 0.55 * h),
            (0.98 * w, 0.9 * h),
            (0.02 * w, 0.9 * h),
            (0.0, 0.55 * h),
        ],
        paint,
    );
    car.rect([0.28 * w, 0.56 * h, 0.72 * w, 0.68 * h], [30, 30, 34]);
    for side in [0.05, 0.75] {
        car.ellipse(
            [side * w, 0.52 * h, (side + 0.2) * w, 0.66 * h],
            [236, 234, 220],
        );
    }
    car.rect(
        [0.02 * w, 0.78 * h, 0.98 * w, 0.81 * h],
        paint.map(|value| value / 2),
    );
    car.rect([0.355 * w, 0.71 * h, 0.645 * w, 0.785 * h], [238, 238, 234]);
    car.writing(
        [0.375 * w, 0.72 * h, 0.64 * w, 0.775 * h],
        [24, 24, 30],
        dice.bits(),
    );
    car.roughen(seed ^ kind, 12, 4);
    Pyramid::new(car, HALVINGS)
}

/// A lamp post whose arm reaches over the road.
#[must_use]
pub fn lamp(seed: u64, scale: f64) -> Pyramid {
    let mut lamp = blank(LAMP_M, scale);
    let (w, h) = (float(lamp.width), float(lamp.height));
    lamp.rect(
        [w - 0.16 * scale, 0.1 * scale, w - 0.04 * scale, h],
        [70, 76, 80],
    );
    lamp.rect(
        [0.2 * scale, 0.1 * scale, w - 0.04 * scale, 0.18 * scale],
        [70, 76, 80],
    );
    lamp.ellipse(
        [0.0, 0.1 * scale, 0.7 * scale, 0.32 * scale],
        [214, 214, 204],
    );
    lamp.roughen(seed, 14, 2);
    Pyramid::new(lamp, HALVINGS)
}

/// A round or square sign on a post.
#[must_use]
pub fn sign(seed: u64, kind: u64, scale: f64) -> Pyramid {
    let mut sign = blank(SIGN_M, scale);
    let (w, h) = (float(sign.width), float(sign.height));
    sign.rect([0.46 * w, 0.3 * h, 0.54 * w, h], [120, 124, 128]);
    if kind.is_multiple_of(2) {
        sign.ellipse([0.05 * w, 0.0, 0.95 * w, 0.9 * w], [196, 28, 34]);
        sign.ellipse([0.18 * w, 0.13 * w, 0.82 * w, 0.77 * w], [240, 240, 236]);
        sign.writing(
            [0.3 * w, 0.3 * w, 0.75 * w, 0.6 * w],
            [20, 20, 24],
            seed ^ kind,
        );
    } else {
        sign.rect([0.0, 0.0, w, 0.8 * w], [26, 72, 150]);
        sign.writing(
            [0.08 * w, 0.12 * w, 0.95 * w, 0.34 * w],
            [240, 240, 236],
            seed ^ kind,
        );
        sign.writing(
            [0.08 * w, 0.46 * w, 0.95 * w, 0.68 * w],
            [240, 240, 236],
            seed ^ kind ^ 9,
        );
    }
    sign.roughen(seed ^ kind, 10, 2);
    Pyramid::new(sign, HALVINGS)
}

/// A traffic light, green or red.
#[must_use]
pub fn light(seed: u64, green: bool, scale: f64) -> Pyramid {
    let mut light = blank(LIGHT_M, scale);
    let (w, h) = (float(light.width), float(light.height));
    light.rect([0.42 * w, 0.3 * h, 0.58 * w, h], [92, 96, 98]);
    light.rect([0.1 * w, 0.0, 0.9 * w, 0.36 * h], [28, 30, 32]);
    let lamps = if green {
        [[60, 18, 18], [62, 50, 16], [40, 226, 110]]
    } else {
        [[240, 44, 36], [62, 50, 16], [16, 52, 30]]
    };
    for (place, colour) in [0.02, 0.13, 0.24].into_iter().zip(lamps) {
        light.ellipse(
            [0.24 * w, place * h, 0.76 * w, place * h + 0.52 * w],
            colour,
        );
    }
    light.roughen(seed, 10, 2);
    Pyramid::new(light, HALVINGS)
}

/// A billboard with the photograph, or with writing where there is none.
#[must_use]
pub fn billboard(seed: u64, scale: f64, assets: Option<&Assets>) -> Pyramid {
    let mut board = blank(BILLBOARD_M, scale);
    let (w, h) = (float(board.width), float(board.height));
    for leg in [0.12, 0.84] {
        board.rect([leg * w, 0.7 * h, (leg + 0.04) * w, h], [84, 86, 88]);
    }
    board.rect([0.0, 0.0, w, 0.8 * h], [52, 54, 58]);
    let (left, top, side) = (0.1 * scale, 0.1 * scale, 2.4 * scale);
    board.rect([left, top, left + side, top + side], [224, 214, 190]);
    if let Some(assets) = assets {
        let source = Pyramid::new(assets.portrait.clone(), 4);
        let level = source.level(float(assets.portrait.width) / side);
        let picture = &source.levels[level];
        for y in 0..floor(side) {
            for x in 0..floor(side) {
                let place = |pixel: i32, size: usize| (f64::from(pixel) + 0.5) / side * float(size);
                let colour = picture.sample(place(x, picture.width), place(y, picture.height));
                board.set(floor(left) + x, floor(top) + y, colour);
            }
        }
    } else {
        for line in 0..4_u8 {
            let y = top + (0.2 + 0.55 * f64::from(line)) * scale;
            board.writing(
                [left + 0.2 * scale, y, left + side, y + 0.35 * scale],
                [60, 40, 36],
                seed ^ u64::from(line),
            );
        }
        board.roughen(seed, 12, 3);
    }
    Pyramid::new(board, HALVINGS)
}
