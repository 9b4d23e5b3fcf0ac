//! Where and when a frame was taken, and the segment it stands for.

use wayhex_device::capture::{Capture, CaptureSettings, CaptureStep};
use wayhex_device::source::{Event, Fix, FrameData, InertialSample};
use wayhex_protocol::observation::TimeSource;

use crate::scene::{
    NOW_MS, ZERO_MS, captured, captured_with, fix, fix_event, frame, frame_of, ns, picture,
    position, settings, straight,
};

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
fn fixes_close_to_one_another_and_to_the_frame_are_vertices_too() {
    let mut events = vec![fix_event(1.0, 0.0, 0.0), frame(1.0)];
    events.extend([
        fix_event(1.5, 5.0, 1.0),
        fix_event(1.51, 5.1, 1.0),
        fix_event(1.99, 9.9, 0.0),
        frame(1.995),
        fix_event(2.5, 15.0, 0.0),
    ]);
    let seen = captured(events);
    let vertices = seen.kept[1].segment().vertices();
    let before_ms: Vec<u32> = vertices.iter().map(|it| it.before_ms).collect();
    assert_eq!(before_ms, [995, 495, 485, 5, 0]);
}

#[test]
fn a_fix_of_the_frames_own_millisecond_does_not_cost_the_segment() {
    // At 69 m/s: two places a third of a millisecond apart would be a leap by the times on the wire.
    let mut events = vec![fix_event(1.0, 0.0, 0.0), frame(1.0)];
    events.extend([
        fix_event(1.4, 27.6, 0.0),
        fix_event(1.499_7, 34.479_3, 0.0),
        frame(1.5),
        fix_event(1.9, 62.1, 0.0),
    ]);
    let seen = captured(events);
    let vertices = seen.kept[1].segment().vertices();
    let before_ms: Vec<u32> = vertices.iter().map(|it| it.before_ms).collect();
    assert_eq!(before_ms, [500, 100, 0]);
}

#[test]
fn behind_a_private_frame_the_inertial_window_begins_anew() {
    let sample = |t_s: f64| {
        Event::Inertial(InertialSample {
            at_ns: ns(t_s),
            acceleration: Some([0.0, -9.8, 0.0]),
            rotation: Some([0.0, 0.4, 0.0]),
        })
    };
    let yaws = |private: Option<u64>| -> Vec<Option<i32>> {
        let mut capture = Capture::new(settings());
        let mut yaws = Vec::new();
        for step in 0..4_u8 {
            let t_s = 1.0 + f64::from(step);
            capture.push(fix_event(t_s, 10.0 * f64::from(step), 0.0));
            for part in 0..10_u8 {
                capture.push(sample(t_s + f64::from(part) / 10.0));
            }
            capture.push(frame(t_s + 0.95));
        }
        capture.push(fix_event(5.0, 40.0, 0.0));
        capture.finish();
        while let Some(step) = capture.next_step() {
            if let CaptureStep::Kept(captured) = step {
                if Some(captured.index()) == private {
                    capture.start_anew();
                }
                yaws.push(captured.motion().yaw_mdeg);
            }
        }
        yaws
    };
    let (open, private) = (yaws(None), yaws(Some(1)));
    assert!(open[1..].iter().all(Option::is_some), "{open:?}");
    assert_eq!(
        private[2], None,
        "nothing of the way out of the private place"
    );
    assert_eq!(private[3], open[3], "what was sampled ahead is not lost");
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
}
