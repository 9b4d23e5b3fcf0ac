//! The sky with its clouds and the hills below it: a strip around the horizon that turns with the heading.

use crate::number::{Dice, float, hash};
use crate::texture::Texture;

/// Columns of the strip; it repeats, so a power of two.
pub const COLUMNS: usize = 2048;

/// Draws the strip for pictures of `height` rows.
#[must_use]
pub fn panorama(seed: u64, height: usize) -> Texture {
    let mut sky = Texture::new(COLUMNS, height, [0, 0, 0, 255]);
    let (wide, high) = (float(COLUMNS), float(height));
    for y in 0..height {
        let low = (float(y) / (0.5 * high)).min(1.0);
        let shade = |top: f64, end: f64| crate::number::byte(top + (end - top) * low);
        let colour = [
            shade(96.0, 196.0),
            shade(142.0, 210.0),
            shade(196.0, 220.0),
            255,
        ];
        sky.pixels[y * COLUMNS..(y + 1) * COLUMNS].fill(colour);
    }
    let mut dice = Dice::new(seed, 40, 0);
    for _ in 0..26 {
        let (x, y) = (dice.between(0.0, wide), dice.between(0.05, 0.32) * high);
        for _ in 0..14 {
            let (dx, dy) = (
                dice.between(-0.12, 0.12) * high,
                dice.between(-0.02, 0.02) * high,
            );
            let size = dice.between(0.02, 0.06) * high;
            let white = 214 + u8::try_from(dice.bits() % 28).unwrap_or(0);
            sky.ellipse(
                [
                    x + dx - 2.0 * size,
                    y + dy - 0.5 * size,
                    x + dx + 2.0 * size,
                    y + dy + 0.5 * size,
                ],
                [white, white, white.saturating_add(6)],
            );
        }
    }
    hills(&mut sky, seed, high, 0.11, [128, 148, 172]);
    hills(&mut sky, seed ^ 1, high, 0.06, [92, 120, 108]);
    sky.roughen(seed, 7, 6);
    sky
}

/// A ridge up to `rise` of the picture's height above the horizon, the same at both ends of the strip.
fn hills(sky: &mut Texture, seed: u64, high: f64, rise: f64, colour: [u8; 3]) {
    let wave = |k: u64| f64::from(u32::try_from(hash(seed, 41, k) % 6283).unwrap_or(0)) / 1000.0;
    for x in 0..COLUMNS {
        let angle = float(x) / float(COLUMNS) * std::f64::consts::TAU;
        let sum: f64 = [
            (3.0, 0.5),
            (7.0, 0.25),
            (17.0, 0.14),
            (41.0, 0.07),
            (97.0, 0.04),
        ]
        .iter()
        .zip(0..)
        .map(|((count, size), k)| size * (angle * count + wave(k)).sin())
        .sum();
        let top = (0.48 - rise * (0.55 + 0.45 * sum)) * high;
        sky.rect([float(x), top, float(x) + 1.0, high], colour);
    }
}
