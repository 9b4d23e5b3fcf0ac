//! Geotagged pictures.

use std::fs;
use std::path::Path;

use exif::experimental::Writer;
use exif::{Field, In, Rational, Tag, Value};
use tempfile::TempDir;
use wayhex_device::source::{Drive, DriveKind};
use wayhex_protocol::observation::TimeSource;

use crate::json_drives::play;
use crate::scene::{NOW_MS, blocks, degrees, jpeg, position};

/// 1 June 2026, 00:00 UTC, as [`crate::scene::ZERO_MS`].
const DATE: &str = "2026:06:01";

type Change = fn(Tags, Value) -> Tags;

#[derive(Clone)]
struct Tags(Vec<(Tag, Value)>);

fn ascii(text: &str) -> Value {
    Value::Ascii(vec![text.as_bytes().to_vec()])
}

/// Degrees, minutes and seconds in 1/100,000.
fn angle(degrees: f64) -> Value {
    let whole = |value: f64| value.to_string().parse::<u32>().unwrap();
    let (d, rest) = (degrees.trunc(), degrees.fract() * 60.0);
    let (m, s) = (rest.trunc(), (rest.fract() * 60.0 * 1e5).round());
    let part = |num, denom| Rational { num, denom };
    Value::Rational(vec![
        part(whole(d), 1),
        part(whole(m), 1),
        part(whole(s), 100_000),
    ])
}

impl Tags {
    /// Taken at this time of day, in so many metres to the east.
    fn new(time: &str, east_m: f64) -> Self {
        let (lat, lon) = degrees(east_m, 0.0);
        Self(vec![
            (Tag::DateTimeOriginal, ascii(&format!("{DATE} {time}"))),
            (Tag::GPSLatitude, angle(lat)),
            (Tag::GPSLatitudeRef, ascii("N")),
            (Tag::GPSLongitude, angle(lon)),
            (Tag::GPSLongitudeRef, ascii("E")),
        ])
    }

    fn with(mut self, tag: Tag, value: Value) -> Self {
        self.0.retain(|(own, _)| *own != tag);
        self.0.push((tag, value));
        self
    }

    fn without(mut self, tag: Tag) -> Self {
        self.0.retain(|(own, _)| *own != tag);
        self
    }

    fn write(&self, path: &Path) {
        let fields: Vec<Field> = self
            .0
            .iter()
            .map(|(tag, value)| Field {
                tag: *tag,
                ifd_num: In::PRIMARY,
                value: value.clone(),
            })
            .collect();
        let mut writer = Writer::new();
        for field in &fields {
            writer.push_field(field);
        }
        let mut tiff = std::io::Cursor::new(Vec::new());
        writer.write(&mut tiff, false).unwrap();
        let tiff = tiff.into_inner();
        let picture = jpeg(&blocks(1));
        let length = u16::try_from(tiff.len() + 8).unwrap().to_be_bytes();
        let app1: [&[u8]; 5] = [&picture[..2], &[0xff, 0xe1], &length, b"Exif\0\0", &tiff];
        fs::write(path, [&app1.concat(), &picture[2..]].concat()).unwrap();
    }
}

fn drive(pictures: &[Tags]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (i, tags) in pictures.iter().enumerate() {
        tags.write(&dir.path().join(format!("IMG_{i}.JPG")));
    }
    dir
}

fn at(seconds: u32, fraction: &str) -> Tags {
    let tags = Tags::new(&format!("02:00:{seconds:02}"), 10.0 * f64::from(seconds));
    tags.with(Tag::SubSecTimeOriginal, ascii(fraction))
        .with(Tag::OffsetTimeOriginal, ascii("+02:00"))
}

fn times(dir: &TempDir) -> Vec<i64> {
    let zero_ms = i64::try_from(crate::scene::ZERO_MS).unwrap();
    play(dir.path())
        .kept
        .iter()
        .map(|kept| kept.time().unix_ms - zero_ms)
        .collect()
}

#[test]
fn time_fraction_zone_and_place_are_read() {
    let dir = drive(&[at(1, "25"), at(2, "5"), at(3, "750")]);
    assert_eq!(
        Drive::open(dir.path(), NOW_MS).unwrap().kind(),
        DriveKind::Exif
    );
    assert_eq!(times(&dir), [1_250, 2_500, 3_750]);
    let seen = play(dir.path());
    assert!(seen.kept[1].place().distance_m(position(20.0, 0.0)) < 0.02);
    assert_eq!(seen.kept[1].time().source, TimeSource::Phone);
}

#[test]
fn the_satellites_time_gives_the_zone_where_the_camera_does_not() {
    let stamp = |seconds: u32| {
        let of_day = [0, 0, seconds].map(|num| Rational { num, denom: 1 });
        at(seconds, "4")
            .without(Tag::OffsetTimeOriginal)
            .with(Tag::GPSDateStamp, ascii(DATE))
            .with(Tag::GPSTimeStamp, Value::Rational(of_day.to_vec()))
    };
    let dir = drive(&[stamp(1), stamp(2)]);
    let seen = play(dir.path());
    assert_eq!(times(&dir), [1_000, 2_000]);
    assert!(
        seen.kept
            .iter()
            .all(|kept| kept.time().source == TimeSource::Gnss)
    );
    let unknown = Tags::new("00:00:01", 10.0).with(Tag::SubSecTimeOriginal, ascii("4"));
    assert_eq!(times(&drive(&[unknown])), [1_400], "taken as UTC");
}

#[test]
fn pictures_of_one_whole_second_keep_the_order_of_their_names() {
    let whole = |seconds: u32, east_m| Tags::new(&format!("00:00:{seconds:02}"), east_m);
    let places: Vec<Tags> = (0..12_u32)
        .map(|i| whole(i / 2, 10.0 * f64::from(i)))
        .collect();
    let dir = drive(&places);
    let seen = play(dir.path());
    let names: Vec<String> = (0..12).map(|i| format!("IMG_{i}.JPG")).collect();
    assert_eq!(seen.sources(), names, "{:?}", seen.reasons());
    assert_eq!(times(&dir)[..4], [0, 500, 1_000, 1_500]);
}

#[test]
fn a_fix_that_several_pictures_share_is_one_fix() {
    // Two pictures a second with a fix a second, 10 m apart: without this rule the speed would be 0 and 20 m/s by turns.
    let pictures: Vec<Tags> = (0..20_u32)
        .map(|i| {
            let second = Rational {
                num: i / 2,
                denom: 1,
            };
            let zero = Rational { num: 0, denom: 1 };
            Tags::new(&format!("00:00:{:02}", i / 2), 10.0 * f64::from(i / 2))
                .with(
                    Tag::SubSecTimeOriginal,
                    ascii(if i % 2 == 0 { "0" } else { "5" }),
                )
                .with(Tag::GPSDateStamp, ascii(DATE))
                .with(Tag::GPSTimeStamp, Value::Rational(vec![zero, zero, second]))
        })
        .collect();
    let seen = play(drive(&pictures).path());
    assert_eq!(seen.counts.fixes, 10);
    assert_eq!(seen.kept.len(), 10, "{:?}", seen.reasons());
    assert_eq!(
        seen.dropped
            .iter()
            .filter(|it| it.reason.name() == "too_close")
            .count(),
        9
    );
}

#[test]
fn what_is_wrong_with_one_picture_costs_that_frame() {
    let zero = Value::Rational(vec![Rational { num: 0, denom: 0 }; 3]);
    let cases: [(&str, Change, &str); 8] = [
        (
            "no latitude",
            |tags, _| tags.without(Tag::GPSLatitude),
            "metadata_missing",
        ),
        (
            "no hemisphere",
            |tags, _| tags.without(Tag::GPSLongitudeRef),
            "metadata_missing",
        ),
        (
            "no time",
            |tags, _| tags.without(Tag::DateTimeOriginal),
            "metadata_missing",
        ),
        (
            "a blank time",
            |tags, _| tags.with(Tag::DateTimeOriginal, ascii("    :  :     :  :  ")),
            "metadata_missing",
        ),
        (
            "month 13",
            |tags, _| tags.with(Tag::DateTimeOriginal, ascii("2026:13:01 00:00:00")),
            "metadata_missing",
        ),
        (
            "latitude 0/0",
            |tags, zero| tags.with(Tag::GPSLatitude, zero),
            "position_out_of_range",
        ),
        (
            "the other half of the world",
            |tags, _| tags.with(Tag::GPSLatitudeRef, ascii("S")),
            "implausible_position",
        ),
        (
            "1999",
            |tags, _| tags.with(Tag::DateTimeOriginal, ascii("1999:06:01 00:00:05")),
            "time_before_2010",
        ),
    ];
    for (what, change, expect) in cases {
        let mut pictures: Vec<Tags> = (0..11).map(|seconds| at(seconds, "5")).collect();
        pictures[5] = change(pictures[5].clone(), zero.clone());
        let seen = play(drive(&pictures).path());
        assert_eq!(seen.reasons(), [("IMG_5.JPG", expect)], "{what}");
    }
}

#[test]
fn pictures_without_tags_and_files_that_are_no_pictures_are_told_apart() {
    let dir = drive(&[at(1, "5")]);
    fs::write(dir.path().join("IMG_2.JPG"), jpeg(&blocks(1))).unwrap();
    fs::write(dir.path().join("IMG_3.JPG"), b"GIF89a").unwrap();
    fs::write(dir.path().join("IMG_4.JPG"), b"").unwrap();
    let seen = play(dir.path());
    let expect = [
        ("IMG_2.JPG", "metadata_missing"),
        ("IMG_3.JPG", "picture_unreadable"),
        ("IMG_4.JPG", "picture_unreadable"),
    ];
    assert_eq!(seen.reasons(), expect);
}
