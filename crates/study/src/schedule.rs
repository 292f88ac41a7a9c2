//! When a card comes again: learning steps in minutes, then days by FSRS.
//!
//! Pure: the time is always given. Times are milliseconds since 1970 (UTC). A card that comes again after days is due from
//! the beginning of that day of study, and the days that FSRS is told of are days of study too: what is seen late in the
//! evening and early the next day was seen a day apart.

use serde::{Deserialize, Serialize};

use crate::days::DAY_MS;
pub use crate::scheduler::{Outlook, Scheduler};

pub(crate) const MINUTE_MS: i64 = 60 * 1000;

/// How well the learner knew a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Not known.
    Again = 1,
    /// Known with effort.
    Hard = 2,
    /// Known.
    Good = 3,
    /// Known at once.
    Easy = 4,
}

impl Grade {
    /// Every grade, from worst to best.
    pub const ALL: [Self; 4] = [Self::Again, Self::Hard, Self::Good, Self::Easy];

    /// As it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Hard => "hard",
            Self::Good => "good",
            Self::Easy => "easy",
        }
    }

    /// The grade of a number from 1 (again) to 4 (easy).
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| *grade as u8 == number)
    }
}

/// FSRS's state of a memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Days until the probability of recall falls to 90 %.
    pub stability: f32,
    /// 1 (easy) to 10 (hard).
    pub difficulty: f32,
}

/// Where a card stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "phase", content = "step")]
pub enum Phase {
    /// Never graded.
    New,
    /// In learning step number `0`, from 0.
    Learning(u8),
    /// Comes after days.
    Review,
    /// Forgotten; in relearning step number `0`, from 0.
    Relearning(u8),
}

/// What is known about a learner's knowledge of a card.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Where the card stands.
    pub phase: Phase,
    /// When it comes again.
    pub due: i64,
    /// FSRS's state; `None` before the first grade.
    pub memory: Option<Memory>,
    /// When it was graded last; `None` before the first grade.
    pub last_review: Option<i64>,
    /// Number of grades.
    pub reviews: u32,
    /// How often it was forgotten after it had been learnt.
    pub lapses: u32,
}

impl Schedule {
    /// A card that was never graded.
    pub fn new(now: i64) -> Self {
        Self {
            phase: Phase::New,
            due: now,
            memory: None,
            last_review: None,
            reviews: 0,
            lapses: 0,
        }
    }

    /// Whether the card was never graded.
    pub fn is_new(&self) -> bool {
        self.phase == Phase::New
    }

    /// Whether the card comes again after minutes, for the first time or because it was forgotten.
    pub fn is_learning(&self) -> bool {
        matches!(self.phase, Phase::Learning(_) | Phase::Relearning(_))
    }

    /// Whether both were made by the same grades at the same times. What FSRS computed does not count: it depends on the
    /// settings.
    pub(crate) fn is_same_state(&self, other: &Self) -> bool {
        (self.phase, self.last_review, self.reviews, self.lapses)
            == (other.phase, other.last_review, other.reviews, other.lapses)
    }
}

/// An interval for a button: `1 min`, `3 h`, `4 d`, `2.5 mo`, `1.2 y`.
pub fn in_words(interval_ms: i64) -> String {
    let minutes = (interval_ms.max(0) as f64 / MINUTE_MS as f64).round();
    let days = interval_ms.max(0) as f64 / DAY_MS as f64;
    let one_decimal = |value: f64, unit: &str| {
        let text = format!("{value:.1}");
        format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
    };
    if minutes < 1.0 {
        "< 1 min".to_owned()
    } else if minutes < 60.0 {
        format!("{minutes} min")
    } else if days < 0.98 {
        one_decimal(minutes / 60.0, "h")
    } else if days < 30.5 {
        format!("{days:.0} d")
    } else if days < 365.0 {
        one_decimal(days / 30.44, "mo")
    } else {
        one_decimal(days / 365.25, "y")
    }
}
