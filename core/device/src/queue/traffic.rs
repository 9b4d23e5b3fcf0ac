//! How much went over the network this month.
//!
//! Before a request leaves, what it may cost at most is booked; after it, what it did cost. A process that dies in between
//! leaves the higher figure, so that the driver's cap is never passed unseen.
//!
//! The month is the server's. A phone's clock that no server has confirmed opens no new one: what is sent then counts for the
//! latest that was booked, or a clock that jumps would give the driver's cap anew. (`upload::gate` lets one question pass that
//! confirms it.) And where a confirmed clock finds a later month booked, those bytes move to the month that it is.

use rusqlite::{OptionalExtension, params};

use super::{Commit, Now, Queue, QueueError, as_i64, as_u64, failed};
use crate::failpoints::{BOOK_COMMIT, BOOK_DONE, BOOKING_COMMIT, BOOKING_DONE};

impl Queue {
    /// Bytes booked for the calendar month (UTC) that it is now, both directions.
    ///
    /// # Errors
    /// The database failed.
    pub fn traffic_bytes(&self, now: Now) -> Result<u64, QueueError> {
        self.connection
            .query_row(
                "SELECT coalesce(sum(bytes), 0) FROM traffic WHERE month >= ?1",
                [self.month(now)?],
                |row| row.get(0),
            )
            .map(as_u64)
            .map_err(failed("read the month's traffic"))
    }

    /// Whether the phone's clock says that a later month has begun than the latest that was booked.
    ///
    /// # Errors
    /// The database failed.
    pub fn is_new_month(&self, now_ms: u64) -> Result<bool, QueueError> {
        let latest = self.latest_month()?;
        Ok(latest.is_some_and(|latest| latest < month_of(now_ms)))
    }

    /// Books bytes for the month that it is now.
    ///
    /// # Errors
    /// The database failed; then nothing may be sent.
    pub fn book(&mut self, now: Now, bytes: u64) -> Result<(), QueueError> {
        const DOING: &str = "book traffic";
        let month = self.month(now)?;
        let transaction = self.write(DOING)?;
        (|| {
            transaction.execute(
                "INSERT INTO traffic (month, bytes) VALUES (?1, ?2 + (SELECT coalesce(sum(bytes), 0) FROM traffic WHERE month > ?1))
                 ON CONFLICT (month) DO UPDATE SET bytes = bytes + excluded.bytes",
                params![month, as_i64(bytes)],
            )?;
            transaction.execute("DELETE FROM traffic WHERE month > ?1", [&month])?;
            BOOK_COMMIT.hit();
            transaction.commit()
        })()
        .map_err(failed(DOING))?;
        BOOK_DONE.hit();
        Ok(())
    }

    /// Puts what a request did cost in the place of what was booked for it.
    ///
    /// # Errors
    /// The database failed; the booking stands.
    pub fn settle_booking(&mut self, now: Now, booked: u64, cost: u64) -> Result<(), QueueError> {
        let month = self.month(now)?;
        let change = as_i64(cost).saturating_sub(as_i64(booked));
        self.execute(
            "book traffic",
            Commit(BOOKING_COMMIT, BOOKING_DONE),
            "UPDATE traffic SET bytes = max(0, bytes + ?2) WHERE month = ?1",
            params![month, change],
        )
        .map(drop)
    }

    fn month(&self, now: Now) -> Result<String, QueueError> {
        let claimed = month_of(now.ms());
        Ok(match now {
            Now::Confirmed(_) => claimed,
            Now::Unconfirmed(_) => self.latest_month()?.unwrap_or(claimed),
        })
    }

    fn latest_month(&self) -> Result<Option<String>, QueueError> {
        self.connection
            .query_row(
                "SELECT month FROM traffic ORDER BY month DESC LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()
            .map_err(failed("read the month's traffic"))
    }
}

/// The calendar month (UTC) of a Unix time in milliseconds, as `2026-11`. The civil calendar is counted from 0000-03-01,
/// so that a leap day ends its year.
fn month_of(now_ms: u64) -> String {
    const DAY_MS: u64 = 86_400_000;
    const DAYS_FROM_0000_03_01_TO_1970: u64 = 719_468;
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let days = now_ms / DAY_MS + DAYS_FROM_0000_03_01_TO_1970;
    let (era, day_of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let (month, carry) = match month_from_march {
        0..=9 => (month_from_march + 3, 0),
        _ => (month_from_march - 9, 1),
    };
    format!("{:04}-{month:02}", era * 400 + year_of_era + carry)
}

#[cfg(test)]
mod tests {
    use super::month_of;

    #[test]
    fn a_month_ends_with_its_last_day_leap_years_included() {
        for (now_ms, month) in [
            (0, "1970-01"),
            (951_782_399_999, "2000-02"),
            (951_868_799_999, "2000-02"),
            (951_868_800_000, "2000-03"),
            (1_798_761_599_999, "2026-12"),
            (1_798_761_600_000, "2027-01"),
        ] {
            assert_eq!(month_of(now_ms), month, "{now_ms}");
        }
    }
}
