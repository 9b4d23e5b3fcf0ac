//! How the lives of processes end, drawn from a seed.

use std::time::Duration;

use wayhex_server::failpoints::ALL as SERVER_FAILPOINTS;

use crate::drive::mix;

/// The longest until a kill while a drive is replayed, and while one is filmed, milliseconds.
const REPLAY_KILL_MS: u64 = 400;
const FILM_KILL_MS: u64 = 2_000;
/// The last hit of a server's failpoint that ends it.
const HITS_MAX: u64 = 12;
/// Where a phone ends that plays, and at which hit at most; then one that sends.
const PLAYS: [(&str, u64); 7] = [
    ("device.queue.put.commit", 12),
    ("device.queue.put.done", 12),
    ("device.queue.begin.done", 1),
    ("device.recording.write.picture", 12),
    ("device.recording.write.line", 12),
    ("device.recording.write.rename", 24),
    ("device.recording.write.done", 12),
];
const SENDS: [(&str, u64); 11] = [
    ("device.queue.end.commit", 1),
    ("device.queue.freeze.create", 1),
    ("device.queue.freeze.write", 16),
    ("device.queue.freeze.fsync", 1),
    ("device.queue.freeze.commit", 1),
    ("device.queue.mark_doubtful.commit", 1),
    ("device.upload.request.leaves", 6),
    ("device.upload.answer.came", 6),
    ("device.queue.settle.commit", 1),
    ("device.queue.settle.unlink", 1),
    ("device.queue.space.checkpoint", 2),
];

/// How a life ends.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// When everything is done.
    ByItself,
    /// By a kill, so long after it began.
    After(Duration),
    /// At this failpoint.
    At(String),
}

/// Chance that is the same for a seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub const fn of(seed: u64) -> Self {
        Self(mix(seed ^ 0x00ca_9a41))
    }

    /// A number below `limit`.
    pub const fn below(&mut self, limit: u64) -> u64 {
        self.0 = mix(self.0);
        if limit == 0 { 0 } else { self.0 % limit }
    }

    /// The end of a phone that replays: while it plays, or else while it sends.
    pub fn end_of_a_replay(&mut self, plays: bool) -> End {
        if self.below(3) == 0 {
            return End::After(Duration::from_millis(self.below(REPLAY_KILL_MS)));
        }
        let places: &[(&str, u64)] = if plays { &PLAYS } else { &SENDS };
        let (place, hits) = places[self.index(places.len())];
        End::At(format!("{place}@{}", 1 + self.below(hits)))
    }

    /// The end of a phone that films: on the way, or at its end before that is noted.
    pub fn end_of_a_film(&mut self) -> End {
        if self.below(2) == 0 {
            return End::At("device.queue.end.commit".to_owned());
        }
        End::After(Duration::from_millis(self.below(FILM_KILL_MS)))
    }

    /// The failpoint at which a server ends that is started anew; mostly none.
    pub fn end_of_a_server(&mut self) -> Option<String> {
        if self.below(3) > 0 {
            return None;
        }
        let place = SERVER_FAILPOINTS[self.index(SERVER_FAILPOINTS.len())];
        Some(format!("{}@{}", place.name(), 1 + self.below(HITS_MAX)))
    }

    fn index(&mut self, among: usize) -> usize {
        let drawn = self.below(u64::try_from(among).unwrap_or(u64::MAX));
        usize::try_from(drawn).unwrap_or(0)
    }
}
