//! The scheduler: FSRS-6 behind learning steps.
//!
//! FSRS (`fsrs` on crates.io, <https://github.com/open-spaced-repetition/fsrs-rs>) computes memories and intervals; steps,
//! whole days and their spread are ours. Nothing here reads a clock.

use fsrs::{FSRS, MemoryState, NextStates};
use jiff::tz::TimeZone;
use rounds_support::rng::Rng;

use crate::days::{DAY_MS, Days};
use crate::error::StudyError;
use crate::schedule::{Grade, MINUTE_MS, Memory, Phase, Schedule};
use crate::settings::Settings;

/// Intervals below this many days are not spread.
const SPREAD_FROM_DAYS: u32 = 3;
/// How far an interval is spread to either side: this share of it, at least a day.
const SPREAD: f32 = 0.05;

/// What a grade would do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// The grade.
    pub grade: Grade,
    /// Where the card would stand.
    pub schedule: Schedule,
    /// After how long it would come again, in milliseconds; a day is 24 hours.
    pub interval_ms: i64,
}

/// Where a grade leads, before times are computed.
enum Next {
    /// To a step; the delay is in milliseconds.
    Step(Phase, i64),
    /// To reviews, after days.
    Days,
}

/// Decides when cards come again, by the settings of a deck.
#[derive(Clone, Debug)]
pub struct Scheduler {
    fsrs: FSRS,
    /// Exponent of FSRS-6's forgetting curve.
    decay: f32,
    settings: Settings,
    days: Days,
}

impl Scheduler {
    /// A scheduler for a learner in `zone`. Errors if the settings are invalid.
    pub fn new(settings: &Settings, zone: &TimeZone) -> Result<Self, StudyError> {
        let settings = settings.clone().validated()?;
        let failed = |error: fsrs::FSRSError| StudyError::Scheduler(error.to_string());
        let parameters = fsrs::check_and_fill_parameters(&settings.parameters).map_err(failed)?;
        // FSRS clips its parameters to ranges; this is the range of the last one.
        let decay = parameters
            .last()
            .map_or(fsrs::FSRS6_DEFAULT_DECAY, |decay| decay.clamp(0.1, 0.8));
        Ok(Self {
            fsrs: FSRS::new(&parameters).map_err(failed)?,
            decay,
            days: Days::new(zone, settings.day_starts_at),
            settings,
        })
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The days of study.
    pub fn days(&self) -> &Days {
        &self.days
    }

    pub(crate) fn fsrs(&self) -> &FSRS {
        &self.fsrs
    }

    /// What each grade would do, from [`Grade::Again`] to [`Grade::Easy`]. Intervals of days are spread a little, by the
    /// card's id and its number of grades, so that cards learnt together do not come together for ever.
    pub fn next(&self, card: &str, schedule: &Schedule, now: i64) -> [Outlook; 4] {
        let states = self.states(schedule, now);
        let luck = luck(card, schedule.reviews);
        let hard_in_days = matches!(self.follow(schedule.phase, Grade::Hard), Next::Days);
        let again = self.spread(states.again.interval, luck, 1);
        let hard = self.spread(states.hard.interval, luck, 1);
        let least = if hard_in_days { hard + 1 } else { 1 };
        let good = self.spread(states.good.interval, luck, least);
        let easy = self.spread(states.easy.interval, luck, good + 1);
        let of = |grade, state: &fsrs::ItemState, days: u32| {
            self.outlook(schedule, grade, state.memory, days, now)
        };
        [
            of(Grade::Again, &states.again, again),
            of(Grade::Hard, &states.hard, hard),
            of(Grade::Good, &states.good, good),
            of(Grade::Easy, &states.easy, easy),
        ]
    }

    /// Where a card stands after a grade: the [outlook](Scheduler::next) of that grade.
    pub fn grade(&self, card: &str, schedule: &Schedule, grade: Grade, now: i64) -> Schedule {
        let [again, hard, good, easy] = self.next(card, schedule, now);
        let outlook = match grade {
            Grade::Again => again,
            Grade::Hard => hard,
            Grade::Good => good,
            Grade::Easy => easy,
        };
        outlook.schedule
    }

    /// The probability that the learner knows the card now, 0 to 1; `None` before the first grade.
    pub fn retrievability(&self, schedule: &Schedule, now: i64) -> Option<f32> {
        let memory = schedule.memory?;
        let days = self.days.elapsed(schedule.last_review?, now);
        let state = MemoryState {
            stability: memory.stability.max(f32::MIN_POSITIVE),
            difficulty: memory.difficulty,
        };
        let known = fsrs::current_retrievability(state, days as f32, self.decay);
        known.is_finite().then_some(known.clamp(0.0, 1.0))
    }

    fn states(&self, schedule: &Schedule, now: i64) -> NextStates {
        let retention = self.settings.retention;
        let memory = schedule.memory.filter(|_| !schedule.is_new());
        let state = memory.map(|memory| MemoryState {
            stability: memory.stability,
            difficulty: memory.difficulty,
        });
        let last = schedule.last_review.unwrap_or(now);
        let elapsed = self.days.elapsed(last, now);
        // A memory that is no number comes from a file; such a card begins again.
        let known = self.fsrs.next_states(state, retention, elapsed);
        known.unwrap_or_else(|_| first_states(&self.fsrs, retention))
    }

    fn outlook(
        &self,
        before: &Schedule,
        grade: Grade,
        memory: MemoryState,
        days: u32,
        now: i64,
    ) -> Outlook {
        let (phase, due, interval_ms) = match self.follow(before.phase, grade) {
            Next::Step(phase, delay) => (phase, now.saturating_add(delay), delay),
            Next::Days => {
                let due = self.days.start(self.days.of(now) + i64::from(days));
                (Phase::Review, due, i64::from(days) * DAY_MS)
            }
        };
        let forgotten = before.phase == Phase::Review && grade == Grade::Again;
        let schedule = Schedule {
            phase,
            due,
            memory: Some(Memory {
                stability: memory.stability,
                difficulty: memory.difficulty,
            }),
            last_review: Some(now),
            reviews: before.reviews.saturating_add(1),
            lapses: before.lapses.saturating_add(u32::from(forgotten)),
        };
        Outlook {
            grade,
            schedule,
            interval_ms,
        }
    }

    /// Where a grade leads from a phase.
    fn follow(&self, phase: Phase, grade: Grade) -> Next {
        let learning = &self.settings.learning_steps_minutes;
        let relearning = &self.settings.relearning_steps_minutes;
        let (steps, step, to): (_, _, fn(u8) -> Phase) = match phase {
            Phase::New => (learning, 0, Phase::Learning),
            Phase::Learning(step) => (learning, usize::from(step), Phase::Learning),
            Phase::Relearning(step) => (relearning, usize::from(step), Phase::Relearning),
            Phase::Review if grade == Grade::Again => (relearning, 0, Phase::Relearning),
            Phase::Review => return Next::Days,
        };
        let Some(last) = steps.len().checked_sub(1) else {
            return Next::Days;
        };
        // The steps may have become fewer since.
        let step = step.min(last);
        let delay = |step: usize| {
            steps
                .get(step)
                .map(|minutes| i64::from(*minutes) * MINUTE_MS)
        };
        let chosen = match grade {
            Grade::Again => delay(0).map(|ms| (0, ms)),
            Grade::Hard if step == 0 => {
                // Between again and good: half-way to the next step, or half as much again.
                let now = delay(0).unwrap_or(MINUTE_MS);
                Some((0, (now + delay(1).unwrap_or(2 * now)) / 2))
            }
            Grade::Hard => delay(step).map(|ms| (step, ms)),
            Grade::Good => delay(step + 1).map(|ms| (step + 1, ms)),
            Grade::Easy => None,
        };
        match chosen {
            Some((step, ms)) => Next::Step(to(u8::try_from(step).unwrap_or(u8::MAX)), ms),
            None => Next::Days,
        }
    }

    /// Whole days of an interval, spread, and within `least` and the longest interval.
    fn spread(&self, interval: f32, luck: f32, least: u32) -> u32 {
        let longest = self.settings.max_interval_days;
        let days = interval.round().clamp(1.0, longest as f32) as u32;
        let spread = match days {
            ..SPREAD_FROM_DAYS => 0,
            days => ((days as f32 * SPREAD).round() as u32).max(1),
        };
        let width = 2 * spread;
        let offset = ((luck * (width + 1) as f32) as u32).min(width);
        let days = days.saturating_sub(spread) + offset;
        days.max(least).clamp(1, longest)
    }
}

fn first_states(fsrs: &FSRS, retention: f32) -> NextStates {
    let nothing = || fsrs::ItemState {
        memory: MemoryState {
            stability: 1.0,
            difficulty: 5.0,
        },
        interval: 1.0,
    };
    let first = fsrs.next_states(None, retention, 0);
    first.unwrap_or_else(|_| NextStates {
        again: nothing(),
        hard: nothing(),
        good: nothing(),
        easy: nothing(),
    })
}

/// A number in `[0, 1)` for a card and its number of grades.
fn luck(card: &str, reviews: u32) -> f32 {
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ u64::from(reviews);
    let seed = card.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Rng::new(seed).unit()
}
