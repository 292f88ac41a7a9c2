//! When a card comes again: learning steps in minutes, then days by FSRS.
//!
//! Pure: the time is always given. Times are milliseconds since 1970 (UTC).

use serde::{Deserialize, Serialize};

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
