//! What is done to the processes of a run.

use std::path::PathBuf;
use std::time::Duration;

use crate::drive::mix;
use crate::phone::{FAILPOINT, FAILPOINTS_SEEN};

/// Whose process it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A phone's.
    Phone,
    /// The server's, or one that closes an epoch of its store.
    Server,
}

impl Side {
    /// By the first part of a failpoint's name.
    #[must_use]
    pub fn of_failpoint(name: &str) -> Self {
        if name.starts_with("device.") {
            Self::Phone
        } else {
            Self::Server
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Phone => 0,
            Self::Server => 1,
        }
    }
}

/// Orders for processes, carried out one after the other, and kills at moments drawn from a seed.
#[derive(Debug, Default)]
pub struct Trouble {
    /// Failpoints that end a process, as `NAME` or `NAME@N`; for each side the first is given to every process until one has ended.
    orders: Vec<String>,
    /// Where processes write which failpoints they passed.
    seen: Option<PathBuf>,
    dice: Dice,
    kills_left: [u32; 2],
    window: [Duration; 2],
    done: Done,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Processes that ended at a failpoint.
    pub at_failpoints: u32,
    /// Phones that were killed at a random moment.
    pub phones_killed: u32,
    /// Servers and closes that were.
    pub servers_killed: u32,
}

impl Trouble {
    /// Processes end at these failpoints.
    #[must_use]
    pub fn at(orders: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            orders: orders.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// So many kills of phones and of servers, at moments drawn from `seed`: each at most `window` after the process began (of phones,
    /// of servers).
    #[must_use]
    pub fn kills(seed: u64, phones: u32, servers: u32, window: [Duration; 2]) -> Self {
        Self {
            dice: Dice(seed),
            kills_left: [phones, servers],
            window,
            ..Self::default()
        }
    }

    /// Processes write which failpoints they passed into this file, too.
    #[must_use]
    pub fn seen_in(mut self, file: PathBuf) -> Self {
        self.seen = Some(file);
        self
    }

    /// What a process of this side is told.
    pub(crate) fn environment(&self, side: Side) -> Vec<(String, String)> {
        let mut told = Vec::new();
        if let Some(order) = self.next_order(side) {
            told.push((FAILPOINT.to_owned(), order.clone()));
        }
        if let Some(file) = &self.seen {
            told.push((FAILPOINTS_SEEN.to_owned(), file.display().to_string()));
        }
        told
    }

    /// When the next process of this side is killed, after it began; `None` for not at all.
    pub(crate) fn draw_kill(&mut self, side: Side) -> Option<Duration> {
        /// One kill in so many is drawn from the first part of the window alone: most of a start is over soon.
        const EARLY_IN: u64 = 4;
        const EARLY_PART: u32 = 8;
        let window = self.window[side.index()];
        if self.kills_left[side.index()] == 0 {
            return None;
        }
        let is_early = self.dice.below(EARLY_IN) == 0;
        let window = if is_early {
            window / EARLY_PART
        } else {
            window
        };
        let us = u64::try_from(window.as_micros()).unwrap_or(u64::MAX);
        Some(Duration::from_micros(self.dice.below(us.max(1))))
    }

    /// Notes that a process was killed as drawn.
    pub(crate) fn killed(&mut self, side: Side) {
        let left = &mut self.kills_left[side.index()];
        *left = left.saturating_sub(1);
        match side {
            Side::Phone => self.done.phones_killed += 1,
            Side::Server => self.done.servers_killed += 1,
        }
    }

    /// Notes that a process of this side ended by itself, as its order said.
    pub(crate) fn ended(&mut self, side: Side) -> bool {
        let mut orders = self.orders.iter();
        let Some(place) = orders.position(|order| Side::of_failpoint(order) == side) else {
            return false;
        };
        self.orders.remove(place);
        self.done.at_failpoints += 1;
        true
    }

    /// The orders that were not carried out.
    #[must_use]
    pub fn orders_left(&self) -> &[String] {
        &self.orders
    }

    /// Kills that are still to come.
    pub(crate) const fn kills_left(&self) -> u32 {
        self.kills_left[0] + self.kills_left[1]
    }

    /// What was done.
    #[must_use]
    pub const fn done(&self) -> Done {
        self.done
    }

    fn next_order(&self, side: Side) -> Option<&String> {
        let mut orders = self.orders.iter();
        orders.find(|order| Side::of_failpoint(order) == side)
    }
}

/// Chance from a seed (`SplitMix64`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `bound`, or 0 where that is 0; the bias is one in 2^64 / `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0).checked_rem(bound).unwrap_or(0)
    }
}
