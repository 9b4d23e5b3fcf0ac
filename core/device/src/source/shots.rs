//! A drive whose every picture brings its own time and place: pictures with a JSON or with Exif, and our own recordings.

use wayhex_protocol::limits::TIME_MIN_MS;
use wayhex_protocol::reason::Reason;

use super::drive::{Contents, Entry};
use super::event::{Fix, UnusableFrame};
use super::files::DriveFile;
use super::frames_json::JPEG;
use super::order::played;

const NS_PER_MS: u64 = 1_000_000;
const MS_PER_S: i64 = 1_000;
/// How far the satellites' time may stray from the recorder's beyond what the two differ by throughout the drive,
/// milliseconds: a fix is up to a second old when it is written down, and as much may pass until it is.
const SATELLITE_TIME_STRAYS_MAX_MS: u64 = 2_000;

/// A picture and what stands beside it.
#[derive(Debug)]
pub(super) struct Shot {
    /// The picture's name.
    pub source: String,
    /// Unix time by the recorder's clock, milliseconds.
    pub time_ms: i64,
    /// Whether the recorder gave no fraction of the second.
    pub is_whole_second: bool,
    /// The fix, its monotonic time still to be set.
    pub fix: Fix,
    /// Places that were passed before, each with the milliseconds before this time; oldest first.
    pub passed: Vec<PassedPlace>,
}

#[derive(Debug)]
pub(super) struct PassedPlace {
    pub lat_deg: f64,
    pub lon_deg: f64,
    pub before_ms: u32,
}

/// What was played last.
#[derive(Default)]
struct Last {
    fix: Option<Fix>,
    /// The latest time of the satellites.
    utc_ms: Option<u64>,
}

/// Reads what stands beside every picture of a drive; what cannot be read costs that picture.
pub(super) fn of_pictures(
    files: &[DriveFile],
    latest_ms: u64,
    read: impl Fn(&DriveFile) -> Result<Shot, Reason>,
) -> Contents {
    let pictures = files.iter().filter(|file| file.is(JPEG));
    let shots = pictures.map(|picture| {
        let shot = if picture.is_stray {
            Err(Reason::PictureUnreadable)
        } else {
            read(picture)
        };
        shot.map_err(|reason| UnusableFrame {
            source: picture.name.clone(),
            time_ms: None,
            reason,
        })
    });
    contents(shots.collect(), latest_ms)
}

/// Puts the pictures, given in the order of their names, into the order of time. The zero of the monotonic clock is 1970.
pub(super) fn contents(shots: Vec<Result<Shot, UnusableFrame>>, latest_ms: u64) -> Contents {
    let mut shots: Vec<Result<Shot, UnusableFrame>> = shots
        .into_iter()
        .map(|shot| shot.and_then(|shot| with_time_in_range(shot, latest_ms)))
        .collect();
    spread_whole_seconds(&mut shots);
    let ahead_ms = believe_satellites(&mut shots, latest_ms);
    let times: Vec<i64> = shots.iter().flatten().map(|shot| shot.time_ms).collect();
    let mut usable: Vec<Option<Shot>> = Vec::with_capacity(times.len());
    // What cannot be used keeps its place among the names; the others come in the order in which they are played.
    let places: Vec<Result<(), UnusableFrame>> = shots
        .into_iter()
        .map(|shot| shot.map(|shot| usable.push(Some(shot))))
        .collect();
    let mut in_order = played(&times)
        .into_iter()
        .filter_map(|(i, stands)| Some((usable.get_mut(i)?.take()?, stands)));
    let mut contents = Contents {
        unix_ms_at_zero: Some(0),
        ..Contents::default()
    };
    let mut last = Last::default();
    for place in places {
        if let Err(unusable) = place {
            contents.entries.push(Entry::Unusable(unusable));
        } else if let Some((shot, stands)) = in_order.next() {
            if stands {
                contents.add(shot, ahead_ms, &mut last);
            } else {
                let backwards = unusable(shot, Reason::TimeBackwards);
                contents.entries.push(Entry::Unusable(backwards));
            }
        }
    }
    contents
}

impl Contents {
    fn add(&mut self, shot: Shot, ahead_ms: i64, last: &mut Last) {
        let time_ms = u64::try_from(shot.time_ms).unwrap_or(0);
        let is_late_enough = |utc: &u64| last.utc_ms.is_none_or(|latest| latest <= *utc);
        let utc_ms = shot.fix.utc_ms.filter(is_late_enough);
        let fix = Fix {
            at_ns: time_ms.saturating_mul(NS_PER_MS),
            utc_ms,
            ..shot.fix
        };
        for passed in shot.passed {
            let before_ms = u64::from(passed.before_ms);
            self.entries.push(Entry::Fix(Fix {
                at_ns: fix.at_ns.saturating_sub(before_ms * NS_PER_MS),
                utc_ms: utc_ms.map(|utc| utc.saturating_sub(before_ms)),
                lat_deg: passed.lat_deg,
                lon_deg: passed.lon_deg,
                ..fix
            }));
        }
        if !last.fix.is_some_and(|last| is_one(&last, &fix)) {
            self.entries.push(Entry::Fix(fix));
        }
        *last = Last {
            fix: Some(fix),
            utc_ms: utc_ms.or(last.utc_ms),
        };
        self.entries.push(Entry::Picture {
            source: shot.source,
            at_ns: fix.at_ns,
        });
        self.ends_at_ms = utc_ms.or_else(|| time_ms.checked_add_signed(ahead_ms));
    }
}

/// Forgets each time of the satellites that does not go with the others: two clocks differ by the same all along a drive, the
/// recorder's by hours if nobody set it. Returns that difference, the median, satellites ahead; 0 where none is told.
fn believe_satellites(shots: &mut [Result<Shot, UnusableFrame>], latest_ms: u64) -> i64 {
    let ahead = |shot: &Shot| {
        let utc_ms = shot
            .fix
            .utc_ms
            .filter(|utc| (TIME_MIN_MS..=latest_ms).contains(utc))?;
        i64::try_from(utc_ms).ok()?.checked_sub(shot.time_ms)
    };
    let mut told: Vec<i64> = shots.iter().flatten().filter_map(ahead).collect();
    told.sort_unstable();
    let usual_ms = told.get(told.len() / 2).copied().unwrap_or(0);
    for shot in shots.iter_mut().flatten() {
        let strays_ms = ahead(shot).map(|ahead_ms| ahead_ms.abs_diff(usual_ms));
        if strays_ms.is_none_or(|strays_ms| strays_ms > SATELLITE_TIME_STRAYS_MAX_MS) {
            shot.fix.utc_ms = None;
        }
    }
    usual_ms
}

/// Whether two pictures bring one fix: taken faster than the receiver measures. As two fixes they would look like a stop.
fn is_one(last: &Fix, fix: &Fix) -> bool {
    let place = |fix: &Fix| (fix.lat_deg.to_bits(), fix.lon_deg.to_bits());
    fix.utc_ms.is_some() && fix.utc_ms == last.utc_ms && place(fix) == place(last)
}

fn with_time_in_range(shot: Shot, latest_ms: u64) -> Result<Shot, UnusableFrame> {
    match u64::try_from(shot.time_ms) {
        Ok(time) if time > latest_ms => Err(unusable(shot, Reason::TimeInFuture)),
        Ok(time) if time >= TIME_MIN_MS => Ok(shot),
        _ => Err(unusable(shot, Reason::TimeBefore2010)),
    }
}

/// Pictures of one whole second are spread evenly over it, in the order of their names.
fn spread_whole_seconds(shots: &mut [Result<Shot, UnusableFrame>]) {
    let mut whole: Vec<&mut Shot> = shots
        .iter_mut()
        .flatten()
        .filter(|shot| shot.is_whole_second)
        .collect();
    whole.sort_by_key(|shot| shot.time_ms);
    for second in whole.chunk_by_mut(|a, b| a.time_ms == b.time_ms) {
        let count = i64::try_from(second.len()).unwrap_or(MS_PER_S);
        for (shot, number) in second.iter_mut().zip(0_i64..) {
            shot.time_ms += MS_PER_S * number / count;
        }
    }
}

fn unusable(shot: Shot, reason: Reason) -> UnusableFrame {
    UnusableFrame {
        source: shot.source,
        time_ms: Some(shot.time_ms),
        reason,
    }
}
