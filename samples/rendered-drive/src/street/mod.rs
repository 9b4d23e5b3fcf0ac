//! A street that never ends: what it looks like (`ground`, `facade`, `people`, `things`, `sky`), who stands where
//! along it (`scene`), and what a camera sees of it (`frame`, `sprite`).
//!
//! It is drawn straight and bent afterwards: at distance z ahead, everything is moved sideways by k z^2 / 2, where
//! k is the mean curvature of the road just ahead. That keeps every wall and every line of the ground a closed
//! formula per column or per row, which is what makes a frame cheap.

mod facade;
mod frame;
mod ground;
mod people;
mod scene;
mod sky;
mod sprite;
mod things;

pub use frame::View;

use crate::assets::Assets;
use crate::texture::{Pyramid, Texture};

/// How many house fronts, people, trees, cars and signs there are to choose from.
const FRONTS: u64 = 6;
const PEOPLE: u64 = 12;
const TREES: u64 = 3;
const CARS: u64 = 5;
const SIGNS: u64 = 4;

/// Everything drawn once, for pictures of one size.
#[derive(Debug)]
pub struct Street {
    seed: u64,
    width: usize,
    height: usize,
    road: Pyramid,
    crossing: Pyramid,
    fronts: Vec<Pyramid>,
    hedge: Pyramid,
    people: Vec<Pyramid>,
    turned: Vec<Pyramid>,
    trees: Vec<Pyramid>,
    cars: Vec<Pyramid>,
    signs: Vec<Pyramid>,
    lamp: Pyramid,
    lights: [Pyramid; 2],
    billboard: Pyramid,
    sky: Texture,
    ground_scale: f64,
    front_scale: f64,
    has_faces: bool,
}

impl Street {
    /// Draws the textures for pictures of `width` x `height` pixels. Without `assets` nobody has a face.
    #[must_use]
    pub fn new(seed: u64, width: u16, height: u16, assets: Option<&Assets>) -> Self {
        let detail = f64::from(width) / 1280.0;
        let (ground_scale, front_scale) = (128.0 * detail, 64.0 * detail);
        let thing = 150.0 * detail;
        let person = |kind, turned| people::person(seed, kind, 400.0 * detail, assets, turned);
        Self {
            seed,
            width: usize::from(width),
            height: usize::from(height),
            road: ground::strip(seed, ground_scale, false),
            crossing: ground::strip(seed, ground_scale, true),
            fronts: (0..FRONTS)
                .map(|kind| facade::front(seed, kind, front_scale))
                .collect(),
            hedge: facade::hedge(seed, front_scale),
            people: (0..PEOPLE).map(|kind| person(kind, false)).collect(),
            turned: (0..PEOPLE / 3).map(|kind| person(kind, true)).collect(),
            trees: (0..TREES)
                .map(|kind| things::tree(seed, kind, thing))
                .collect(),
            cars: (0..CARS)
                .map(|kind| things::car(seed, kind, 2.0 * thing))
                .collect(),
            signs: (0..SIGNS)
                .map(|kind| things::sign(seed, kind, 2.0 * thing))
                .collect(),
            lamp: things::lamp(seed, thing),
            lights: [false, true].map(|green| things::light(seed, green, thing)),
            billboard: things::billboard(seed, 1.5 * thing, assets),
            sky: sky::panorama(seed, usize::from(height)),
            ground_scale,
            front_scale,
            has_faces: assets.is_some(),
        }
    }
}
