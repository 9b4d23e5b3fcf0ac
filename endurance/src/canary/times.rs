//! When the private frames were taken, in every form in which it may be told.
//!
//! ```text
//! Unix milliseconds                six bytes in both orders, numbers; also cut from micro- and nanoseconds
//! Unix seconds                     numbers
//! 2026-11-23T07:15:00, with T or a space; 2026:11:23 07:15:00 (EXIF 2.32, DateTime)        UTC
//! ```
//! A second that a frame shares which may be told says nothing and is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::ground::{FRAMES, STEP_MS};

/// When a trip was last under way is noted to ten seconds, milliseconds: no frame's time, and nothing of a place. It stands in
/// `sessions.alive_ms` alone.
pub const ALIVE_EVERY_MS: u64 = 10_000;
/// What a number of milliseconds, microseconds or nanoseconds is divided by to be milliseconds.
const PER_MS: [u64; 3] = [1, 1_000, 1_000_000];

/// A time axis on which the way was told: what its first frame's time is there, Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Whose time it is.
    pub name: &'static str,
    /// The time of the way's first frame.
    pub began_ms: u64,
    /// What a frame may be dated too early, milliseconds.
    pub early_ms: u64,
    /// What a frame may be dated too late, milliseconds.
    pub late_ms: u64,
}

impl Axis {
    /// An axis on which all is dated exactly.
    #[must_use]
    pub const fn exact(name: &'static str, began_ms: u64) -> Self {
        Self {
            name,
            began_ms,
            early_ms: 0,
            late_ms: 0,
        }
    }

    /// When a frame was taken.
    fn at(&self, frame: usize) -> u64 {
        self.began_ms + STEP_MS * u64::try_from(frame).unwrap_or(0)
    }

    /// What it may be dated, when it was taken in this time.
    const fn around(&self, from_ms: u64, to_ms: u64) -> RangeInclusive<u64> {
        from_ms - self.early_ms..=to_ms + self.late_ms
    }

    /// The seconds that it may be dated, when it was taken then.
    fn seconds(&self, frame: usize) -> [u64; 2] {
        let (start, end) = self.around(self.at(frame), self.at(frame)).into_inner();
        [start / 1_000, end / 1_000]
    }
}

/// When private frames were taken.
#[derive(Clone, Debug)]
pub struct Times {
    /// Times that say it exactly, and stretches of time, Unix milliseconds.
    moments: Vec<(RangeInclusive<u64>, &'static str)>,
    stretches: Vec<(RangeInclusive<u64>, &'static str)>,
    /// Unix seconds.
    seconds: BTreeMap<u64, &'static str>,
    /// The first two bytes of all moments, in six.
    heads: BTreeSet<Vec<u8>>,
}

impl Times {
    /// The times of these frames, in order, on these axes.
    #[must_use]
    pub fn of(frames: &[usize], axes: &[Axis]) -> Self {
        let mut times = Self {
            moments: Vec::new(),
            stretches: Vec::new(),
            seconds: BTreeMap::new(),
            heads: BTreeSet::new(),
        };
        for axis in axes {
            times.add(frames, axis);
        }
        times
    }

    fn add(&mut self, frames: &[usize], axis: &Axis) {
        for frame in frames {
            let moment = axis.around(axis.at(*frame), axis.at(*frame));
            for ms in [*moment.start(), *moment.end()] {
                let [_, _, first, second, ..] = ms.to_be_bytes();
                self.heads.insert(vec![first, second]);
            }
            self.moments.push((moment, axis.name));
        }
        // Neighbours in one area make a stretch.
        for pair in frames.windows(2).filter(|pair| pair[0] + 1 == pair[1]) {
            let stretch = axis.around(axis.at(pair[0]), axis.at(pair[1]));
            self.stretches.push((stretch, axis.name));
        }
        let is_private = |frame: &usize| frames.contains(frame);
        let told: BTreeSet<u64> = (0..FRAMES)
            .filter(|frame| !is_private(frame))
            .flat_map(|frame| axis.seconds(frame))
            .collect();
        let private = frames.iter().flat_map(|frame| axis.seconds(*frame));
        let private = private.filter(|second| !told.contains(second));
        self.seconds
            .extend(private.map(|second| (second, axis.name)));
    }

    /// What is wrong with a number, if it is a time.
    #[must_use]
    pub fn fault(&self, value: u64) -> Option<String> {
        let is_in =
            |times: &RangeInclusive<u64>| PER_MS.iter().any(|per| times.contains(&(value / per)));
        if let Some((_, axis)) = self.stretches.iter().find(|(times, _)| is_in(times)) {
            return Some(format!("a time in a private place, by {axis}"));
        }
        let axis = self.seconds.get(&value)?;
        Some(format!("the second of a private frame, by {axis}"))
    }

    /// The moments in six bytes, in both orders, as SQLite, CBOR and memory have them. In a database the coarse time of a
    /// trip is none: it follows the JSON of a session's plan.
    #[must_use]
    pub fn in_bytes(&self, bytes: &[u8], is_database: bool) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (offset, window) in bytes.windows(6).enumerate() {
            let mut turned = [0; 6];
            turned.copy_from_slice(window);
            turned.reverse();
            for (number, is_in_order) in [(window, true), (&turned, false)] {
                if !self.heads.contains(&number[..2]) {
                    continue;
                }
                let ms = number.iter().fold(0, |ms, byte| ms << 8 | u64::from(*byte));
                let behind_json = offset > 0 && bytes[offset - 1] == b'}';
                if is_database && is_in_order && behind_json && ms.is_multiple_of(ALIVE_EVERY_MS) {
                    continue;
                }
                let mut moments = self.moments.iter();
                if let Some((_, axis)) = moments.find(|(times, _)| times.contains(&ms)) {
                    found.push((offset, format!("the time of a private frame, by {axis}")));
                }
            }
        }
        found
    }

    /// The seconds as dates.
    #[must_use]
    pub fn dates(&self) -> Vec<String> {
        self.seconds
            .keys()
            .flat_map(|second| dates(*second))
            .collect()
    }
}

/// A Unix time in seconds as RFC 3339 has it, with a space in place of the T, and as EXIF has it. The civil calendar is counted
/// from 0000-03-01, so that a leap day ends its year.
fn dates(second: u64) -> [String; 3] {
    const DAY_S: u64 = 86_400;
    const DAYS_FROM_0000_03_01_TO_1970: u64 = 719_468;
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let days = second / DAY_S + DAYS_FROM_0000_03_01_TO_1970;
    let (era, day_of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, carry) = match month_from_march {
        0..=9 => (month_from_march + 3, 0),
        _ => (month_from_march - 9, 1),
    };
    let year = era * 400 + year_of_era + carry;
    let of_day = second % DAY_S;
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    [
        format!("{year:04}-{month:02}-{day:02}T{time}"),
        format!("{year:04}-{month:02}-{day:02} {time}"),
        format!("{year:04}:{month:02}:{day:02} {time}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::dates;

    #[test]
    fn a_time_is_written_as_rfc_3339_and_exif_have_it() {
        for (second, date) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (951_868_800, "2000-03-01T00:00:00"),
            (1_798_761_599, "2026-12-31T23:59:59"),
            (1_798_761_600, "2027-01-01T00:00:00"),
        ] {
            let [with_t, with_space, exif] = dates(second);
            assert_eq!(with_t, date);
            assert_eq!(with_space, date.replace('T', " "));
            assert_eq!(exif, date.replace('T', " ").replace('-', ":"));
        }
    }
}
