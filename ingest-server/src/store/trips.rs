//! Whether an observation agrees with the others of its session and of its device's day.
//!
//! A session is one phone's trip, so that of its accepted captures
//!
//! - each is reached from each other at no more than 70 m/s: the nearest before and after, and the first and the last of the
//!   session are looked at, so that what a pair is forgiven does not add up along a chain;
//! - the segments lie side by side in time: what they claim together is no more than the time from the first to the last.
//!   A capture claims what its segment lasts, at least [`CLAIM_MIN_MS`].
//!
//! Two sessions of a device may overlap, since recorded drives are shifted to end when they are played; all its sessions
//! together claim no more than a day a day. docs/adr/0012 says why.

use rusqlite::{OptionalExtension, Transaction, params};
use wayhex_protocol::limits::LEG_SPEED_MAX_M_S;
use wayhex_protocol::position::Position;
use wayhex_protocol::reason::Reason;

use super::StoreError;
use crate::verify::Verified;

/// Milliseconds by which the times of two captures may be wrong against each other: receivers round to the second.
const SLACK_MS: u64 = 1_000;
/// Of a long trip: a phone's clock and the satellites' drift apart by less than a thousandth.
const DRIFT_DIVISOR: u64 = 1_000;
/// Milliseconds that a capture takes of its session at least: 7 m of spacing at 70 m/s.
const CLAIM_MIN_MS: u64 = 100;
/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// Another capture of the session.
struct Neighbour {
    captured_ms: u64,
    lat_e7: i32,
    lon_e7: i32,
}

/// The time of a session.
#[expect(clippy::struct_field_names, reason = "the unit stands last in a name")]
struct Trip {
    first_ms: u64,
    last_ms: u64,
    claimed_ms: u64,
}

/// Why an observation cannot be true beside those that were accepted; `None` when it can.
pub(super) fn contradiction(
    transaction: &Transaction<'_>,
    verified: &Verified,
) -> Result<Option<Reason>, StoreError> {
    let claim = Claim::of(verified);
    if claim.day_claimed_ms(transaction)? + claim.claimed_ms > DAY_MS + SLACK_MS {
        return Ok(Some(Reason::MotionImpossible));
    }
    let Some(trip) = claim.trip(transaction)? else {
        return Ok(None);
    };
    let span_ms = trip.last_ms.max(claim.captured_ms) - trip.first_ms.min(claim.begun_ms());
    if trip.claimed_ms + claim.claimed_ms > span_ms + span_ms / DRIFT_DIVISOR + SLACK_MS {
        return Ok(Some(Reason::MotionImpossible));
    }
    let neighbours = claim.neighbours(transaction)?;
    let follows = neighbours.iter().all(|neighbour| claim.follows(neighbour));
    Ok((!follows).then_some(Reason::Teleport))
}

/// Counts an observation that is accepted.
pub(super) fn count(transaction: &Transaction<'_>, verified: &Verified) -> Result<(), StoreError> {
    let claim = Claim::of(verified);
    transaction
        .prepare_cached(
            "INSERT INTO trips (device, session, first_ms, last_ms, claimed_ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (device, session) DO UPDATE SET first_ms = min(first_ms, excluded.first_ms),
                 last_ms = max(last_ms, excluded.last_ms), claimed_ms = claimed_ms + excluded.claimed_ms",
        )?
        .execute(params![
            claim.device,
            claim.session,
            claim.begun_ms(),
            claim.captured_ms,
            claim.claimed_ms
        ])?;
    transaction
        .prepare_cached(
            "INSERT INTO driven_days (device, day, claimed_ms) VALUES (?1, ?2, ?3)
             ON CONFLICT (device, day) DO UPDATE SET claimed_ms = claimed_ms + excluded.claimed_ms",
        )?
        .execute(params![claim.device, claim.day(), claim.claimed_ms])?;
    Ok(())
}

/// What an observation claims of its session.
struct Claim {
    device: i64,
    session: [u8; 16],
    place: Position,
    captured_ms: u64,
    lasting_ms: u64,
    claimed_ms: u64,
}

impl Claim {
    fn of(verified: &Verified) -> Self {
        let observation = &verified.observation;
        let lasting_ms = u64::from(observation.segment.vertices()[0].before_ms);
        Self {
            device: verified.device.0,
            session: observation.session.0,
            place: observation.segment.place(),
            captured_ms: observation.captured_at_ms,
            lasting_ms,
            claimed_ms: lasting_ms.max(CLAIM_MIN_MS),
        }
    }

    fn begun_ms(&self) -> u64 {
        self.captured_ms.saturating_sub(self.lasting_ms)
    }

    fn day(&self) -> u64 {
        self.captured_ms / DAY_MS
    }

    fn day_claimed_ms(&self, transaction: &Transaction<'_>) -> Result<u64, StoreError> {
        let mut query = transaction
            .prepare_cached("SELECT claimed_ms FROM driven_days WHERE device = ?1 AND day = ?2")?;
        let claimed = query.query_row(params![self.device, self.day()], |row| row.get(0));
        Ok(claimed.optional()?.unwrap_or(0))
    }

    fn trip(&self, transaction: &Transaction<'_>) -> Result<Option<Trip>, StoreError> {
        let mut query = transaction.prepare_cached(
            "SELECT first_ms, last_ms, claimed_ms FROM trips WHERE device = ?1 AND session = ?2",
        )?;
        let trip = query.query_row(params![self.device, self.session], |row| {
            Ok(Trip {
                first_ms: row.get(0)?,
                last_ms: row.get(1)?,
                claimed_ms: row.get(2)?,
            })
        });
        Ok(trip.optional()?)
    }

    /// The nearest before and after, the first and the last.
    fn neighbours(&self, transaction: &Transaction<'_>) -> Result<Vec<Neighbour>, StoreError> {
        const SELECT: &str = "SELECT captured_ms, lat_e7, lon_e7 FROM observations WHERE device = ?1 AND session = ?2";
        let among = |which: &str| -> Result<Option<Neighbour>, StoreError> {
            let mut query = transaction.prepare_cached(&[SELECT, which, "LIMIT 1"].join(" "))?;
            let found = query.query_row(
                params![self.device, self.session, self.captured_ms],
                |row| {
                    Ok(Neighbour {
                        captured_ms: row.get(0)?,
                        lat_e7: row.get(1)?,
                        lon_e7: row.get(2)?,
                    })
                },
            );
            Ok(found.optional()?)
        };
        let found = [
            among("AND captured_ms <= ?3 ORDER BY captured_ms DESC")?,
            among("AND captured_ms > ?3 ORDER BY captured_ms")?,
            among("AND ?3 IS NOT NULL ORDER BY captured_ms")?,
            among("AND ?3 IS NOT NULL ORDER BY captured_ms DESC")?,
        ];
        Ok(found.into_iter().flatten().collect())
    }

    fn follows(&self, neighbour: &Neighbour) -> bool {
        let Some(place) = Position::from_e7(neighbour.lat_e7, neighbour.lon_e7) else {
            return true;
        };
        let apart_ms = self.captured_ms.abs_diff(neighbour.captured_ms) + SLACK_MS;
        // Captures are at most days apart: far from where a double would round.
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of some days")]
        let reach_m = LEG_SPEED_MAX_M_S * apart_ms as f64 / 1_000.0;
        self.place.distance_m(place) <= reach_m
    }
}
