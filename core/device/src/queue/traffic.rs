//! How much went over the network this month.
//!
//! Before a request leaves, what it may cost at most is booked; after it, what it did cost. A process that dies in between
//! leaves the higher figure, so that the driver's cap is never passed unseen.

use rusqlite::{OptionalExtension, params};

use super::{Queue, QueueError, as_i64, as_u64, failed};

impl Queue {
    /// Bytes booked for the calendar month (UTC) of `now_ms`, both directions.
    ///
    /// # Errors
    /// The database failed.
    pub fn traffic_bytes(&self, now_ms: u64) -> Result<u64, QueueError> {
        let bytes: Option<i64> = self
            .connection
            .query_row(
                "SELECT bytes FROM traffic WHERE month = ?1",
                [month_of(now_ms)],
                |row| row.get(0),
            )
            .optional()
            .map_err(failed("read the month's traffic"))?;
        Ok(bytes.map_or(0, as_u64))
    }

    /// Books bytes for the month of `now_ms`.
    ///
    /// # Errors
    /// The database failed; then nothing may be sent.
    pub fn book(&mut self, now_ms: u64, bytes: u64) -> Result<(), QueueError> {
        self.change_booking(now_ms, as_i64(bytes))
    }

    /// Puts what a request did cost in the place of what was booked for it.
    ///
    /// # Errors
    /// The database failed; the booking stands.
    pub fn settle_booking(
        &mut self,
        now_ms: u64,
        booked: u64,
        cost: u64,
    ) -> Result<(), QueueError> {
        self.change_booking(now_ms, as_i64(cost).saturating_sub(as_i64(booked)))
    }

    fn change_booking(&mut self, now_ms: u64, change: i64) -> Result<(), QueueError> {
        self.connection
            .execute(
                "INSERT INTO traffic (month, bytes) VALUES (?1, max(0, ?2))
                 ON CONFLICT (month) DO UPDATE SET bytes = max(0, bytes + ?2)",
                params![month_of(now_ms), change],
            )
            .map(drop)
            .map_err(failed("book traffic"))
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
