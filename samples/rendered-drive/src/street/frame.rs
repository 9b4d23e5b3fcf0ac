//! What the camera sees: for each column the wall that it meets, for each row the ground, then all that stands
//! along the street, farthest first.

use super::{Street, facade, ground, scene, sky};
use crate::course::Stop;
use crate::number::{float, floor, hash, index};
use crate::texture::{Pixel, Pyramid, Texture};

/// Focal length in picture widths: 65 degrees across.
const FOCAL: f64 = 0.78;
/// Height of the horizon, share of the picture from its top.
const HORIZON: f64 = 0.47;
/// Height of the camera above the road, metres.
pub(super) const CAMERA_M: f64 = 1.35;
/// Where the house fronts stand, metres right of the camera.
const WALLS_M: [f64; 2] = [-8.5, 5.5];
/// Beyond this distance there is only haze, metres.
const FAR_M: f64 = 170.0;
/// Distance over which haze takes about two thirds of the colour, metres.
const HAZE_M: f64 = 190.0;
/// Colour of the haze.
const HAZE: [u8; 3] = [190, 202, 212];

/// Where the camera is and what it looks along.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// Metres along the way.
    pub along_m: f64,
    /// Mean curvature of the road ahead, radians per metre, clockwise positive.
    pub bend: f64,
    /// Heading, radians.
    pub heading_rad: f64,
    /// The stops of the course; each has a crossing and a light.
    pub stops: &'a [Stop],
    /// Number of the stop where the car waits, and for how many seconds.
    pub waiting: Option<(usize, f64)>,
}

/// The lens: pixels and metres.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lens {
    pub focal: f64,
    pub middle: f64,
    pub horizon: f64,
}

/// The part of a wall that one column shows.
struct Column<'a> {
    top: i32,
    bottom: i32,
    wall: &'a Texture,
    across: usize,
    row: i64,
    step: i64,
    haze: u32,
    distance_m: f64,
}

impl Street {
    /// Draws what `view` sees into `picture` (rows of `width * height` pixels, resized as needed) and returns how
    /// many faces at least 28 pixels high (in a picture 1280 wide) lie wholly inside it.
    pub fn draw(&self, view: &View<'_>, picture: &mut Vec<Pixel>) -> u32 {
        picture.clear();
        picture.resize(self.width * self.height, [0, 0, 0, 255]);
        let lens = Lens {
            focal: FOCAL * float(self.width),
            middle: float(self.width) / 2.0,
            horizon: HORIZON * float(self.height),
        };
        let columns: Vec<Column<'_>> = (0..self.width)
            .map(|x| self.column(view, lens, x))
            .collect();
        let pan = pan(view, lens);
        for (y, row) in (0_i32..).zip(picture.chunks_exact_mut(self.width)) {
            self.ground_row(view, lens, y, row);
            let sky = &self.sky.pixels[index(y) * sky::COLUMNS..(index(y) + 1) * sky::COLUMNS];
            for (x, (pixel, column)) in row.iter_mut().zip(&columns).enumerate() {
                if y < column.top {
                    *pixel = sky[(x + pan) % sky::COLUMNS];
                } else if y < column.bottom {
                    *pixel = column.pixel(y);
                }
            }
        }
        let walls: Vec<(f64, i32)> = columns
            .iter()
            .map(|column| (column.distance_m, column.top))
            .collect();
        let things = scene::between(
            self.seed,
            view.along_m + 0.8,
            view.along_m + 0.6 * FAR_M,
            view.stops,
            view.waiting,
        );
        let mut canvas = super::sprite::Canvas {
            picture,
            width: self.width,
            height: self.height,
            walls: &walls,
            lens,
        };
        things
            .iter()
            .map(|thing| self.stand(view, thing, &mut canvas))
            .sum()
    }

    fn column(&self, view: &View<'_>, lens: Lens, x: usize) -> Column<'_> {
        let slope = (float(x) + 0.5 - lens.middle) / lens.focal;
        let hits = WALLS_M.map(|wall_m| meets(view.bend / 2.0, slope, wall_m));
        let (side, distance_m) = if hits[0] < hits[1] {
            (0_u64, hits[0])
        } else {
            (1, hits[1])
        };
        let per_metre = lens.focal / distance_m.min(FAR_M);
        let along_m = view.along_m + distance_m.min(FAR_M);
        let house = floor(along_m / facade::LENGTH_M);
        let choice = hash(self.seed, 70 + side, u64::from(house.cast_unsigned()));
        let (wall, height_m) = self.house(choice);
        let level = wall.level(self.front_scale / per_metre);
        let scale = self.front_scale / f64::from(1_u32 << level.min(16));
        let texture = &wall.levels[level];
        // Seen from the road, a house on the left begins at its near end, one on the right at its far end.
        let from_near_m = along_m - f64::from(house) * facade::LENGTH_M;
        let from_left_m = if side == 0 {
            from_near_m
        } else {
            facade::LENGTH_M - from_near_m
        };
        let ground_y = lens.horizon + CAMERA_M * per_metre;
        let first_row = (facade::HEIGHT_M - CAMERA_M - lens.horizon / per_metre) * scale;
        let top = if distance_m > FAR_M {
            lens.horizon
        } else {
            ground_y - height_m * per_metre
        };
        Column {
            top: floor(top),
            bottom: if distance_m > FAR_M {
                floor(lens.horizon)
            } else {
                floor(ground_y)
            },
            wall: texture,
            across: index(floor(from_left_m * scale)).min(texture.width - 1),
            row: fixed(first_row),
            step: fixed(scale / per_metre),
            haze: haze(distance_m),
            distance_m,
        }
    }

    /// Which house stands there and how much of it is shown, metres.
    fn house(&self, choice: u64) -> (&Pyramid, f64) {
        if choice.is_multiple_of(7) {
            return (&self.hedge, facade::HEDGE_M);
        }
        let floors = f64::from(u32::try_from((choice >> 8) % 3).unwrap_or(0));
        let front = usize::try_from((choice >> 16) % super::FRONTS).unwrap_or(0);
        (&self.fronts[front], 7.6 + 3.2 * floors)
    }

    fn ground_row(&self, view: &View<'_>, lens: Lens, y: i32, row: &mut [Pixel]) {
        let below = f64::from(y) + 0.5 - lens.horizon;
        let distance_m = CAMERA_M * lens.focal / below.max(0.001);
        if below <= 0.0 || distance_m > 2.0 * FAR_M {
            row.fill([HAZE[0], HAZE[1], HAZE[2], 255]);
            return;
        }
        let along_m = view.along_m + distance_m;
        let crossing = view.stops.iter().any(|stop| {
            (stop.at_m + scene::CROSSING_M[0]..stop.at_m + scene::CROSSING_M[1]).contains(&along_m)
        });
        let strip = if crossing { &self.crossing } else { &self.road };
        let level = strip.level(1.6 * self.ground_scale * distance_m / lens.focal);
        let scale = self.ground_scale / f64::from(1_u32 << level.min(16));
        let texture = &strip.levels[level];
        let line =
            index(floor(along_m.rem_euclid(ground::PERIOD_M) * scale)).min(texture.height - 1);
        let line = &texture.pixels[line * texture.width..(line + 1) * texture.width];
        let per_pixel = distance_m / lens.focal;
        let left_m = (0.5 - lens.middle) * per_pixel
            - view.bend * distance_m * distance_m / 2.0
            - ground::LEFT_M;
        let (mut at, step, haze) = (
            fixed(left_m * scale),
            fixed(per_pixel * scale),
            haze(distance_m),
        );
        let last = line.len() - 1;
        for pixel in row {
            let column = usize::try_from(at >> 16).unwrap_or(0).min(last);
            *pixel = hazy(line[column], haze);
            at += step;
        }
    }
}

/// How far the sky has turned, columns.
fn pan(view: &View<'_>, lens: Lens) -> usize {
    let columns = float(sky::COLUMNS);
    index(floor((view.heading_rad * lens.focal).rem_euclid(columns))) % sky::COLUMNS
}

impl Column<'_> {
    fn pixel(&self, y: i32) -> Pixel {
        let row = usize::try_from((self.row + i64::from(y) * self.step) >> 16)
            .unwrap_or(0)
            .min(self.wall.height - 1);
        hazy(
            self.wall.pixels[row * self.wall.width + self.across],
            self.haze,
        )
    }
}

/// The least positive z at which a ray of that slope meets the bent wall: `half_bend z^2 - slope z + wall_m = 0`.
fn meets(half_bend: f64, slope: f64, wall_m: f64) -> f64 {
    let nearest = |a: f64, b: f64| {
        [a, b]
            .into_iter()
            .filter(|z| *z > 0.0)
            .fold(f64::INFINITY, f64::min)
    };
    if half_bend.abs() < 1e-7 {
        return nearest(wall_m / slope, f64::INFINITY);
    }
    let inner = slope * slope - 4.0 * half_bend * wall_m;
    if inner < 0.0 {
        return f64::INFINITY;
    }
    let root = inner.sqrt();
    nearest(
        (slope + root) / (2.0 * half_bend),
        (slope - root) / (2.0 * half_bend),
    )
}

/// Share of haze at that distance, of 256.
pub(super) fn haze(distance_m: f64) -> u32 {
    u32::from(crate::number::byte(
        255.0 * (1.0 - (-distance_m / HAZE_M).exp()),
    ))
}

/// A colour behind that much haze.
pub(super) fn hazy(pixel: Pixel, share: u32) -> Pixel {
    let mix = |value: u8, far: u8| {
        u8::try_from((u32::from(value) * (256 - share) + u32::from(far) * share) >> 8)
            .unwrap_or(u8::MAX)
    };
    [
        mix(pixel[0], HAZE[0]),
        mix(pixel[1], HAZE[1]),
        mix(pixel[2], HAZE[2]),
        255,
    ]
}

/// A number with 16 binary places.
#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
pub(super) fn fixed(value: f64) -> i64 {
    (value * 65_536.0) as i64
}
