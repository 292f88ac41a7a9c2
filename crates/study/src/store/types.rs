//! What the store takes and gives.

use serde::{Deserialize, Serialize};

use crate::card::CardId;
use crate::schedule::{Grade, Phase, Schedule};

/// What is known about a deck besides its cards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeckInfo {
    /// The index whose images the cards show, as it was named; `None` if the store has them.
    pub index: Option<String>,
    /// Where the deck comes from, in words; may be empty.
    pub about: String,
}

/// What [`put_deck`](crate::store::Store::put_deck) did, in cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeckChange {
    /// New in the deck.
    pub added: usize,
    /// With another content than before.
    pub updated: usize,
    /// The same as before.
    pub kept: usize,
    /// No longer in the deck. Those with reviews are kept out of sight, in case they come back.
    pub removed: usize,
}

/// A deck in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeckSummary {
    /// Its name.
    pub name: String,
    /// What is known about it.
    pub info: DeckInfo,
    /// Number of cards.
    pub cards: usize,
    /// Cards never graded.
    pub new: usize,
    /// Cards that come again after minutes.
    pub learning: usize,
    /// Cards that come today after days or are overdue. Limits and siblings are not considered.
    pub due: usize,
    /// Cards that the learner suspended; not counted in `new`, `learning` and `due`.
    pub suspended: usize,
    /// Number of grades.
    pub reviews: usize,
    /// When the deck was last studied.
    pub last_review: Option<i64>,
}

/// Where a card of a deck stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Its id.
    pub card: CardId,
    /// `None` if it was never graded.
    pub schedule: Option<Schedule>,
    /// Whether the learner suspended it.
    pub suspended: bool,
    /// Until when the learner put it off.
    pub buried_until: Option<i64>,
    /// Whether it is in the deck; otherwise only its reviews are kept.
    pub present: bool,
}

/// Number of a review in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReviewId(pub i64);

/// What a card was seen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewKind {
    /// To learn it.
    Learn,
    /// To keep it.
    Review,
    /// To learn it again after it was forgotten.
    Relearn,
    /// Out of turn; changes no schedule.
    Cram,
}

impl ReviewKind {
    /// What a card with this schedule is seen for when its turn comes.
    pub fn of(schedule: &Schedule) -> Self {
        match schedule.phase {
            Phase::New | Phase::Learning(_) => Self::Learn,
            Phase::Review => Self::Review,
            Phase::Relearning(_) => Self::Relearn,
        }
    }

    /// As it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Learn => "learn",
            Self::Review => "review",
            Self::Relearn => "relearn",
            Self::Cram => "cram",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Learn, Self::Review, Self::Relearn, Self::Cram];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// A grade, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// The card.
    pub card: CardId,
    /// The deck it was studied in.
    pub deck: String,
    /// When it was graded.
    pub at: i64,
    /// The grade.
    pub grade: Grade,
    /// From showing the card to the grade, in milliseconds.
    pub took_ms: u32,
    /// What it was seen for.
    pub kind: ReviewKind,
    /// Where the card stood.
    pub before: Schedule,
    /// Where it stands since; the same as before for [`ReviewKind::Cram`].
    pub after: Schedule,
    /// What the learner typed.
    pub typed: Option<String>,
}

impl Review {
    /// Whether it tells how well something learnt days ago was kept: what true retention and fitting count.
    pub fn is_of_memory(&self) -> bool {
        self.kind == ReviewKind::Review && self.before.phase == Phase::Review
    }
}
