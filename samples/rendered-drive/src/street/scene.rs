//! Who and what stands where along the street. The way is cut into slots, one row of slots for each kind of
//! thing; a hash of seed, row and slot says what stands there, so the street is the same whenever it is passed.

use super::{CARS, PEOPLE, SIGNS, TREES, people, things};
use crate::course::Stop;
use crate::number::{Dice, floor};

/// What it looks like; the number chooses among the variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Somebody who looks at the camera.
    Person(usize),
    /// Somebody who looks away.
    Turned(usize),
    /// A tree.
    Tree(usize),
    /// A parked car.
    Car(usize),
    /// A sign on a post.
    Sign(usize),
    /// A lamp post.
    Lamp,
    /// A traffic light, red or green.
    Light {
        /// Whether it shows green.
        green: bool,
    },
    /// A billboard.
    Billboard,
}

/// Something upright that faces the camera.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Metres along the way.
    pub at_m: f64,
    /// Metres right of the camera's line.
    pub side_m: f64,
    /// Width and height, metres.
    pub size_m: (f64, f64),
    /// What it looks like.
    pub look: Look,
    /// Brightness, 256 = as drawn.
    pub light: u32,
}

/// One row of slots.
struct Row {
    kind: u64,
    slot_m: f64,
    percent: u64,
    sides_m: [f64; 2],
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Person,
    Tree,
    Car,
    Sign,
    Lamp,
    Billboard,
}

const ROWS: [Row; 9] = [
    Row {
        kind: 50,
        slot_m: 5.5,
        percent: 88,
        sides_m: [2.25, 3.9],
        what: What::Person,
    },
    Row {
        kind: 51,
        slot_m: 9.0,
        percent: 75,
        sides_m: [-7.2, -5.5],
        what: What::Person,
    },
    Row {
        kind: 52,
        slot_m: 23.0,
        percent: 80,
        sides_m: [4.9, 5.2],
        what: What::Tree,
    },
    Row {
        kind: 53,
        slot_m: 19.0,
        percent: 75,
        sides_m: [-8.1, -7.8],
        what: What::Tree,
    },
    Row {
        kind: 54,
        slot_m: 12.0,
        percent: 55,
        sides_m: [-4.0, -3.9],
        what: What::Car,
    },
    Row {
        kind: 55,
        slot_m: 41.0,
        percent: 70,
        sides_m: [2.2, 2.4],
        what: What::Sign,
    },
    Row {
        kind: 56,
        slot_m: 33.0,
        percent: 100,
        sides_m: [1.5, 1.5],
        what: What::Lamp,
    },
    Row {
        kind: 57,
        slot_m: 29.0,
        percent: 60,
        sides_m: [3.8, 4.1],
        what: What::Billboard,
    },
    Row {
        kind: 58,
        slot_m: 47.0,
        percent: 60,
        sides_m: [-7.0, -6.7],
        what: What::Billboard,
    },
];

/// How far behind its stop line a crossing lies, metres.
pub const CROSSING_M: [f64; 2] = [2.4, 5.6];
/// How many people cross while the car waits.
const CROSSERS: u64 = 5;
/// How long one of them takes to walk from one side to the other and disappear, seconds.
const CROSS_S: f64 = 12.0;

/// Everything that stands between two places, farthest first.
#[must_use]
pub fn between(
    seed: u64,
    from_m: f64,
    to_m: f64,
    stops: &[Stop],
    waiting: Option<(usize, f64)>,
) -> Vec<Standing> {
    let mut all = Vec::new();
    for row in &ROWS {
        for slot in floor(from_m / row.slot_m)..=floor(to_m / row.slot_m) {
            all.extend(row.standing(seed, slot));
        }
    }
    for (number, stop) in stops.iter().enumerate() {
        let waited = waiting
            .filter(|(at, _)| *at == number)
            .map(|(_, waited_s)| waited_s);
        all.push(Standing {
            at_m: stop.at_m + CROSSING_M[1] + 0.6,
            side_m: 2.2,
            size_m: things::LIGHT_M,
            look: Look::Light {
                green: waited.is_some_and(|waited_s| waited_s > stop.seconds - 1.5),
            },
            light: 256,
        });
        if let Some(waited_s) = waited {
            all.extend((0..CROSSERS).filter_map(|walker| crosser(seed, stop, walker, waited_s)));
        }
    }
    all.retain(|thing| thing.at_m > from_m && thing.at_m < to_m);
    all.sort_by(|a, b| b.at_m.total_cmp(&a.at_m));
    all
}

impl Row {
    fn standing(&self, seed: u64, slot: i32) -> Option<Standing> {
        let mut dice = Dice::new(seed, self.kind, u64::from(slot.cast_unsigned()));
        if !dice.chance(self.percent) {
            return None;
        }
        let at_m = (f64::from(slot) + dice.between(0.05, 0.95)) * self.slot_m;
        let right_of_m = dice.between(self.sides_m[0], self.sides_m[1]);
        let mut variant = |count: u64| usize::try_from(dice.bits() % count).unwrap_or(0);
        let (look, size_m) = match self.what {
            What::Person if variant(100) < 15 => (
                Look::Turned(variant(PEOPLE / 3)),
                (people::WIDTH_M, people::HEIGHT_M),
            ),
            What::Person => (
                Look::Person(variant(PEOPLE)),
                (people::WIDTH_M, people::HEIGHT_M),
            ),
            What::Tree => (Look::Tree(variant(TREES)), things::TREE_M),
            What::Car => (Look::Car(variant(CARS)), things::CAR_M),
            What::Sign => (Look::Sign(variant(SIGNS)), things::SIGN_M),
            What::Lamp => (Look::Lamp, things::LAMP_M),
            What::Billboard => (Look::Billboard, things::BILLBOARD_M),
        };
        let grown = if matches!(self.what, What::Person | What::Tree) {
            dice.between(0.9, 1.12)
        } else {
            1.0
        };
        let light = u32::from(crate::number::byte(dice.between(190.0, 255.0)));
        Some(Standing {
            at_m,
            side_m: right_of_m,
            size_m: (size_m.0 * grown, size_m.1 * grown),
            look,
            light,
        })
    }
}

/// Somebody on the crossing, if he is there at that moment.
fn crosser(seed: u64, stop: &Stop, walker: u64, waited_s: f64) -> Option<Standing> {
    let mut dice = Dice::new(seed, 60, walker);
    let setting_out_s = dice.between(0.0, (stop.seconds - CROSS_S - 2.0).max(1.0));
    let at_m = stop.at_m + dice.between(CROSSING_M[0] + 0.3, CROSSING_M[1] - 0.3);
    let leftward = dice.chance(50);
    let done = (waited_s - setting_out_s) / CROSS_S;
    let (from_m, to_m) = if leftward { (5.0, -8.0) } else { (-8.0, 5.0) };
    (0.0..1.0).contains(&done).then(|| Standing {
        at_m,
        side_m: from_m + (to_m - from_m) * done,
        size_m: (people::WIDTH_M, people::HEIGHT_M),
        look: Look::Person(usize::try_from(dice.bits() % PEOPLE).unwrap_or(0)),
        light: 250,
    })
}
