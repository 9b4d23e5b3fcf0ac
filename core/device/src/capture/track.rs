//! The fixes of a drive: which of them can be believed, and where the phone was between them.
//!
//! A fix is implausible when it asks for more than [`SPEED_MAX_M_S`] to both neighbours. Wrong fixes come in runs too, so the
//! rule is kept for runs: fixes that follow from one another form a run, a jump starts another, and of two runs that cannot
//! both be true the one that first reaches [`BELIEVED_AFTER_FIXES`] is believed, or the longer one at the end of the drive.
//! A run from which the way leads on without another jump is believed; one that the way behind it leaves by a jump back was a
//! jump there and back. Of two equally short runs neither is believed. docs/adr/0008 says why.
//!
//! A latitude or longitude of exactly a whole degree is implausible by itself: recorders exist that cut the fraction off,
//! and a true one is met once in ten million fixes.

use std::collections::VecDeque;

use wayhex_protocol::limits::LEG_SPEED_MAX_M_S;
use wayhex_protocol::observation::{FixQuality, TimeSource};
use wayhex_protocol::position::Position;
use wayhex_protocol::reason::Reason;

use super::captured::CapturedAt;
use super::pose::{Pose, between, first_look, follows, quality, seconds, speed, whole_ms, worse};
use super::{Place, gates};
use crate::source::Fix;

/// Nanoseconds between two usable fixes beyond which nothing is interpolated: 3 s.
pub const GNSS_GAP_NS: u64 = 3_000_000_000;
/// Metres per second that no car drives from one fix to the next.
pub const SPEED_MAX_M_S: f64 = LEG_SPEED_MAX_M_S;
/// Fixes that follow from one another before they are believed against others: 10 s at a phone's usual rate.
pub const BELIEVED_AFTER_FIXES: usize = 10;

/// Nanoseconds of fixes that are kept behind the newest decided frame: a segment's 10 s and a gap.
const KEPT_BEHIND_NS: u64 = 15_000_000_000;
/// Most fixes in memory: those of three hours at 10 Hz. Beyond it those that are not judged yet are judged by what is known.
const FIXES_KEPT_MAX: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Track {
    entries: VecDeque<Entry>,
    /// Number of the first entry, counted from the drive's first fix.
    first: usize,
    /// The run that is believed, or will be: its last fix, and its fixes while it is not believed yet.
    run: Run,
    is_believed: bool,
    /// Fixes that cannot follow from the run.
    suspects: Run,
    last_usable: Option<Place>,
    is_fast: bool,
    passed: VecDeque<Place>,
    fixes: u64,
    metres: f64,
}

#[derive(Debug, Default)]
struct Run {
    last: Option<Place>,
    numbers: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    fix: Fix,
    quality: FixQuality,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    /// Whether it can be believed is not known yet.
    Pending(Position),
    Usable {
        position: Position,
        speed_m_s: Option<f64>,
        is_fast: bool,
    },
    Refused(Reason),
}

impl Track {
    /// Takes the next fix. One that does not follow the last in time is counted and left out.
    pub fn push(&mut self, fix: Fix) {
        self.fixes += 1;
        if self
            .entries
            .back()
            .is_some_and(|last| fix.at_ns <= last.fix.at_ns)
        {
            return;
        }
        if self.entries.len() >= FIXES_KEPT_MAX {
            self.finish();
            self.forget_before(fix.at_ns);
        }
        let quality = quality(&fix);
        let standing = match first_look(&fix, &quality) {
            Ok(position) => Standing::Pending(position),
            Err(reason) => Standing::Refused(reason),
        };
        let number = self.first + self.entries.len();
        self.entries.push_back(Entry {
            fix,
            quality,
            standing,
        });
        if let Standing::Pending(position) = standing {
            self.weigh(
                number,
                Place {
                    at_ns: fix.at_ns,
                    position,
                },
            );
        }
    }

    /// Decides by what is known: of two runs the longer one.
    pub fn finish(&mut self) {
        let run = std::mem::take(&mut self.run);
        let suspects = std::mem::take(&mut self.suspects);
        let (true_ones, wrong_ones) = match run.numbers.len().cmp(&suspects.numbers.len()) {
            _ if self.is_believed => (run.numbers, suspects.numbers),
            std::cmp::Ordering::Greater => (run.numbers, suspects.numbers),
            std::cmp::Ordering::Less => (suspects.numbers, run.numbers),
            std::cmp::Ordering::Equal => (Vec::new(), [run.numbers, suspects.numbers].concat()),
        };
        self.refuse(&wrong_ones);
        self.believe(&true_ones);
    }

    /// Whether all fixes up to the first at or after `at_ns` are judged, and there is one.
    pub fn is_known_until(&self, at_ns: u64) -> bool {
        let after = self.after(at_ns);
        after < self.entries.len()
            && self
                .entries
                .range(..=after)
                .all(|entry| !entry.is_pending())
    }

    /// The next usable fix up to `until_ns` that was not given out.
    pub fn next_passed(&mut self, until_ns: u64) -> Option<Place> {
        let is_next = self
            .passed
            .front()
            .is_some_and(|place| place.at_ns <= until_ns);
        if is_next {
            self.passed.pop_front()
        } else {
            None
        }
    }

    /// The usable fixes strictly between two times, oldest first; none without a first time.
    pub fn usable_between(
        &self,
        from_ns: Option<u64>,
        to_ns: u64,
    ) -> impl Iterator<Item = Place> + '_ {
        let from_ns = from_ns.unwrap_or(to_ns);
        self.entries
            .iter()
            .filter_map(Entry::place)
            .filter(move |place| from_ns < place.at_ns && place.at_ns < to_ns)
    }

    /// Where the phone was, or the reason why that is not known.
    pub fn pose_at(&self, at_ns: u64) -> Result<Pose, Reason> {
        let after = self.after(at_ns);
        let next = self
            .entries
            .get(after)
            .ok_or_else(|| self.reason_without_next(at_ns))?;
        if next.fix.at_ns == at_ns {
            return next
                .usable()
                .map(|position| self.pose(after, position, next.quality));
        }
        let before = after.checked_sub(1).ok_or(Reason::NoFix)?;
        let last = &self.entries[before];
        let is_refused_for = |reason| {
            [last, next]
                .into_iter()
                .any(|it| it.standing == Standing::Refused(reason))
        };
        if is_refused_for(Reason::PositionOutOfRange) {
            return Err(Reason::PositionOutOfRange);
        }
        if next.fix.at_ns - last.fix.at_ns > GNSS_GAP_NS {
            return Err(Reason::GnssGap);
        }
        let (from, to) = (last.usable()?, next.usable()?);
        let share = seconds(at_ns - last.fix.at_ns) / seconds(next.fix.at_ns - last.fix.at_ns);
        let position = between(from, to, share).ok_or(Reason::PositionOutOfRange)?;
        Ok(self.pose(before, position, worse(last.quality, next.quality)))
    }

    /// The Unix time: by the fix at or before, else by the next one, else by the phone's clock.
    pub fn time_at(&self, at_ns: u64, unix_ms_at_zero: Option<i64>) -> Option<CapturedAt> {
        let timed = |entry: &Entry| Some((entry.fix.at_ns, i64::try_from(entry.fix.utc_ms?).ok()?));
        let before = self
            .entries
            .iter()
            .rev()
            .filter(|entry| entry.fix.at_ns <= at_ns)
            .find_map(timed);
        let after = || {
            self.entries
                .iter()
                .filter(|entry| entry.fix.at_ns > at_ns)
                .find_map(timed)
        };
        if let Some((fix_ns, utc_ms)) = before.or_else(after) {
            let since_ms = whole_ms(at_ns) - whole_ms(fix_ns);
            return Some(CapturedAt {
                unix_ms: utc_ms.checked_add(since_ms)?,
                source: TimeSource::Gnss,
            });
        }
        let unix_ms = unix_ms_at_zero?.checked_add(whole_ms(at_ns))?;
        Some(CapturedAt {
            unix_ms,
            source: TimeSource::Phone,
        })
    }

    /// Lets go of what no later frame can need.
    pub fn forget_before(&mut self, at_ns: u64) {
        let limit_ns = at_ns.saturating_sub(KEPT_BEHIND_NS);
        while self.entries.len() > 2
            && self.entries[1].fix.at_ns < limit_ns
            && !self.entries.range(..2).any(Entry::is_pending)
        {
            self.entries.pop_front();
            self.first += 1;
        }
    }

    pub fn fixes(&self) -> u64 {
        self.fixes
    }

    pub fn metres(&self) -> f64 {
        self.metres
    }

    /// Puts a fix into a run, and believes or refuses what that decides.
    fn weigh(&mut self, number: usize, place: Place) {
        if self.run.last.is_none_or(|last| follows(last, place)) {
            let suspects = std::mem::take(&mut self.suspects);
            if suspects.last.is_some_and(|last| leads_on(last, place)) {
                self.run.numbers.extend(suspects.numbers);
            } else {
                self.refuse(&suspects.numbers);
            }
            self.run.add(number, place);
            if self.is_believed || self.run.numbers.len() >= BELIEVED_AFTER_FIXES {
                self.believe_run();
            }
            return;
        }
        if !self.suspects.last.is_some_and(|last| follows(last, place)) {
            let wrong = std::mem::take(&mut self.suspects);
            self.refuse(&wrong.numbers);
        }
        self.suspects.add(number, place);
        if self.suspects.numbers.len() >= BELIEVED_AFTER_FIXES {
            let suspects = std::mem::take(&mut self.suspects);
            let wrong = std::mem::replace(&mut self.run, suspects);
            self.refuse(&wrong.numbers);
            self.believe_run();
        }
    }

    fn believe_run(&mut self) {
        self.is_believed = true;
        let numbers = std::mem::take(&mut self.run.numbers);
        self.believe(&numbers);
    }

    fn believe(&mut self, numbers: &[usize]) {
        for number in numbers {
            let entry = &mut self.entries[number - self.first];
            let Standing::Pending(position) = entry.standing else {
                continue;
            };
            let place = Place {
                at_ns: entry.fix.at_ns,
                position,
            };
            let speed_m_s = self.last_usable.and_then(|last| speed(last, place));
            if let (Some(speed), Some(last)) = (speed_m_s, self.last_usable) {
                self.is_fast = gates::is_fast(self.is_fast, speed);
                self.metres += last.position.distance_m(position);
            }
            entry.standing = Standing::Usable {
                position,
                speed_m_s,
                is_fast: self.is_fast,
            };
            self.last_usable = Some(place);
            self.passed.push_back(place);
        }
    }

    fn refuse(&mut self, numbers: &[usize]) {
        for number in numbers {
            self.entries[number - self.first].standing =
                Standing::Refused(Reason::ImplausiblePosition);
        }
    }

    /// Index of the first entry at or after a time.
    fn after(&self, at_ns: u64) -> usize {
        self.entries
            .partition_point(|entry| entry.fix.at_ns < at_ns)
    }

    /// With speed and spacing as of the last usable fix up to entry `at`.
    fn pose(&self, at: usize, position: Position, fix: FixQuality) -> Pose {
        let (speed_m_s, is_fast) = match self.entries[at].standing {
            Standing::Usable {
                speed_m_s, is_fast, ..
            } => (speed_m_s, is_fast),
            Standing::Pending(_) | Standing::Refused(_) => (None, self.is_fast),
        };
        let doppler_m_s = self.entries[at].fix.speed_m_s;
        Pose {
            position,
            fix,
            speed_m_s,
            doppler_m_s,
            is_fast,
        }
    }

    /// A frame that waited in vain: in a gap already, or simply without a fix.
    fn reason_without_next(&self, at_ns: u64) -> Reason {
        match self.entries.back() {
            Some(last) if at_ns - last.fix.at_ns > GNSS_GAP_NS => Reason::GnssGap,
            _ => Reason::NoFix,
        }
    }
}

/// Whether a way leads on without a jump and without a gap, behind which anything follows from anything.
fn leads_on(from: Place, to: Place) -> bool {
    to.at_ns - from.at_ns <= GNSS_GAP_NS && follows(from, to)
}

impl Run {
    fn add(&mut self, number: usize, place: Place) {
        self.last = Some(place);
        self.numbers.push(number);
    }
}

impl Entry {
    fn is_pending(&self) -> bool {
        matches!(self.standing, Standing::Pending(_))
    }

    fn usable(&self) -> Result<Position, Reason> {
        match self.standing {
            Standing::Usable { position, .. } => Ok(position),
            Standing::Refused(reason) => Err(reason),
            Standing::Pending(_) => Err(Reason::NoFix),
        }
    }

    fn place(&self) -> Option<Place> {
        let at_ns = self.fix.at_ns;
        self.usable().ok().map(|position| Place { at_ns, position })
    }
}
