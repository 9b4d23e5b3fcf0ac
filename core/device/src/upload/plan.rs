//! Pure decisions: whether anything may be sent, what goes next, and how long to wait after a failure.

use wayhex_protocol::id::ObservationId;
use wayhex_protocol::limits::{BATCH_BYTES_MAX, BATCH_ITEMS_MAX};

use crate::ports::NetworkKind;
use crate::queue::Pending;

/// The longest wait after the first failure, milliseconds; it doubles with each further one.
pub const BACKOFF_BASE_MS: u64 = 1_000;
/// The longest wait of all (15 minutes): a server that comes back finds its phones within that time.
pub const BACKOFF_MAX_MS: u64 = 15 * 60 * 1_000;

/// What the driver allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Nothing is sent over a network that costs by volume.
    pub wifi_only: bool,
    /// Bytes that may pass in a calendar month (UTC, by the server's clock), over any network, both directions together, headers
    /// and retries included; `None` for no cap.
    pub data_cap_bytes: Option<u64>,
}

/// Why nothing may be sent now. It is no failure: it ends when the driver or the network says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hold {
    /// There is no network.
    #[error("there is no network")]
    Offline,
    /// The network costs by volume, and the driver wants Wi-Fi only.
    #[error("the network is metered, and uploads are for Wi-Fi only")]
    WifiOnly,
    /// What the request may cost does not fit into what is left of the month's data cap.
    #[error("the month's data cap leaves no room for it")]
    DataCap,
    /// By the server's clock all that is left was captured in the future, or longer ago than it accepts; one of the clocks is wrong.
    #[error(
        "by the server's clock all that is pending was captured in the future, or too long ago; check the phone's clock"
    )]
    Clock,
}

impl Hold {
    /// The code in errors.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::WifiOnly => "wifi_only",
            Self::DataCap => "data_cap",
            Self::Clock => "clock",
        }
    }
}

impl Rules {
    /// Bytes that may still pass this month over a network of this kind.
    ///
    /// # Errors
    /// The rule that forbids any.
    pub fn room(&self, network: NetworkKind, month_bytes: u64) -> Result<u64, Hold> {
        match network {
            NetworkKind::Offline => return Err(Hold::Offline),
            NetworkKind::Metered if self.wifi_only => return Err(Hold::WifiOnly),
            NetworkKind::Metered | NetworkKind::Wifi => {}
        }
        match self.data_cap_bytes {
            None => Ok(u64::MAX),
            Some(cap) if month_bytes < cap => Ok(cap - month_bytes),
            Some(_) => Err(Hold::DataCap),
        }
    }
}

/// All that the next step depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Unix milliseconds.
    pub now_ms: u64,
    /// Failures in a row.
    pub failures: u32,
    /// Until when the last failure makes us wait, Unix milliseconds.
    pub not_before_ms: u64,
    /// Bytes that may pass, or the rule that forbids any: of [`Rules::room`].
    pub room: Result<u64, Hold>,
    /// The upload under way: whether the server may have a part of it.
    pub under_way: Option<UnderWay>,
    /// What may be sent now, oldest first.
    pub sendable: &'a [Pending],
    /// When the first of the items that wait may be sent; `None` when none waits but what is held.
    pub next_sendable_ms: Option<u64>,
    /// Items that are held for their time.
    pub held: u64,
}

/// An upload under way, left by a process that died or by a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderWay {
    /// It was never begun.
    Unsent,
    /// The server may have a part of it.
    Doubtful,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Freeze an upload of these items and send it.
    Send(Vec<ObservationId>),
    /// Send the upload under way.
    SendFrozen,
    /// Ask the server what it knows of the upload under way.
    Ask,
    /// Nothing until this time, Unix milliseconds.
    Wait(u64),
    /// Nothing until a rule or the network changes.
    Held(Hold),
    /// Nothing is pending.
    Idle,
}

/// The next step.
#[must_use]
pub fn next_step(situation: &Situation<'_>) -> Step {
    if situation.under_way.is_none() && situation.next_sendable_ms.is_none() {
        return match situation.held {
            0 => Step::Idle,
            _ => Step::Held(Hold::Clock),
        };
    }
    let room = match situation.room {
        Ok(room) => room,
        Err(hold) => return Step::Held(hold),
    };
    if situation.now_ms < situation.not_before_ms {
        return Step::Wait(situation.not_before_ms);
    }
    match situation.under_way {
        Some(UnderWay::Doubtful) => return Step::Ask,
        Some(UnderWay::Unsent) => return Step::SendFrozen,
        None => {}
    }
    let Some(first) = situation.sendable.first() else {
        let next_ms = situation.next_sendable_ms.unwrap_or(situation.now_ms);
        return Step::Wait(next_ms.max(situation.now_ms + 1));
    };
    if cost_of_batch(1, first.size_bytes) > room {
        return Step::Held(Hold::DataCap);
    }
    Step::Send(batch(situation.sendable, situation.failures, room))
}

/// The longest beginning of `sendable` within the batch's limits and within `room_bytes`; at least one item. The number of items and
/// the limit in bytes are halved after each failure in a row, and for each time but one that an item of it was sent before, down to
/// one item.
fn batch(sendable: &[Pending], failures: u32, room_bytes: u64) -> Vec<ObservationId> {
    // Of few items the half is less than half a batch.
    let items_max = sendable.len().next_power_of_two().min(BATCH_ITEMS_MAX);
    let (mut halvings, mut bytes) = (failures, 0);
    sendable
        .iter()
        .enumerate()
        .take_while(|(index, item)| {
            halvings = halvings.max(item.attempts.saturating_sub(1));
            let halved = |limit: usize| limit.checked_shr(halvings).unwrap_or(0).max(1);
            let bytes_max = u64::try_from(halved(BATCH_BYTES_MAX)).unwrap_or(u64::MAX);
            bytes += item.size_bytes;
            *index == 0
                || (*index < halved(items_max)
                    && bytes <= bytes_max
                    && cost_of_batch(index + 1, bytes) <= room_bytes)
        })
        .map(|(_, item)| item.id)
        .collect()
}

/// What a batch may cost at most in both directions, without TLS: the body, its answer, and two heads.
fn cost_of_batch(items: usize, body_bytes: u64) -> u64 {
    /// The two heads, and what TLS adds to a small batch.
    const HEADS_BYTES: u64 = 32 * 1_024;
    let answer = u64::try_from(super::batches::answer_bytes_max(items)).unwrap_or(u64::MAX);
    body_bytes + body_bytes / 64 + answer + HEADS_BYTES
}

/// How long to wait after failures in a row: uniformly in 0..=min(base x 2^(failures - 1), max), "full jitter", so that
/// phones that failed together do not come back together. `dice` is a random number.
#[must_use]
pub fn backoff_ms(failures: u32, dice: u64) -> u64 {
    let Some(doublings) = failures.checked_sub(1) else {
        return 0;
    };
    let longest = 1_u64
        .checked_shl(doublings)
        .and_then(|factor| BACKOFF_BASE_MS.checked_mul(factor))
        .map_or(BACKOFF_MAX_MS, |longest| longest.min(BACKOFF_MAX_MS));
    dice % (longest + 1)
}
