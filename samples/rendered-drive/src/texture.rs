//! Pictures to draw with: rows of premultiplied RGBA, and a pyramid of halved copies so that what is far away
//! does not shimmer.

use crate::number::{byte, float, floor, hash, index, signed};

/// Red, green, blue, alpha; colours are premultiplied by alpha.
pub type Pixel = [u8; 4];

/// A rectangle of pixels in rows from the top left.
#[derive(Debug, Clone)]
pub struct Texture {
    /// Pixels in a row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// `width * height` pixels.
    pub pixels: Vec<Pixel>,
}

impl Texture {
    /// A texture of one colour; at least 1 x 1.
    #[must_use]
    pub fn new(width: usize, height: usize, fill: Pixel) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self {
            width,
            height,
            pixels: vec![fill; width * height],
        }
    }

    /// The pixel there, transparent black outside.
    #[must_use]
    pub fn get(&self, x: i32, y: i32) -> Pixel {
        if x < 0 || y < 0 || index(x) >= self.width {
            return [0; 4];
        }
        self.pixels
            .get(index(y) * self.width + index(x))
            .copied()
            .unwrap_or([0; 4])
    }

    /// Replaces one pixel; outside it does nothing.
    pub fn set(&mut self, x: i32, y: i32, pixel: Pixel) {
        if x < 0 || y < 0 || index(x) >= self.width {
            return;
        }
        if let Some(slot) = self.pixels.get_mut(index(y) * self.width + index(x)) {
            *slot = pixel;
        }
    }

    /// Fills the pixels whose centres `inside` accepts, among the box from (x0, y0) up to but without (x1, y1).
    pub fn fill(&mut self, area: [f64; 4], colour: [u8; 3], inside: impl Fn(f64, f64) -> bool) {
        let [x0, y0, x1, y1] = area.map(floor);
        for y in y0.max(0)..y1.min(signed(self.height)) {
            for x in x0.max(0)..x1.min(signed(self.width)) {
                if inside(f64::from(x) + 0.5, f64::from(y) + 0.5) {
                    self.set(x, y, [colour[0], colour[1], colour[2], 255]);
                }
            }
        }
    }

    /// Fills a box, its right and lower ends left out.
    pub fn rect(&mut self, area: [f64; 4], colour: [u8; 3]) {
        self.fill(area, colour, |_, _| true);
    }

    /// Fills the ellipse that touches the sides of a box.
    pub fn ellipse(&mut self, area: [f64; 4], colour: [u8; 3]) {
        let (cx, cy) = (
            f64::midpoint(area[0], area[2]),
            f64::midpoint(area[1], area[3]),
        );
        let (rx, ry) = ((area[2] - area[0]) / 2.0, (area[3] - area[1]) / 2.0);
        self.fill(area, colour, |x, y| {
            ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) <= 1.0
        });
    }

    /// Fills a polygon (even-odd).
    pub fn polygon(&mut self, corners: &[(f64, f64)], colour: [u8; 3]) {
        let low = |f: fn(&(f64, f64)) -> f64| corners.iter().map(f).fold(f64::INFINITY, f64::min);
        let high =
            |f: fn(&(f64, f64)) -> f64| corners.iter().map(f).fold(f64::NEG_INFINITY, f64::max);
        let area = [
            low(|c| c.0),
            low(|c| c.1),
            high(|c| c.0) + 1.0,
            high(|c| c.1) + 1.0,
        ];
        self.fill(area, colour, |x, y| within(corners, x, y));
    }

    /// Rows of five-by-seven marks that look like writing, as high as the box and as long as it.
    pub fn writing(&mut self, area: [f64; 4], colour: [u8; 3], seed: u64) {
        let dot = (area[3] - area[1]) / 7.0;
        let letters = floor((area[2] - area[0]) / (6.0 * dot)).max(0);
        for letter in 0..letters {
            let mark = hash(seed, 0x7e87, u64::try_from(letter).unwrap_or(0));
            let left = area[0] + f64::from(letter) * 6.0 * dot;
            for cell in 0..35_i32 {
                let (column, row) = (cell % 5, cell / 5);
                let stem = column == 0 && mark & 3 != 0;
                let bar = row % 3 == 0 && (mark >> (2 + row)) & 1 == 1;
                if stem || bar || (mark >> (16 + cell)) & 3 == 3 {
                    let (x, y) = (
                        left + f64::from(column) * dot,
                        area[1] + f64::from(row) * dot,
                    );
                    self.rect([x, y, x + dot.max(1.0), y + dot.max(1.0)], colour);
                }
            }
        }
    }

    /// Makes every opaque pixel lighter or darker by up to `amount`, in grains of `grain` pixels and finer.
    pub fn roughen(&mut self, seed: u64, amount: i32, grain: usize) {
        let grain = grain.max(1);
        for y in 0..self.height {
            for x in 0..self.width {
                let coarse = hash(seed, float_key(x / grain), float_key(y / grain));
                let fine = hash(seed ^ 1, float_key(x), float_key(y));
                let shift = centred(coarse, amount) + centred(fine, amount);
                let pixel = &mut self.pixels[y * self.width + x];
                let alpha = i32::from(pixel[3]);
                for value in &mut pixel[..3] {
                    *value =
                        u8::try_from((i32::from(*value) + shift / 2).clamp(0, alpha)).unwrap_or(0);
                }
            }
        }
    }

    /// The colour at a place between pixel centres (bilinear); the edge goes on outside.
    #[must_use]
    pub fn sample(&self, x: f64, y: f64) -> Pixel {
        let (x, y) = (
            (x - 0.5).clamp(0.0, float(self.width - 1)),
            (y - 0.5).clamp(0.0, float(self.height - 1)),
        );
        let (left, top) = (floor(x), floor(y));
        let (right, below) = (
            (left + 1).min(signed(self.width - 1)),
            (top + 1).min(signed(self.height - 1)),
        );
        let (fx, fy) = (x - f64::from(left), y - f64::from(top));
        let corners = [
            self.get(left, top),
            self.get(right, top),
            self.get(left, below),
            self.get(right, below),
        ];
        let weights = [
            (1.0 - fx) * (1.0 - fy),
            fx * (1.0 - fy),
            (1.0 - fx) * fy,
            fx * fy,
        ];
        std::array::from_fn(|channel| {
            byte(
                corners
                    .iter()
                    .zip(weights)
                    .map(|(corner, weight)| f64::from(corner[channel]) * weight)
                    .sum(),
            )
        })
    }

    fn halved(&self) -> Self {
        let mut half = Self::new(self.width / 2, self.height / 2, [0; 4]);
        for y in 0..half.height {
            for x in 0..half.width {
                let row = |dy: usize| ((2 * y + dy).min(self.height - 1)) * self.width;
                let column = |dx: usize| (2 * x + dx).min(self.width - 1);
                let four = [(0, 0), (1, 0), (0, 1), (1, 1)]
                    .map(|(dx, dy)| self.pixels[row(dy) + column(dx)]);
                half.pixels[y * half.width + x] = std::array::from_fn(|channel| {
                    let sum: u32 = four.iter().map(|pixel| u32::from(pixel[channel])).sum();
                    u8::try_from((sum + 2) / 4).unwrap_or(u8::MAX)
                });
            }
        }
        half
    }
}

fn float_key(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn centred(bits: u64, amount: i32) -> i32 {
    i32::try_from(bits % 4096).unwrap_or(0) * 2 * amount / 4096 - amount
}

/// Whether a point lies in a polygon (even-odd rule).
#[must_use]
pub fn within(corners: &[(f64, f64)], x: f64, y: f64) -> bool {
    let mut inside = false;
    for (i, &(ax, ay)) in corners.iter().enumerate() {
        let (bx, by) = corners[(i + corners.len() - 1) % corners.len()];
        if (ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax {
            inside = !inside;
        }
    }
    inside
}

/// A texture and its halved copies.
#[derive(Debug)]
pub struct Pyramid {
    /// From full size down, each half the size of the one before; never empty.
    pub levels: Vec<Texture>,
}

impl Pyramid {
    /// Halves `base` up to `steps` times.
    #[must_use]
    pub fn new(base: Texture, steps: usize) -> Self {
        let mut levels = vec![base];
        for _ in 0..steps {
            match levels.last() {
                Some(last) if last.width > 1 && last.height > 1 => levels.push(last.halved()),
                _ => break,
            }
        }
        Self { levels }
    }

    /// The level whose pixels come closest to screen pixels, when `ratio` pixels of the full texture meet one.
    #[must_use]
    pub fn level(&self, ratio: f64) -> usize {
        index(floor(ratio.max(1.0).log2() + 0.5)).min(self.levels.len() - 1)
    }
}
