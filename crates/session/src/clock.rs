//! Times as the store saves them, in milliseconds since 1970 (UTC), and their text forms.
//!
//! Only [`now`] and [`local`] may look at the clock or the system's time zone, so that everything else is deterministic.

use jiff::{Timestamp, Zoned};

/// The last second of the year 9999; later times are clamped.
const MAX_MS: i64 = 253_402_207_200_000;

/// The current time in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_millisecond().max(0)
}

/// Another program may have saved any number, so it is clamped to the years 1970 to 9999.
fn moment(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms.clamp(0, MAX_MS)).unwrap_or_default()
}

/// `2026-11-24T22:27:53Z`.
pub fn rfc3339(ms: i64) -> String {
    format!("{:.0}", moment(ms))
}

/// `2026-11-24 22:27 UTC`, for exports, which are read elsewhere and later.
pub(crate) fn readable(ms: i64) -> String {
    moment(ms).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A time for a list, in the user's time zone: `today 14:05`, `yesterday 09:12`, `2026-11-02`.
pub fn local(ms: i64) -> String {
    since(ms, &Zoned::now())
}

/// [`local`] at a given time, in its time zone.
fn since(ms: i64, now: &Zoned) -> String {
    let then = moment(ms).to_zoned(now.time_zone().clone());
    let time = then.strftime("%H:%M");
    if then.date() == now.date() {
        format!("today {time}")
    } else if now.date().yesterday().is_ok_and(|day| day == then.date()) {
        format!("yesterday {time}")
    } else {
        then.date().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

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
        assert_eq!(rfc3339(951_782_399_999), "2000-02-28T23:59:59Z");
    }

    #[test]
    fn times_out_of_range_are_clamped() {
        assert_eq!(rfc3339(i64::MIN), "1970-01-01T00:00:00Z");
        assert!(rfc3339(i64::MAX).starts_with("9999-12-3"));
        assert!(since(i64::MAX, &Zoned::now()).starts_with("9999-12-3"));
    }

    #[test]
    fn a_time_in_a_list_is_local_and_names_today_and_yesterday() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let now = "2026-03-01T00:30:00Z".parse::<Timestamp>().unwrap();
        let now = now.to_zoned(zone);
        for (moment, text) in [
            ("2026-03-01T00:29:59Z", "today 02:29"),
            ("2026-02-28T22:00:00Z", "today 00:00"),
            ("2026-02-28T21:59:59Z", "yesterday 23:59"),
            ("2026-02-27T22:00:00Z", "yesterday 00:00"),
            ("2026-02-27T21:59:59Z", "2026-02-27"),
            // The clock was set back.
            ("2026-03-02T09:00:00Z", "2026-03-02"),
        ] {
            assert_eq!(since(ms(moment), &now), text);
        }
    }
}
