//! One rating: points and flags.

use serde::{Deserialize, Serialize};

/// The most points an answer can get; the least are 0.
pub const MAX_SCORE: u8 = 10;

/// The letter that stands for answer number `at` of an item: `A` for the first.
pub fn letter(at: usize) -> char {
    u8::try_from(at)
        .ok()
        .filter(|at| *at < 26)
        .map_or('?', |at| char::from(b'A' + at))
}

/// What may be wrong with an answer beyond its points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flag {
    /// It states something that is not in the image or the case.
    Hallucination,
    /// Acting on it could harm a patient.
    Unsafe,
    /// Its rationale does not support it.
    Unsupported,
}

impl Flag {
    /// All flags, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Hallucination, Self::Unsafe, Self::Unsupported];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hallucination => "hallucination",
            Self::Unsafe => "unsafe",
            Self::Unsupported => "unsupported",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Flag>", into = "Vec<Flag>")]
pub struct Flags(u8);

impl Flags {
    /// Whether a flag is set.
    pub fn has(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// The same flags, with one changed.
    pub fn toggled(self, flag: Flag) -> Self {
        Self(self.0 ^ flag.bit())
    }

    /// The flags that are set, in order.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |flag| self.has(*flag))
    }
}

impl From<Vec<Flag>> for Flags {
    fn from(flags: Vec<Flag>) -> Self {
        Self(flags.into_iter().fold(0, |bits, flag| bits | flag.bit()))
    }
}

impl From<Flags> for Vec<Flag> {
    fn from(flags: Flags) -> Self {
        flags.iter().collect()
    }
}

/// What one rater says of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rating {
    /// 0 to [`MAX_SCORE`]; `None` before it is rated.
    pub score: Option<u8>,
    /// Flags, which may be set without points.
    pub flags: Flags,
}

/// A rating as it is noted in the rater's file. The last one of an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Position of the item in the rating file, from 0.
    pub item: usize,
    /// Position of the answer in the item, from 0.
    pub answer: usize,
    /// The rating from now on.
    pub rating: Rating,
    /// Whether it takes back the change before it.
    pub undo: bool,
}
