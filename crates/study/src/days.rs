//! Days of study: they begin at an hour of the learner's own time, so that an evening past midnight is still one evening.
//!
//! The day of a moment is read from the wall clock, never by dividing milliseconds: days of 23 and of 25 hours are days.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

/// Milliseconds in a day of 24 hours.
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The moments taken as they are, in milliseconds: 1970 to 9999. A store may hold any number.
const MAX_MS: i64 = 253_370_764_800_000;
/// The last day that has a date here.
const MAX_DAY: i64 = 2_932_800;

const EPOCH: Date = date(1970, 1, 1);

/// Where study days begin.
#[derive(Clone, Debug)]
pub struct Days {
    zone: TimeZone,
    starts_at: i8,
}

impl Days {
    /// Days that begin at `starts_at` o'clock (0 to 23) in `zone`.
    pub fn new(zone: &TimeZone, starts_at: u8) -> Self {
        Self {
            zone: zone.clone(),
            starts_at: starts_at.min(23) as i8,
        }
    }

    /// The number of the study day of a moment; day 0 is 1 January 1970.
    pub fn of(&self, ms: i64) -> i64 {
        let moment = Timestamp::from_millisecond(ms.clamp(0, MAX_MS)).unwrap_or_default();
        let local = self.zone.to_datetime(moment);
        let day = local.date().duration_since(EPOCH).as_hours() / 24;
        if local.hour() < self.starts_at {
            day - 1
        } else {
            day
        }
    }

    /// When a study day begins, in milliseconds since 1970 (UTC). Where the clock jumps over that hour, when it has jumped.
    pub fn start(&self, day: i64) -> i64 {
        let local = self.date(day).at(self.starts_at, 0, 0, 0);
        match self.zone.to_timestamp(local) {
            Ok(moment) => moment.as_millisecond(),
            Err(_) => day * DAY_MS,
        }
    }

    /// When the study day of `now` ends, which is when the next begins.
    pub fn end_of_today(&self, now: i64) -> i64 {
        self.start(self.of(now) + 1)
    }

    /// Study days between two moments; 0 if the second is not later.
    pub fn elapsed(&self, from: i64, to: i64) -> u32 {
        u32::try_from(self.of(to) - self.of(from)).unwrap_or(0)
    }

    /// The date on which a study day begins.
    pub fn date(&self, day: i64) -> Date {
        let span = jiff::SignedDuration::from_hours(24 * day.clamp(-1, MAX_DAY));
        EPOCH.checked_add(span).unwrap_or(EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    /// Europe's central time, without the system's list of zones.
    fn central_europe() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn berlin() -> Days {
        Days::new(&central_europe(), 4)
    }

    #[test]
    fn the_day_changes_at_four_o_clock_local_time() {
        let days = berlin();
        let (before, after) = (ms("2026-11-30T02:59:59Z"), ms("2026-11-30T03:00:00Z"));
        assert_eq!(days.of(after), days.of(before) + 1);
        assert_eq!(days.date(days.of(after)).to_string(), "2026-11-30");
        assert_eq!(days.start(days.of(after)), after);
        assert_eq!(days.end_of_today(before), after);
        // Midnight changes nothing.
        let (evening, night) = (ms("2026-11-29T22:30:00Z"), ms("2026-11-29T23:30:00Z"));
        assert_eq!(days.of(evening), days.of(night));
        assert_eq!(days.elapsed(evening, night), 0);
        assert_eq!(days.elapsed(night, after), 1);
        assert_eq!(days.elapsed(after, night), 0, "the clock was set back");
    }

    #[test]
    fn days_of_23_and_25_hours_are_days() {
        let days = berlin();
        // In 2026 summer time begins on 29 March and ends on 25 October.
        let spring = days.of(ms("2026-03-28T12:00:00Z"));
        assert_eq!(days.start(spring), ms("2026-03-28T03:00:00Z"));
        assert_eq!(days.start(spring + 1), ms("2026-03-29T02:00:00Z"));
        assert_eq!(days.start(spring + 2), ms("2026-03-30T02:00:00Z"));
        let autumn = days.of(ms("2026-10-24T12:00:00Z"));
        assert_eq!(
            days.start(autumn + 1) - days.start(autumn),
            25 * DAY_MS / 24
        );
        for day in [spring, spring + 1, autumn, autumn + 1] {
            assert_eq!(days.of(days.start(day)), day);
            assert_eq!(days.of(days.start(day) - 1), day - 1);
        }
    }

    #[test]
    fn an_hour_that_the_clock_jumps_over_begins_the_day_after_the_jump() {
        let days = Days::new(&central_europe(), 2);
        let day = days.of(ms("2026-03-29T12:00:00Z"));
        assert_eq!(days.start(day), ms("2026-03-29T01:00:00Z"));
        assert_eq!(days.of(ms("2026-03-29T00:59:59Z")), day - 1);
        assert_eq!(days.of(ms("2026-03-29T01:00:00Z")), day);
    }

    #[test]
    fn any_number_of_milliseconds_has_a_day() {
        let days = berlin();
        for ms in [i64::MIN, -1, 0, 1, MAX_MS, i64::MAX] {
            let day = days.of(ms);
            assert!((-1..=MAX_DAY + 1).contains(&day), "{ms}: {day}");
            let _ = (days.start(day), days.date(day));
        }
        let _ = (days.date(i64::MAX), days.date(i64::MIN));
    }
}
