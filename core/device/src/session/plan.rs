//! What is drawn for a drive before its first frame, once: playing it again makes the same bytes.

use ring::hmac;
use serde::{Deserialize, Serialize};
use wayhex_protocol::id::Nonce;

use crate::ports::{NoRandomness, Random};
use crate::privacy::{Trim, TripKind, Zone};

/// The row that is committed before the first frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The time it was played for the first time, Unix milliseconds: what lies after it lies in the future.
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
    /// Draws a plan for a drive that ends at `ends_at_ms` (Unix milliseconds, where any of it is usable).
    pub fn draw(
        now_ms: u64,
        ends_at_ms: Option<u64>,
        trim: Trim,
        zones: String,
        random: &dyn Random,
    ) -> Result<Self, NoRandomness> {
        let mut seed = [0; 32];
        random.fill(&mut seed)?;
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        Ok(Self {
            played_at_ms: now_ms,
            shift_ms: ends_at_ms.map_or(0, |end| signed(now_ms).saturating_sub(signed(end))),
            trim_m: (trim != Trim::default()).then(|| trim.metres()),
            trip_seed: Nonce(seed).to_string(),
            zones,
        })
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
}
