//! The gates, each with its reason, and the segment of what passes.

use wayhex_device::capture::CaptureSettings;
use wayhex_device::source::{Event, Fix, FrameData, InertialSample};
use wayhex_protocol::observation::TimeSource;

use crate::scene::{
    NOW_MS, ZERO_MS, blocks, captured, captured_with, degrees, encoded, fix, fix_event, frame,
    frame_of, jpeg, ns, picture, position, settings, straight,
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
fn a_frame_is_placed_on_the_line_between_its_fixes() {
    let seen = captured([
        fix_event(1.0, 0.0, 0.0),
        frame(1.25),
        fix_event(2.0, 20.0, 8.0),
    ]);
    assert!(seen.kept[0].place().distance_m(position(5.0, 2.0)) < 0.02);
}

#[test]
fn a_frame_on_the_antimeridian_is_not_placed_on_the_other_side_of_the_world() {
    let at = |t_s: f64, lon| {
        Event::Fix(Fix {
            utc_ms: Some(NOW_MS),
            ..Fix::at(ns(t_s), -17.5, lon)
        })
    };
    let seen = captured_with(
        CaptureSettings::default(),
        [at(1.0, 179.999_95), frame(1.5), at(2.0, -179.999_95)],
    );
    assert!(
        seen.kept[0].place().lon_deg().abs() > 179.999_9,
        "{:?}",
        seen.kept[0].place()
    );
}

#[test]
fn nothing_is_interpolated_across_a_gap_and_no_segment_bridges_it() {
    let mut events = straight(100.0, 10.0, 2.0);
    // The next fix comes 3.5 s after the last one, round a corner.
    events.extend([
        frame(12.0),
        frame(14.0),
        fix_event(14.5, 100.0, 30.0),
        frame(14.75),
        fix_event(15.0, 100.0, 35.0),
    ]);
    events.extend([frame(15.9), fix_event(16.0, 100.0, 45.0)]);
    let seen = captured(events);
    assert_eq!(
        seen.reasons()
            .iter()
            .filter(|(_, reason)| *reason == "gnss_gap")
            .count(),
        2
    );
    let after: Vec<_> = seen
        .kept
        .iter()
        .filter(|kept| kept.place().distance_m(position(100.0, 30.0)) < 20.0)
        .collect();
    assert_eq!(
        after.iter().map(|kept| kept.source()).collect::<Vec<_>>(),
        ["at-14.8", "at-15.9"]
    );
    for kept in after {
        let vertices = kept.segment().vertices();
        let none_before = vertices
            .iter()
            .all(|vertex| vertex.position.lat_e7() >= position(100.0, 29.9).lat_e7());
        assert!(none_before, "{vertices:?}");
    }
}

#[test]
fn a_gap_is_more_than_three_seconds() {
    let seen = captured([
        fix_event(1.0, 0.0, 0.0),
        frame(2.0),
        fix_event(4.0, 30.0, 0.0),
    ]);
    assert_eq!(seen.kept.len(), 1);
    let seen = captured([
        fix_event(1.0, 0.0, 0.0),
        frame(2.0),
        fix_event(4.001, 30.0, 0.0),
    ]);
    assert_eq!(seen.reasons(), [("at-2.0", "gnss_gap")]);
}

#[test]
fn a_segment_runs_through_every_fix_since_the_last_kept_frame() {
    let mut events = vec![fix_event(1.0, 0.0, 0.0), frame(1.0)];
    events.extend([
        fix_event(1.5, 4.0, 3.0),
        fix_event(2.0, 8.0, 0.0),
        frame(2.0),
    ]);
    let seen = captured(events);
    let segment: Vec<_> = seen.kept[1]
        .segment()
        .vertices()
        .iter()
        .map(|it| (it.position, it.before_ms))
        .collect();
    let expect = [
        (position(0.0, 0.0), 1_000),
        (position(4.0, 3.0), 500),
        (position(8.0, 0.0), 0),
    ];
    assert_eq!(segment, expect);
    assert_eq!(
        seen.kept[0].segment().vertices().len(),
        1,
        "nothing was driven before the first"
    );
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
fn a_dropped_picture_does_not_move_the_spacing() {
    let grey = FrameData::Rgb(picture(160, 90, |_, _| [120; 3]));
    let mut events = vec![fix_event(1.0, 0.0, 0.0), frame(1.0)];
    events.extend([
        fix_event(2.0, 8.0, 0.0),
        frame_of(2.0, grey),
        fix_event(2.5, 12.0, 0.0),
        frame(2.5),
    ]);
    let seen = captured(events);
    assert_eq!(seen.sources(), ["at-1.0", "at-2.5"]);
    assert_eq!(
        seen.kept[1].segment().vertices().len(),
        3,
        "its way is the next frame's"
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
fn the_time_is_the_satellites_or_else_the_phones() {
    let without = |t_s, east_m| {
        Event::Fix(Fix {
            utc_ms: None,
            ..fix(t_s, east_m, 0.0)
        })
    };
    let seen = captured([
        fix_event(1.0, 0.0, 0.0),
        frame(1.5),
        fix_event(2.0, 10.0, 0.0),
    ]);
    let time = seen.kept[0].time();
    assert_eq!(
        (time.unix_ms, time.source),
        (i64::try_from(ZERO_MS).unwrap() + 1_500, TimeSource::Gnss)
    );
    let phone = CaptureSettings {
        unix_ms_at_zero: Some(1_700_000_000_000),
        ..settings()
    };
    let seen = captured_with(phone, [without(1.0, 0.0), frame(1.5), without(2.0, 10.0)]);
    let time = seen.kept[0].time();
    assert_eq!(
        (time.unix_ms, time.source),
        (1_700_000_001_500, TimeSource::Phone)
    );
    let seen = captured([without(1.0, 0.0), frame(1.5), without(2.0, 10.0)]);
    assert_eq!(seen.reasons(), [("at-1.5", "metadata_missing")]);
}

#[test]
fn the_motion_is_that_of_the_segment_however_the_phone_is_mounted() {
    // A turn to the right at 0.4 rad/s for a second; down is the device's second axis.
    let mut events = vec![fix_event(1.0, 0.0, 0.0), frame(1.0)];
    for step in 0..100_u8 {
        let at_ns = ns(1.0 + f64::from(step) / 100.0);
        let shake = if step % 2 == 0 { 0.3 } else { -0.3 };
        let sample = InertialSample {
            at_ns,
            acceleration: Some([0.0, -9.8 + shake, 0.0]),
            rotation: Some([0.0, 0.4, 0.0]),
        };
        events.push(Event::Inertial(sample));
    }
    events.extend([fix_event(2.0, 10.0, 0.0), frame(2.0)]);
    let seen = captured(events);
    let motion = seen.kept[1].motion();
    assert!(
        motion.speed_mm_s.unwrap().abs_diff(10_000) < 20,
        "{motion:?}"
    );
    assert!((motion.yaw_mdeg.unwrap() - 22_690).abs() < 50, "{motion:?}");
    assert!(
        (i64::from(motion.acceleration_spread_mm_s2.unwrap()) - 300).abs() < 3,
        "{motion:?}"
    );
    assert_eq!(
        seen.kept[0].motion().yaw_mdeg,
        None,
        "a single place has no motion"
    );
    assert_eq!(seen.counts.inertial, 100);
}

#[test]
fn what_was_seen_is_counted() {
    let seen = captured(straight(200.0, 10.0, 2.0));
    assert_eq!((seen.counts.frames, seen.counts.fixes), (40, 41));
    assert!(
        (seen.counts.metres - 200.0).abs() < 0.5,
        "{}",
        seen.counts.metres
    );
    assert_eq!(degrees(0.0, 0.0), (46.95, 7.45));
}
