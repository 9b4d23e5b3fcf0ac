//! Draws what stands along the street: upright pictures that face the camera, scaled, lit, hazed, and hidden by
//! walls that stand before them.

use super::frame::{CAMERA_M, Lens, View, fixed, haze, hazy};
use super::scene::{Look, Standing};
use super::{Street, people, things};
use crate::number::{float, floor, index, signed};
use crate::texture::{Pixel, Pyramid, Texture};

/// Least height of a face that is counted, in pixels of a picture 1280 wide.
const FACE_PX: f64 = 28.0;

/// The picture so far, and for each column the distance of its wall and the row where the wall begins.
pub(super) struct Canvas<'a> {
    pub picture: &'a mut [Pixel],
    pub width: usize,
    pub height: usize,
    pub walls: &'a [(f64, i32)],
    pub lens: Lens,
}

impl Street {
    /// Draws one thing; returns how many faces that adds.
    pub(super) fn stand(&self, view: &View<'_>, thing: &Standing, canvas: &mut Canvas<'_>) -> u32 {
        let distance_m = thing.at_m - view.along_m;
        let lens = canvas.lens;
        let per_metre = lens.focal / distance_m;
        let middle =
            lens.middle + (thing.side_m + view.bend * distance_m * distance_m / 2.0) * per_metre;
        let ground = lens.horizon + CAMERA_M * per_metre;
        let (wide, high) = (thing.size_m.0 * per_metre, thing.size_m.1 * per_metre);
        let place = [middle - wide / 2.0, ground - high, wide, high];
        canvas.paste(self.texture(thing.look), place, thing.light, distance_m);
        let Some((face_m, above_m)) = self.face(thing) else {
            return 0;
        };
        let (face, y) = (face_m * per_metre, ground - above_m * per_metre);
        let inside = middle - face / 2.0 > 0.0
            && middle + face / 2.0 < float(canvas.width)
            && y > 0.0
            && canvas
                .walls
                .get(index(floor(middle)))
                .is_some_and(|wall| wall.0 > distance_m);
        u32::from(inside && face >= FACE_PX * float(canvas.width) / 1280.0)
    }

    fn texture(&self, look: Look) -> &Pyramid {
        match look {
            Look::Person(kind) => &self.people[kind],
            Look::Turned(kind) => &self.turned[kind],
            Look::Tree(kind) => &self.trees[kind],
            Look::Car(kind) => &self.cars[kind],
            Look::Sign(kind) => &self.signs[kind],
            Look::Lamp => &self.lamp,
            Look::Light { green } => &self.lights[usize::from(green)],
            Look::Billboard => &self.billboard,
        }
    }

    /// Height of the face and of its top above ground, metres.
    fn face(&self, thing: &Standing) -> Option<(f64, f64)> {
        let grown = thing.size_m.1 / people::HEIGHT_M;
        match thing.look {
            Look::Person(_) if self.has_faces => Some((people::FACE_M * grown, 1.69 * grown)),
            Look::Billboard if self.has_faces => Some((things::BILLBOARD_FACE_M, 2.9)),
            _ => None,
        }
    }
}

impl Canvas<'_> {
    /// Scales a picture into the box `[left, top, width, height]` of the screen, in pixels.
    fn paste(&mut self, pyramid: &Pyramid, place: [f64; 4], light: u32, distance_m: f64) {
        let [left, top, wide, high] = place;
        let level = pyramid.level(float(pyramid.levels[0].width) / wide.max(1.0));
        let texture = &pyramid.levels[level];
        let x0 = floor(left).max(0);
        let x1 = floor(left + wide).min(signed(self.width));
        let y0 = floor(top).max(0);
        let y1 = floor(top + high).min(signed(self.height));
        let (per_x, per_y) = (float(texture.width) / wide, float(texture.height) / high);
        let (step, lit) = (fixed(per_x), light * (256 - haze(distance_m)) / 256);
        let veil = hazy([0, 0, 0, 255], haze(distance_m));
        for y in y0..y1 {
            let down = fixed((f64::from(y) + 0.5 - top) * per_y - 0.5).max(0);
            let mut across = fixed((f64::from(x0) + 0.5 - left) * per_x - 0.5).max(0);
            let row = index(y) * self.width;
            for x in index(x0)..index(x1) {
                let source = blended(texture, across, down);
                across += step;
                let (wall_m, wall_top) = self.walls[x];
                if source[3] == 0 || (wall_m < distance_m && y >= wall_top) {
                    continue;
                }
                over(&mut self.picture[row + x], source, lit, veil);
            }
        }
    }
}

/// The texture between its pixels, at a place with 16 binary places; the nearest pixel decides what is empty.
fn blended(texture: &Texture, across: i64, down: i64) -> [u32; 4] {
    let place = |at: i64, size: usize| usize::try_from(at >> 16).unwrap_or(0).min(size - 1);
    let (x, y) = (place(across, texture.width), place(down, texture.height));
    let (right, below) = (
        (x + 1).min(texture.width - 1),
        (y + 1).min(texture.height - 1),
    );
    let (top, low) = (y * texture.width, below * texture.width);
    let four = [
        texture.pixels[top + x],
        texture.pixels[top + right],
        texture.pixels[low + x],
        texture.pixels[low + right],
    ];
    if four[0][3] == 0 && four[3][3] == 0 {
        return [0; 4];
    }
    let share = |at: i64| u32::try_from((at >> 8) & 0xff).unwrap_or(0);
    let (fx, fy) = (share(across), share(down));
    std::array::from_fn(|channel| {
        let value = |corner: usize| u32::from(four[corner][channel]);
        let upper = value(0) * (256 - fx) + value(1) * fx;
        let lower = value(2) * (256 - fx) + value(3) * fx;
        (upper * (256 - fy) + lower * fy) >> 16
    })
}

/// Lays a premultiplied colour over a pixel, lit and hazed.
fn over(pixel: &mut Pixel, source: [u32; 4], lit: u32, veil: Pixel) {
    for channel in 0..3 {
        let colour =
            (source[channel] * lit + u32::from(veil[channel]) * source[3] * 256 / 255) >> 8;
        let under = u32::from(pixel[channel]) * (255 - source[3]) / 255;
        pixel[channel] = u8::try_from(colour + under).unwrap_or(u8::MAX);
    }
}
