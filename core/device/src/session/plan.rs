//! What is drawn or settled for a drive before its first frame, once: playing it again makes the same bytes.

use std::path::Path;

use ring::hmac;
use serde::{Deserialize, Serialize};
use wayhex_protocol::id::{Nonce, PolicyHash};

use crate::ports::{NoRandomness, Random};
use crate::privacy::{Trim, TripKind, Zone};

/// The row that is committed before the first frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The time it was played for the first time, Unix milliseconds: what lies after it lies in the future. 0 for a trip.
    pub played_at_ms: u64,
    /// What its times are shifted by, milliseconds.
    pub shift_ms: i64,
    /// Exact metres of a trimmed end; `None` where they are drawn.
    pub trim_m: Option<u32>,
    /// What the lengths of the trips' ends are drawn from, hexadecimal.
    trip_seed: String,
    /// The private zones that it was begun with: [`zones_mark`].
    #[serde(default)]
    pub zones: String,
    /// The policy that all of a replay is signed under, hexadecimal; a plan of an earlier version has none.
    #[serde(default)]
    policy: Option<String>,
    /// The folder that it is recorded into, whole; `None` where it is not.
    #[serde(default)]
    record: Option<String>,
}

/// What a plan is drawn for.
pub(super) struct Drawn<'a> {
    pub now_ms: u64,
    /// Unix milliseconds of the drive's end, where any of it is usable.
    pub ends_at_ms: Option<u64>,
    pub trim: Trim,
    pub zones: String,
    pub policy: PolicyHash,
    pub record: Option<&'a Path>,
}

/// Tells one set of private zones from another, whatever their order: HMAC-SHA256 by the seed of their jitter, hexadecimal.
pub(super) fn zones_mark(zones: &[Zone], seed: &[u8; 32]) -> String {
    let mut parts: Vec<(i32, i32, u64)> = zones
        .iter()
        .map(|zone| {
            let centre = zone.centre();
            (centre.lat_e7(), centre.lon_e7(), zone.radius_m().to_bits())
        })
        .collect();
    parts.sort_unstable();
    parts.dedup();
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, seed));
    for (lat, lon, radius) in parts {
        context.update(&lat.to_be_bytes());
        context.update(&lon.to_be_bytes());
        context.update(&radius.to_be_bytes());
    }
    let mut mark = [0; 32];
    mark.copy_from_slice(context.sign().as_ref());
    Nonce(mark).to_string()
}

impl Plan {
    /// Draws a plan.
    pub fn draw(drawn: Drawn<'_>, random: &dyn Random) -> Result<Self, NoRandomness> {
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let shift = |end| signed(drawn.now_ms).saturating_sub(signed(end));
        Ok(Self {
            played_at_ms: drawn.now_ms,
            shift_ms: drawn.ends_at_ms.map_or(0, shift),
            trim_m: (drawn.trim != Trim::default()).then(|| drawn.trim.metres()),
            trip_seed: Nonce(draw_seed(random)?).to_string(),
            zones: drawn.zones,
            policy: Some(drawn.policy.to_string()),
            record: drawn.record.map(name_of),
        })
    }

    /// The plan of a trip that is happening: when it began is a time in its trimmed start, and is kept nowhere.
    pub fn of_a_trip(self) -> Self {
        Self {
            played_at_ms: 0,
            ..self
        }
    }

    /// How much is cut.
    pub fn trim(&self) -> Option<Trim> {
        match self.trim_m {
            None => Some(Trim::default()),
            Some(metres) => Trim::exact(metres, TripKind::Recording).ok(),
        }
    }

    /// The seed; `None` when the stored text is none.
    pub fn trip_seed(&self) -> Option<[u8; 32]> {
        Nonce::from_hex(&self.trip_seed).map(|seed| seed.0)
    }

    /// The policy of a replay; `None` where the plan does not say.
    pub fn policy(&self) -> Option<PolicyHash> {
        PolicyHash::from_hex(self.policy.as_deref()?)
    }

    /// Whether it is recorded into this folder.
    pub fn is_recorded_into(&self, folder: &Path) -> bool {
        self.record.as_deref() == Some(name_of(folder).as_str())
    }

    /// Whether a trip that is happening can go on by it with these zones, these trimmed ends and this recording.
    pub fn fits(&self, zones: &str, trim: Trim, record: Option<&Path>) -> bool {
        self.zones == zones && self.trim() == Some(trim) && self.record == record.map(name_of)
    }
}

/// What the lengths of trips' ends are drawn from.
pub(super) fn draw_seed(random: &dyn Random) -> Result<[u8; 32], NoRandomness> {
    let mut seed = [0; 32];
    random.fill(&mut seed)?;
    Ok(seed)
}

/// A folder, wherever the process was started; one that has no whole name is told by the name that it was given.
fn name_of(folder: &Path) -> String {
    let whole = std::path::absolute(folder).unwrap_or_else(|_no_current_folder| folder.to_owned());
    whole.display().to_string()
}
