//! Nothing of what was covered is left, and nothing that cannot be covered passes for redacted.

mod support;

use proptest::prelude::*;
use support::{Told, frame, noise, redacted};
use wayhex_vision::{
    BOXES_MAX, DetectError, Detection, FILL_RGB, Findings, RedactError, RgbFrame, Role, redact,
};

fn detection(left: f32, top: f32, right: f32, bottom: f32) -> Detection {
    Detection {
        left,
        top,
        right,
        bottom,
        score: 0.5,
    }
}

/// The grown box in binary64: larger than the detector's, smaller than or equal to the filled one.
fn in_grown(it: &Detection, x: u32, y: u32) -> bool {
    let inside = |from: f32, to: f32, pixel: u32| {
        let (from, to) = (f64::from(from), f64::from(to));
        let (centre, half) = (f64::midpoint(from, to), (to - from) * 0.65);
        f64::from(pixel) + 1.0 > centre - half && f64::from(pixel) < centre + half
    };
    inside(it.left, it.right, x) && inside(it.top, it.bottom, y)
}

/// A box that touches a frame of these sides, possibly reaching over its edge.
fn box_in(width: u16, height: u16) -> impl Strategy<Value = Detection> {
    let axis = |side: u16| (-40.0..f32::from(side) - 0.5, 0.1_f32..90.0);
    (axis(width), axis(height)).prop_map(|((left, w), (top, h))| {
        detection(left, top, (left + w).max(0.3), (top + h).max(0.3))
    })
}

fn case() -> impl Strategy<Value = (u16, u16, Vec<Detection>, u64, u64)> {
    (1_u16..150, 1_u16..150).prop_flat_map(|(width, height)| {
        let boxes = prop::collection::vec(box_in(width, height), 0..6);
        (Just(width), Just(height), boxes, any::<u64>(), any::<u64>())
    })
}

proptest! {
    #[test]
    fn frames_that_differ_only_inside_the_grown_boxes_give_the_same_jpeg(
        (width, height, boxes, seed, other) in case(), quality in 35_u8..=100
    ) {
        let covered = |x, y| boxes.iter().any(|it| in_grown(it, x, y));
        let paint = |inside| {
            frame(width.into(), height.into(), move |x, y| noise(if covered(x, y) { inside } else { seed }, x, y))
        };
        let encode = |inside| redacted(paint(inside), &boxes).encode(quality).unwrap();
        let (one, two) = (encode(seed), encode(other));
        prop_assert_eq!(one.jpeg(), two.jpeg());
        prop_assert_eq!(one.sha256(), two.sha256());
    }

    #[test]
    fn the_pixels_filled_are_counted_once_and_the_rest_is_left_alone(
        (width, height, boxes, seed, _) in case()
    ) {
        // Noise that is never the fill's colour, so that every filled pixel shows.
        let colour = |x, y| noise(seed, x, y).map(|it| it & 0x7F);
        let raw = frame(width.into(), height.into(), colour);
        let before = raw.view().pixels().to_vec();
        let after = redacted(raw, &boxes);
        let pairs = before.as_chunks::<3>().0.iter().zip(after.view().pixels().as_chunks::<3>().0);
        let mut filled = 0;
        for (place, (old, new)) in (0_u32..).zip(pairs) {
            let (x, y) = (place % u32::from(width), place / u32::from(width));
            if *new == FILL_RGB {
                filled += 1;
            } else {
                prop_assert_eq!(old, new);
                prop_assert!(!boxes.iter().any(|it| in_grown(it, x, y)));
            }
        }
        prop_assert_eq!(after.filled_pixels(), filled);
        prop_assert_eq!(filled > 0, !boxes.is_empty());
    }
}

#[test]
fn a_frame_that_is_scaled_down_keeps_the_law() {
    let boxes = [detection(1000.3, 200.7, 1100.1, 333.3)];
    let encode = |inside: u64| {
        let colour = |x, y| noise(if in_grown(&boxes[0], x, y) { inside } else { 1 }, x, y);
        redacted(frame(3001, 701, colour), &boxes)
            .encode(85)
            .unwrap()
    };
    let (one, two) = (encode(2), encode(3));
    assert_eq!((one.width(), one.height()), (2048, 478));
    assert_eq!(one.jpeg(), two.jpeg());
}

#[test]
fn a_box_grows_by_three_tenths_and_outward_to_the_grid() {
    // 40 wide grows to 52 about 100, so 74..126, which lies in 64..128; 20 high to 26 about 50, 37..63, in 32..64.
    let after = redacted(
        frame(200, 200, |_, _| [0; 3]),
        &[detection(80.0, 40.0, 120.0, 60.0)],
    );
    assert_eq!(after.filled_pixels(), 64 * 32);
    let at = |x: usize, y: usize| after.view().pixels()[(y * 200 + x) * 3];
    assert_eq!([at(64, 32), at(127, 63)], [128, 128]);
    assert_eq!([at(63, 32), at(64, 31), at(128, 63), at(127, 64)], [0; 4]);
}

#[test]
fn what_is_no_box_of_the_frame_is_an_error() {
    let (nan, infinite) = (f32::NAN, f32::INFINITY);
    let refused = [
        detection(nan, 1.0, 5.0, 5.0),
        detection(1.0, 1.0, infinite, 5.0),
        detection(1.0, -infinite, 5.0, 5.0),
        detection(5.0, 1.0, 1.0, 5.0),
        detection(1.0, 5.0, 5.0, 5.0),
        detection(-9.0, 1.0, 0.0, 5.0),
        detection(1.0, 32.0, 5.0, 40.0),
        Detection {
            score: nan,
            ..detection(1.0, 1.0, 5.0, 5.0)
        },
        Detection {
            score: 1.1,
            ..detection(1.0, 1.0, 5.0, 5.0)
        },
    ];
    let raw = frame(64, 32, |_, _| [0; 3]);
    for wrong in refused {
        let boxes = [detection(1.0, 1.0, 5.0, 5.0), wrong];
        let error = Findings::of(&Told::new(Role::Face, &boxes), raw.view()).unwrap_err();
        assert!(
            matches!(error, DetectError::Box { .. }),
            "{wrong:?}: {error}"
        );
    }
}

#[test]
fn the_largest_and_the_smallest_boxes_are_covered() {
    let huge = detection(f32::MIN, f32::MIN, f32::MAX, f32::MAX);
    assert_eq!(
        redacted(frame(40, 30, |_, _| [0; 3]), &[huge]).filled_pixels(),
        40 * 30
    );
    let tiny = detection(16.0, 16.0, 16.0_f32.next_up(), 16.0_f32.next_up());
    assert!(redacted(frame(40, 30, |_, _| [0; 3]), &[tiny]).filled_pixels() > 0);
    let edge = detection(-1.0, -1.0, f32::from_bits(1), f32::from_bits(1));
    assert!(redacted(frame(40, 30, |_, _| [0; 3]), &[edge]).filled_pixels() > 0);
}

#[test]
fn more_boxes_than_the_limit_are_an_error_and_the_limit_itself_is_not() {
    let raw = frame(64, 32, |_, _| [0; 3]);
    let find = |count| {
        Findings::of(
            &Told::new(Role::Plate, &vec![detection(1.0, 1.0, 5.0, 5.0); count]),
            raw.view(),
        )
    };
    assert!(find(BOXES_MAX).is_ok());
    let error = find(BOXES_MAX + 1).unwrap_err();
    assert!(matches!(error, DetectError::TooMany { found, .. } if found == BOXES_MAX + 1));
}

#[test]
fn a_frame_that_no_detector_has_seen_is_not_redacted() {
    let error = redact(frame(8, 8, |_, _| [0; 3]), &[]).unwrap_err();
    assert_eq!(error, RedactError::NoFindings);
}

#[test]
fn findings_of_another_frame_are_refused() {
    let other = frame(8, 9, |_, _| [0; 3]);
    let findings = Findings::of(&Told::new(Role::Face, &[]), other.view()).unwrap();
    let error = redact(frame(8, 8, |_, _| [0; 3]), &[findings]).unwrap_err();
    assert_eq!(
        error,
        RedactError::AnotherFrame {
            model: "Told".to_owned()
        }
    );
}

#[test]
fn boxes_are_counted_by_role_and_models_in_their_order() {
    let raw = frame(64, 64, |_, _| [0; 3]);
    let one = detection(1.0, 1.0, 5.0, 5.0);
    let find =
        |role, boxes: &[Detection]| Findings::of(&Told::new(role, boxes), raw.view()).unwrap();
    let findings = [find(Role::Plate, &[one]), find(Role::Face, &[one, one])];
    let after = redact(raw, &findings).unwrap();
    assert_eq!((after.boxes(Role::Face), after.boxes(Role::Plate)), (2, 1));
    let roles: Vec<Role> = after.covered().iter().map(|it| it.identity.role).collect();
    assert_eq!(roles, [Role::Plate, Role::Face]);
}

#[test]
fn a_raw_frame_prints_its_dimensions_only() {
    let raw = RgbFrame::new(2, 1, vec![201, 202, 203, 204, 205, 206]).unwrap();
    assert_eq!(format!("{raw:?}"), "RGB 2 x 1");
}
