//! Geotagged pictures: time and place in their Exif (CIPA DC-008).
//!
//! The time is `DateTimeOriginal` with `SubSecTimeOriginal` and `OffsetTimeOriginal`; without an offset it is taken from the satellites'
//! time, to a quarter of an hour, else as UTC. `GPSDateStamp` and `GPSTimeStamp` give the satellites' time. A picture without a
//! latitude, a longitude with its hemisphere, or any time is `metadata_missing`.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use exif::{DateTime, Exif, In, Reader, Tag, Value};
use wayhex_protocol::reason::Reason;

use super::drive::Contents;
use super::event::Fix;
use super::files::DriveFile;
use super::shots::{Shot, of_pictures};

const JPEG_START: [u8; 2] = [0xff, 0xd8];
const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;
/// Time zones differ by quarters of an hour.
const ZONE_STEP_MS: i64 = 15 * MINUTE_MS;

/// Reads the Exif of every picture.
pub(super) fn read(files: &[DriveFile], latest_ms: u64) -> Contents {
    of_pictures(files, latest_ms, |picture| {
        let tags = read_tags(&picture.path)?;
        shot(&picture.name, &tags).ok_or(Reason::MetadataMissing)
    })
}

fn read_tags(path: &Path) -> Result<Exif, Reason> {
    let unreadable = |error: io::Error| {
        tracing::warn!(%error, "a picture cannot be read");
        Reason::PictureUnreadable
    };
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut start = Vec::new();
    file.by_ref()
        .take(2)
        .read_to_end(&mut start)
        .map_err(unreadable)?;
    if start != JPEG_START {
        return Err(Reason::PictureUnreadable);
    }
    file.rewind().map_err(unreadable)?;
    Reader::new()
        .read_from_container(&mut file)
        .map_err(|_no_exif| Reason::MetadataMissing)
}

fn shot(source: &str, tags: &Exif) -> Option<Shot> {
    let gnss_ms = satellite_time_ms(tags);
    let (time_ms, is_whole_second) = match camera_time(tags, gnss_ms) {
        Some(time) => time,
        None => (gnss_ms?, gnss_ms? % 1_000 == 0),
    };
    let lat_deg = angle(tags, Tag::GPSLatitude)? * sign(tags, Tag::GPSLatitudeRef, b'N', b'S')?;
    let lon_deg = angle(tags, Tag::GPSLongitude)? * sign(tags, Tag::GPSLongitudeRef, b'E', b'W')?;
    Some(Shot {
        source: source.to_owned(),
        time_ms,
        is_whole_second,
        fix: Fix {
            utc_ms: gnss_ms.and_then(|ms| u64::try_from(ms).ok()),
            accuracy_m: rationals(tags, Tag::GPSHPositioningError)
                .and_then(|error| error.first().copied()),
            ..Fix::at(0, lat_deg, lon_deg)
        },
        passed: Vec::new(),
    })
}

/// Unix time by the camera's clock, and whether it has no fraction of a second.
fn camera_time(tags: &Exif, gnss_ms: Option<i64>) -> Option<(i64, bool)> {
    let mut time = DateTime::from_ascii(text(tags, Tag::DateTimeOriginal)?).ok()?;
    let has_fraction =
        text(tags, Tag::SubSecTimeOriginal).is_some_and(|digits| time.parse_subsec(digits).is_ok());
    let has_offset =
        text(tags, Tag::OffsetTimeOriginal).is_some_and(|zone| time.parse_offset(zone).is_ok());
    let milliseconds = i64::from(time.nanosecond.unwrap_or(0) / 1_000_000);
    let local_ms = days_since_1970(time.year, time.month, time.day)? * DAY_MS
        + (i64::from(time.hour) * 60 + i64::from(time.minute)) * MINUTE_MS
        + i64::from(time.second) * 1_000
        + milliseconds;
    let ahead_ms = match (has_offset, gnss_ms) {
        (true, _) => i64::from(time.offset.unwrap_or(0)) * MINUTE_MS,
        (false, Some(gnss_ms)) => {
            (local_ms - gnss_ms + ZONE_STEP_MS / 2).div_euclid(ZONE_STEP_MS) * ZONE_STEP_MS
        }
        (false, None) => 0,
    };
    Some((
        local_ms - ahead_ms,
        !has_fraction || time.nanosecond.is_none(),
    ))
}

fn satellite_time_ms(tags: &Exif) -> Option<i64> {
    let date = std::str::from_utf8(text(tags, Tag::GPSDateStamp)?).ok()?;
    let mut parts = date.trim().split([':', '-']);
    let (year, month, day) = (
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
    );
    let [hours, minutes, seconds] = rationals(tags, Tag::GPSTimeStamp)?.try_into().ok()?;
    let of_day_ms = (hours * 3_600.0 + minutes * 60.0 + seconds) * 1_000.0;
    if !(0.0..=86_401_000.0).contains(&of_day_ms) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within a day by the check above"
    )]
    let of_day_ms = of_day_ms.round() as i64;
    Some(days_since_1970(year, month, day)? * DAY_MS + of_day_ms)
}

/// Days of the proleptic Gregorian calendar; `None` for a month or day that is none.
fn days_since_1970(year: u16, month: u8, day: u8) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last.
    let (month, day) = (i64::from(month), i64::from(day));
    let year = i64::from(year) - i64::from(month <= 2);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year
            - 719_468,
    )
}

/// Degrees, minutes and seconds as degrees; no number where a denominator is zero.
fn angle(tags: &Exif, tag: Tag) -> Option<f64> {
    let parts = rationals(tags, tag).filter(|parts| !parts.is_empty())?;
    Some(
        parts
            .iter()
            .zip([1.0, 60.0, 3_600.0])
            .map(|(part, per_degree)| part / per_degree)
            .sum(),
    )
}

fn sign(tags: &Exif, tag: Tag, positive: u8, negative: u8) -> Option<f64> {
    match text(tags, tag)?.first()?.to_ascii_uppercase() {
        letter if letter == positive => Some(1.0),
        letter if letter == negative => Some(-1.0),
        _ => None,
    }
}

fn rationals(tags: &Exif, tag: Tag) -> Option<Vec<f64>> {
    match &tags.get_field(tag, In::PRIMARY)?.value {
        Value::Rational(values) => Some(values.iter().map(exif::Rational::to_f64).collect()),
        _ => None,
    }
}

fn text(tags: &Exif, tag: Tag) -> Option<&[u8]> {
    match &tags.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(lines) => lines
            .first()
            .map(Vec::as_slice)
            .filter(|line| !line.is_empty()),
        _ => None,
    }
}
