//! The gates, each with its reason.

use wayhex_device::capture::{Capture, CaptureStep, WAITING_FRAMES_MAX};
use wayhex_device::source::{Event, Fix, FrameData};

use crate::scene::{
    NOW_MS, blocks, captured, encoded, fix, fix_event, frame, frame_of, jpeg, picture, settings,
    straight,
};

/// A drive east at 10 m/s with a fix each second; the fix at 2 s is changed, and the frame at 2.5 s looked at.
fn reason_with(change: impl Fn(Fix) -> Fix) -> Option<&'static str> {
    let fixes = (1..=20_u8).map(|t| {
        let fix = fix(f64::from(t), 10.0 * f64::from(t), 0.0);
        Event::Fix(if t == 12 { change(fix) } else { fix })
    });
    let mut events: Vec<Event> = fixes.collect();
    events.insert(12, frame(12.5));
    let seen = captured(events);
    assert_eq!(seen.kept.len() + seen.dropped.len(), 1);
    seen.dropped.first().map(|dropped| dropped.reason.name())
}

#[test]
fn a_fix_fails_only_a_gate_that_it_is_known_to_fail() {
    type Change = fn(Fix) -> Fix;
    let cases: [(&str, Change, Option<&str>); 12] = [
        ("unknown quality", |fix| fix, None),
        (
            "accuracy 25 m",
            |fix| Fix {
                accuracy_m: Some(25.0),
                ..fix
            },
            None,
        ),
        (
            "accuracy 25.1 m",
            |fix| Fix {
                accuracy_m: Some(25.1),
                ..fix
            },
            Some("accuracy_too_low"),
        ),
        (
            "accuracy 500 m",
            |fix| Fix {
                accuracy_m: Some(500.0),
                ..fix
            },
            Some("accuracy_too_low"),
        ),
        (
            "accuracy NaN is unknown",
            |fix| Fix {
                accuracy_m: Some(f64::NAN),
                ..fix
            },
            None,
        ),
        (
            "accuracy infinite",
            |fix| Fix {
                accuracy_m: Some(f64::INFINITY),
                ..fix
            },
            Some("accuracy_too_low"),
        ),
        (
            "4 satellites",
            |fix| Fix {
                satellites: Some(4),
                ..fix
            },
            None,
        ),
        (
            "3 satellites",
            |fix| Fix {
                satellites: Some(3),
                ..fix
            },
            Some("too_few_satellites"),
        ),
        (
            "HDOP 4",
            |fix| Fix {
                hdop: Some(4.0),
                ..fix
            },
            None,
        ),
        (
            "HDOP 4.1",
            |fix| Fix {
                hdop: Some(4.1),
                ..fix
            },
            Some("hdop_too_high"),
        ),
        (
            "latitude NaN",
            |fix| Fix {
                lat_deg: f64::NAN,
                ..fix
            },
            Some("position_out_of_range"),
        ),
        (
            "longitude 181",
            |fix| Fix {
                lon_deg: 181.0,
                ..fix
            },
            Some("position_out_of_range"),
        ),
    ];
    for (what, change, expect) in cases {
        assert_eq!(reason_with(change), expect, "{what}");
    }
}

#[test]
fn the_quality_of_a_place_between_two_fixes_is_the_worse_one() {
    let better = Fix {
        accuracy_m: Some(3.0),
        satellites: Some(12),
        hdop: Some(0.8),
        ..fix(1.0, 0.0, 0.0)
    };
    let worse = Fix {
        accuracy_m: Some(9.5),
        satellites: Some(7),
        ..fix(2.0, 10.0, 0.0)
    };
    let seen = captured([Event::Fix(better), frame(1.5), Event::Fix(worse)]);
    let quality = seen.kept[0].fix();
    assert_eq!(
        (quality.accuracy_mm, quality.satellites, quality.hdop_milli),
        (Some(9_500), Some(7), None)
    );
}

#[test]
fn a_frame_without_fixes_on_both_sides_has_no_fix() {
    let seen = captured([
        frame(0.5),
        fix_event(1.0, 0.0, 0.0),
        frame(1.5),
        fix_event(2.0, 10.0, 0.0),
        frame(2.5),
    ]);
    assert_eq!(seen.sources(), ["at-1.5"]);
    assert_eq!(seen.reasons(), [("at-0.5", "no_fix"), ("at-2.5", "no_fix")]);
}

#[test]
fn a_phone_that_stands_still_takes_no_pictures() {
    let mut events = straight(50.0, 10.0, 1.0);
    for t in 7..40_u8 {
        let t_s = f64::from(t);
        events.extend([
            fix_event(t_s, 50.0 + 0.2 * f64::from(t % 2), 0.0),
            frame(t_s + 0.5),
        ]);
    }
    let seen = captured(events);
    assert!(seen.kept.len() <= 6, "{:?}", seen.sources());
    let standing = seen
        .reasons()
        .iter()
        .filter(|(_, reason)| *reason == "standing_still")
        .count();
    assert!(standing >= 30, "{:?}", seen.reasons());
}

#[test]
fn after_a_gap_the_speed_is_unknown_and_no_standstill() {
    // 11 m in 40 s, as where a satellite was lost and found.
    let seen = captured([
        fix_event(1.0, 0.0, 0.0),
        frame(1.0),
        fix_event(41.0, 11.0, 0.0),
        frame(41.0),
    ]);
    assert_eq!(seen.sources(), ["at-1.0", "at-41.0"]);
}

fn reason_of_picture(data: FrameData) -> Option<&'static str> {
    let seen = captured([
        fix_event(1.0, 0.0, 0.0),
        frame_of(1.5, data),
        fix_event(2.0, 10.0, 0.0),
    ]);
    seen.dropped.first().map(|dropped| dropped.reason.name())
}

#[test]
fn a_picture_that_shows_nothing_is_dropped() {
    let grey = |level: u8| FrameData::Rgb(picture(160, 90, move |_, _| [level; 3]));
    let half_dark = FrameData::Rgb(picture(160, 90, |x, _| [if x < 150 { 2 } else { 120 }; 3]));
    assert_eq!(reason_of_picture(grey(120)), Some("blurred"));
    assert_eq!(reason_of_picture(grey(3)), Some("bad_exposure"));
    assert_eq!(reason_of_picture(grey(252)), Some("bad_exposure"));
    assert_eq!(reason_of_picture(half_dark), Some("bad_exposure"));
    assert_eq!(reason_of_picture(FrameData::Jpeg(jpeg(&blocks(1)))), None);
}

#[test]
fn a_picture_that_is_none_is_dropped() {
    let whole = jpeg(&blocks(1));
    let cut = whole[..whole.len() / 2].to_vec();
    let wide = encoded(17_000, 8, &vec![90; 17_000 * 8 * 3]);
    assert_eq!(
        reason_of_picture(FrameData::Jpeg(Vec::new())),
        Some("picture_unreadable")
    );
    assert_eq!(
        reason_of_picture(FrameData::Jpeg(b"GIF89a".to_vec())),
        Some("picture_unreadable")
    );
    assert_eq!(
        reason_of_picture(FrameData::Jpeg(cut)),
        Some("picture_unreadable")
    );
    assert_eq!(
        reason_of_picture(FrameData::Jpeg(wide)),
        Some("picture_too_large")
    );
}

#[test]
fn a_time_that_cannot_be_is_dropped() {
    let with_utc = |utc_ms| {
        reason_with(move |fix| Fix {
            utc_ms: Some(utc_ms),
            ..fix
        })
    };
    assert_eq!(with_utc(1_000_000_000_000), Some("time_before_2010"));
    assert_eq!(with_utc(0), Some("time_before_2010"));
    assert_eq!(with_utc(NOW_MS + 1), Some("time_in_future"));
    assert_eq!(with_utc(u64::MAX), None, "no time: the fix before tells it");
}

#[test]
fn a_time_that_does_not_follow_is_dropped_alone() {
    let mut events = straight(100.0, 10.0, 1.0);
    events.insert(10, frame(3.5));
    events.insert(11, frame(3.4));
    let seen = captured(events);
    assert_eq!(seen.kept.len(), 10);
    assert_eq!(
        seen.reasons(),
        [("at-3.5", "time_backwards"), ("at-3.4", "time_backwards")]
    );
}

#[test]
fn frames_do_not_wait_for_a_fix_without_bound() {
    let tiny = |t_s| frame_of(t_s, FrameData::Rgb(picture(8, 8, |_, _| [90; 3])));
    let mut capture = Capture::new(settings());
    capture.push(fix_event(1.0, 0.0, 0.0));
    for i in 0..1_100_u16 {
        capture.push(tiny(2.0 + f64::from(i) / 100.0));
    }
    let reasons = std::iter::from_fn(|| capture.next_step()).filter_map(|step| match step {
        CaptureStep::Dropped(dropped) => Some(dropped.reason.name()),
        CaptureStep::Kept(_) | CaptureStep::Passed(_) => None,
    });
    let reasons: Vec<&str> = reasons.collect();
    assert_eq!(
        reasons,
        vec!["no_fix"; 1_100 - WAITING_FRAMES_MAX],
        "the others still may get one"
    );
}
