//! Times as the store saves them, in milliseconds since 1970 (UTC), and their text forms.
//!
//! Only [`now`] may read the clock, so that everything else is deterministic.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY_MS: i64 = 86_400_000;
/// The start of the year 10000; later times are clamped.
const END_OF_DATES: i64 = 253_402_300_800_000;

/// The current time in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// `2026-11-24T22:27:53Z`. Times outside the years 1970 to 9999 are clamped.
pub fn rfc3339(ms: i64) -> String {
    let (date, seconds) = date_and_seconds(ms);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `2026-11-24 22:27 UTC`, for display.
pub fn readable(ms: i64) -> String {
    let (date, seconds) = date_and_seconds(ms);
    format!("{date} {:02}:{:02} UTC", seconds / 3600, seconds / 60 % 60)
}

/// For file names: `20261124T222753Z`.
pub(crate) fn compact(ms: i64) -> String {
    rfc3339(ms).replace(['-', ':'], "")
}

/// The date, and the seconds since its midnight.
fn date_and_seconds(ms: i64) -> (String, i64) {
    let ms = ms.clamp(0, END_OF_DATES - 1);
    let (mut day, mut year) = (ms / DAY_MS, 1970_i64);
    while day >= days_in_year(year) {
        day -= days_in_year(year);
        year += 1;
    }
    let february = if days_in_year(year) == 366 { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    (
        format!("{year:04}-{month:02}-{:02}", day + 1),
        ms % DAY_MS / 1000,
    )
}

fn days_in_year(year: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if leap { 366 } else { 365 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_formatted_as_the_right_dates() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds * 1000), date);
        }
        assert_eq!(readable(951_782_399_999), "2000-02-28 23:59 UTC");
        assert_eq!(compact(951_782_400_000), "20000229T000000Z");
    }

    #[test]
    fn times_out_of_range_are_clamped() {
        assert_eq!(rfc3339(i64::MIN), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(i64::MAX), "9999-12-31T23:59:59Z");
    }
}
