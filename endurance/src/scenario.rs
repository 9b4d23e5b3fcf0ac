//! What happens in a life of phones and server, as data.

use crate::phone::Task;

/// Days that the phone of [`Scenario::STALE`] had no network for: more than the queue keeps items.
const STALE_DAYS: u64 = 10;
/// An hour, milliseconds.
const HOUR_MS: u64 = 3_600_000;
/// A day, milliseconds.
const DAY_MS: u64 = 86_400_000;

/// One thing after another; each is done before the next begins, however often its process is ended.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A phone's process runs until nothing is pending.
    Phone(PhoneStep),
    /// An epoch is closed by a process of its own, beside the server.
    Close(u64),
    /// The server has closed so many epochs by itself.
    AwaitClosed(u64),
    /// The server's store becomes what it was before anything happened, with the same keys: a backup is brought back.
    Restore,
    /// A phone loses its key.
    LoseKey(usize),
    /// The server cannot store pictures until [`Step::Heal`].
    Sicken,
    /// It can again.
    Heal,
}

/// What a phone does.
#[derive(Clone, Copy, Debug)]
pub struct PhoneStep {
    /// Which phone.
    pub who: usize,
    /// What it plays, if anything.
    pub plays: Plays,
    /// How much later than before, milliseconds.
    pub later_ms: u64,
    /// Whether there is a network.
    pub is_online: bool,
    /// Added to the seed that chance is drawn from.
    pub other_chance: u64,
    /// Whether what passes privacy is recorded, too.
    pub records: bool,
    /// Whether items may be left pending.
    pub may_leave_pending: bool,
}

/// Which drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plays {
    /// Its own, as a recording.
    Own,
    /// Its own, as it happens.
    OwnLive,
    /// One that stands still for hundreds of frames.
    Standing,
    /// None.
    Nothing,
}

impl PhoneStep {
    const fn of(who: usize, plays: Plays) -> Self {
        Self {
            who,
            plays,
            later_ms: 0,
            is_online: true,
            other_chance: 0,
            records: false,
            may_leave_pending: false,
        }
    }
}

/// What an outcome is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It is what an undisturbed run left, byte for byte, and the laws hold.
    Bytes,
    /// The same, but for what follows from the server's keys and policies.
    Meaning,
    /// The laws hold.
    Laws,
}

/// A life.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What happens.
    pub steps: &'static [Step],
    /// Failpoints that end a process before anything else does, so that what is done after a kill is done.
    pub first: &'static [&'static str],
    /// What the outcome is held against.
    pub holds: Holds,
    /// Whether the server makes its store anew, keys and all.
    pub is_born: bool,
    /// The server's settings beyond those of all.
    pub settings: &'static [(&'static str, &'static str)],
}

impl Scenario {
    /// Two phones, two epochs.
    pub const DRIVES: Self = Self {
        name: "drives",
        steps: &[
            Step::Phone(PhoneStep::of(0, Plays::Own)),
            Step::Close(1),
            Step::Phone(PhoneStep::of(1, Plays::Own)),
            Step::Close(2),
        ],
        first: &[],
        holds: Holds::Bytes,
        is_born: false,
        settings: &[],
    };

    /// The same, after kills that left files of no use.
    const AFTER_WRITES: Self = Self {
        name: "after writes",
        first: &["device.queue.freeze.commit", "server.object.rename"],
        ..Self::DRIVES
    };

    /// The same, after a kill that left an upload in doubt.
    const AFTER_UPLOAD: Self = Self {
        name: "after an upload",
        first: &["device.upload.answer.came"],
        ..Self::DRIVES
    };

    /// A server's first start.
    const BORN: Self = Self {
        name: "born",
        holds: Holds::Meaning,
        is_born: true,
        ..Self::DRIVES
    };

    /// A drive that is recorded again while it is played.
    const RECORDED: Self = Self {
        name: "recorded",
        steps: &[
            Step::Phone(PhoneStep {
                records: true,
                ..PhoneStep::of(0, Plays::Own)
            }),
            Step::Close(1),
        ],
        ..Self::DRIVES
    };

    /// The same, after a kill that left a part of it.
    const RECORDED_AFTER_KILL: Self = Self {
        name: "recorded after a kill",
        first: &["device.recording.write.rename"],
        ..Self::RECORDED
    };

    /// A trip as it happens.
    pub const LIVE: Self = Self {
        name: "live",
        steps: &[
            Step::Phone(PhoneStep::of(0, Plays::OwnLive)),
            Step::Close(1),
        ],
        holds: Holds::Laws,
        ..Self::DRIVES
    };

    /// More dropped frames in a row than are kept in memory.
    const STANDING: Self = Self {
        name: "standing",
        // None of its frames can be kept, and the phone says so.
        steps: &[Step::Phone(PhoneStep {
            may_leave_pending: true,
            ..PhoneStep::of(0, Plays::Standing)
        })],
        ..Self::DRIVES
    };

    /// A phone without a network until its items are too old.
    const STALE: Self = Self {
        name: "stale",
        steps: &[
            Step::Phone(PhoneStep {
                is_online: false,
                may_leave_pending: true,
                ..PhoneStep::of(0, Plays::Own)
            }),
            Step::Phone(PhoneStep {
                later_ms: STALE_DAYS * DAY_MS,
                ..PhoneStep::of(0, Plays::Nothing)
            }),
        ],
        ..Self::DRIVES
    };

    /// A server that has forgotten a device.
    const FORGOTTEN: Self = Self {
        name: "forgotten",
        steps: &[
            Step::Phone(PhoneStep::of(0, Plays::Nothing)),
            Step::Restore,
            Step::Phone(PhoneStep::of(0, Plays::Own)),
            Step::Close(1),
        ],
        ..Self::DRIVES
    };

    /// A phone whose key is lost while items wait.
    const LOST_KEY: Self = Self {
        name: "lost key",
        steps: &[
            Step::Phone(PhoneStep {
                is_online: false,
                may_leave_pending: true,
                ..PhoneStep::of(0, Plays::Own)
            }),
            Step::LoseKey(0),
            Step::Phone(PhoneStep {
                other_chance: 1,
                ..PhoneStep::of(0, Plays::Nothing)
            }),
            Step::Close(1),
        ],
        ..Self::DRIVES
    };

    /// A server that closes its epochs by itself, each second.
    const SCHEDULED: Self = Self {
        name: "scheduled",
        steps: &[
            Step::Phone(PhoneStep::of(0, Plays::Own)),
            Step::AwaitClosed(2),
        ],
        holds: Holds::Laws,
        is_born: true,
        settings: &[("POLICY__EPOCH_LENGTH_S", "1")],
        ..Self::DRIVES
    };

    /// A server that cannot store for a while.
    const SICK: Self = Self {
        name: "sick",
        steps: &[
            Step::Sicken,
            Step::Phone(PhoneStep {
                may_leave_pending: true,
                ..PhoneStep::of(0, Plays::Own)
            }),
            Step::Heal,
            // Later than anything was put off to.
            Step::Phone(PhoneStep {
                later_ms: HOUR_MS,
                ..PhoneStep::of(0, Plays::Nothing)
            }),
            Step::Close(1),
        ],
        ..Self::DRIVES
    };

    /// All of them; together they pass every failpoint.
    pub const ALL: &'static [Self] = &[
        Self::DRIVES,
        Self::AFTER_WRITES,
        Self::AFTER_UPLOAD,
        Self::BORN,
        Self::RECORDED,
        Self::RECORDED_AFTER_KILL,
        Self::LIVE,
        Self::STANDING,
        Self::STALE,
        Self::FORGOTTEN,
        Self::LOST_KEY,
        Self::SCHEDULED,
        Self::SICK,
    ];
}

impl Plays {
    /// The task, of a drive of one's own and of one that stands still.
    #[must_use]
    pub fn task(self, own: &std::path::Path, standing: &std::path::Path) -> Task {
        match self {
            Self::Own => Task::Replay(own.to_owned()),
            Self::OwnLive => Task::Film(own.to_owned()),
            Self::Standing => Task::Replay(standing.to_owned()),
            Self::Nothing => Task::Deliver,
        }
    }
}
