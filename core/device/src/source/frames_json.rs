//! Pictures with a JSON of the same name beside each: `time` (Unix ms by the recorder), `lat` and `lon` (degrees); where
//! known `gnss_time` (Unix ms by the satellites), `accuracy_m` (or `accuracy`, as browsers call it), `satellites`, `hdop`, `speed_m_s`, and `path`, the places passed before:
//! `[[lat, lon, milliseconds before], ...]`. Other keys are passed over.

use std::collections::HashMap;

use serde_json::Value;
use wayhex_protocol::limits::SEGMENT_VERTICES_MAX;
use wayhex_protocol::reason::Reason;

use super::drive::Contents;
use super::event::Fix;
use super::files::{DriveFile, read_up_to};
use super::shots::{PassedPlace, Shot, of_pictures};

/// Most bytes of a picture's JSON: a hundred times what it needs.
pub const JSON_BYTES_MAX: usize = 64 * 1024;
/// Extensions of pictures.
pub(super) const JPEG: &[&str] = &["jpg", "jpeg"];

/// Whether any picture has a JSON beside it.
pub(super) fn has_any(files: &[DriveFile]) -> bool {
    let beside = jsons(files);
    files
        .iter()
        .any(|file| file.is(JPEG) && beside.contains_key(file.stem()))
}

/// Reads the JSON of every picture.
pub(super) fn read(files: &[DriveFile], latest_ms: u64) -> Contents {
    let beside = jsons(files);
    of_pictures(files, latest_ms, |picture| {
        let json = beside.get(picture.stem()).ok_or(Reason::MetadataMissing)?;
        shot(&picture.name, json).ok_or(Reason::MetadataMissing)
    })
}

fn jsons(files: &[DriveFile]) -> HashMap<&str, &DriveFile> {
    files
        .iter()
        .filter(|file| file.is(&["json"]) && !file.is_stray)
        .map(|file| (file.stem(), file))
        .collect()
}

fn shot(source: &str, json: &DriveFile) -> Option<Shot> {
    let bytes = match read_up_to(&json.path, JSON_BYTES_MAX) {
        Ok(bytes) => bytes?,
        Err(error) => {
            tracing::warn!(%error, "the JSON of a picture cannot be read");
            return None;
        }
    };
    let value = parse(&bytes)?;
    let real = |key: &str| value.get(key).and_then(degrees);
    let whole = |key: &str| value.get(key).and_then(milliseconds);
    Some(Shot {
        source: source.to_owned(),
        time_ms: whole("time")?,
        is_whole_second: false,
        fix: Fix {
            utc_ms: whole("gnss_time").and_then(|ms| u64::try_from(ms).ok()),
            speed_m_s: real("speed_m_s"),
            accuracy_m: real("accuracy_m").or_else(|| real("accuracy")),
            satellites: whole("satellites").and_then(|count| u32::try_from(count).ok()),
            hdop: real("hdop"),
            ..Fix::at(0, real("lat")?, real("lon")?)
        },
        passed: value
            .get("path")
            .and_then(Value::as_array)
            .map(|path| passed(path))
            .unwrap_or_default(),
    })
}

/// JSON has no NaN, but some recorders write one: it is read as a number that is none, so that the frame is dropped for its
/// position.
fn parse(bytes: &[u8]) -> Option<Value> {
    // Some editors begin a file with a byte order mark, which JSON has not.
    let text = std::str::from_utf8(bytes)
        .ok()?
        .trim_start_matches('\u{feff}');
    let tolerant = || {
        let quoted = text
            .replace("-Infinity", "Infinity")
            .replace("Infinity", "NaN")
            .replace("NaN", r#""NaN""#);
        serde_json::from_str(&quoted)
    };
    serde_json::from_str(text)
        .or_else(|_strictly| tolerant())
        .ok()
}

fn degrees(value: &Value) -> Option<f64> {
    value
        .as_f64()
        .or_else(|| (value.as_str() == Some("NaN")).then_some(f64::NAN))
}

fn milliseconds(value: &Value) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, and neither end is a time that passes"
    )]
    let rounded = |ms: f64| ms.round() as i64;
    value.as_i64().or_else(|| value.as_f64().map(rounded))
}

fn passed(path: &[Value]) -> Vec<PassedPlace> {
    let place = |vertex: &Value| {
        Some(PassedPlace {
            lat_deg: vertex.get(0)?.as_f64()?,
            lon_deg: vertex.get(1)?.as_f64()?,
            before_ms: u32::try_from(vertex.get(2)?.as_u64()?)
                .ok()
                .filter(|ms| *ms > 0)?,
        })
    };
    path.iter()
        .take(SEGMENT_VERTICES_MAX)
        .filter_map(place)
        .collect()
}
