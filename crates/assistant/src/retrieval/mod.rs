//! Which examples become shots, and why.
//!
//! A strategy ranks; what may not be a shot (the query's own picture, its near-duplicates, its patient and study) is kept
//! away from every strategy in one place (`left_out`). Nothing here reads pictures or runs a model: vectors come in.

mod choose;
mod condition;
mod left_out;
mod listing;

use serde::{Deserialize, Serialize};

use rounds_index::{Example, Hit, Index, IndexError, Search};
use rounds_support::errors::count;

pub use condition::{Condition, ConditionError};
pub use listing::{Wanted, list};

/// How shots are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Most similar picture (RICES)
    Image,
    /// Most of the question's words, in questions and with less weight in answers and tags (BM25)
    Text,
    /// Reciprocal rank fusion of both
    Hybrid,
    /// Similar pictures that differ from each other (maximal marginal relevance)
    Diverse,
    /// Similar pictures, with as many different answers as there are
    Balanced,
    /// By seed
    Random,
    /// The pinned examples and no others
    Fixed,
    /// The picture against the examples' texts (needs an encoder with a text tower)
    ImageToText,
    /// The question against the examples' pictures (needs an encoder with a text tower)
    TextToImage,
    /// No shots
    None,
}

impl Strategy {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Text => "text",
            Self::Hybrid => "hybrid",
            Self::Diverse => "diverse",
            Self::Balanced => "balanced",
            Self::Random => "random",
            Self::Fixed => "fixed",
            Self::ImageToText => "image-to-text",
            Self::TextToImage => "text-to-image",
            Self::None => "none",
        }
    }

    /// Whether vectors of the index are compared.
    pub fn needs_vectors(self) -> bool {
        !matches!(self, Self::Text | Self::Random | Self::Fixed | Self::None)
    }
}

/// In which order shots stand in the prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Most similar last, next to the question
    #[default]
    SimilarLast,
    /// Most similar first
    SimilarFirst,
    /// Shuffled by seed
    Shuffled,
}

impl Order {
    pub fn name(self) -> &'static str {
        match self {
            Self::SimilarLast => "most similar last",
            Self::SimilarFirst => "most similar first",
            Self::Shuffled => "shuffled by seed",
        }
    }

    /// `shots` (most similar first) as they stand in the prompt.
    pub fn arrange(self, shots: &[Shot], seed: u64) -> Vec<&Shot> {
        let mut out: Vec<&Shot> = shots.iter().collect();
        match self {
            Self::SimilarLast => out.reverse(),
            Self::SimilarFirst => {}
            Self::Shuffled => rounds_support::rng::Rng::new(seed).shuffle(&mut out),
        }
        out
    }
}

/// An example chosen for one prompt.
#[derive(Clone, Debug)]
pub struct Shot {
    pub example: Example,
    /// Cosine (image, diverse, balanced, cross-modal), BM25 (text), fused rank (hybrid), 0 (random, pinned).
    pub score: f32,
    /// 1 is the most similar.
    pub rank: usize,
    pub reason: String,
}

/// Why a pinned example is a shot.
const PINNED: &str = "pinned";

impl Shot {
    /// Whether it is a shot because it was asked for, not because it is like anything.
    pub fn is_pinned(&self) -> bool {
        self.reason == PINNED
    }

    /// All that is to be known of it, on one line.
    pub fn in_words(&self) -> String {
        let example = &self.example;
        format!(
            "{}  {:.3}  Q: {}  A: {}  [{}; {}, {}]",
            example.id,
            self.score,
            example.question,
            example.answer,
            self.reason,
            example.source,
            example.licence
        )
    }
}

/// What is looked for.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// SHA-256 of the encoder that made the vectors.
    pub encoder: &'a str,
    /// Unit vectors of the pictures; the last is compared with the index.
    pub vectors: &'a [&'a [f32]],
    /// Unit vector of the question, where the encoder has a text tower.
    pub text: Option<&'a [f32]>,
    /// SHA-256 of the pictures' files with their perceptual hashes; one picture may have several.
    pub images: &'a [(String, u64)],
    pub question: &'a str,
    /// Whose pictures they are, where known: no example of the patient or the study is a shot.
    pub patient: Option<&'a str>,
    pub study: Option<&'a str>,
    pub seed: u64,
}

/// How to choose.
#[derive(Clone, Debug)]
pub struct Plan {
    pub shots: usize,
    pub strategy: Strategy,
    pub search: Search,
    /// Examples less similar to the picture than this are no shots.
    pub floor: Option<f32>,
    /// Which examples may be shots at all.
    pub filter: Vec<Condition>,
    /// Ids of examples that are shots whatever the strategy finds, in this order of rank.
    pub pinned: Vec<String>,
    /// Ids of examples that are never shots.
    pub excluded: Vec<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Most similar first; pinned ones before all others.
    pub shots: Vec<Shot>,
    /// What the user should know of the choice.
    pub notices: Vec<String>,
    /// The strategy that chose, where it is not the one that was asked for.
    pub instead: Option<Strategy>,
    /// Why there are fewer shots than were asked for.
    pub no_more: Option<String>,
    /// The search that found the nearest pictures; `None` where none was made. The graph, where it answered at all.
    pub search: Option<Search>,
}

/// How many shots there are of those that were asked for; more of them may be pinned.
pub fn shots_in_words(found: usize, asked: usize) -> String {
    match found > asked {
        true => count(found, "shot"),
        false => format!("{found} of {}", count(asked, "shot")),
    }
}

/// A hit of full-text search with what is said of it.
fn by_words(hit: Hit) -> (Hit, String) {
    let reason = format!("words in question, answer or tags, BM25 {:.2}", hit.score);
    (hit, reason)
}

/// Chooses as [`find`], and says so where those are fewer than were asked for.
pub fn retrieve(index: &Index, query: &Query, plan: &Plan) -> Result<Found, IndexError> {
    let mut found = find(index, query, plan)?;
    if let Some(why) = &found.no_more {
        let shots = shots_in_words(found.shots.len(), plan.shots);
        found.notices.push(format!("{shots}: {why}"));
    }
    Ok(found)
}

/// Chooses at most `plan.shots` shots (or all that are pinned, if those are more).
///
/// Never the query's own picture, a near-duplicate of it, its patient or its study. Errors where the index cannot be used as
/// the strategy needs it, or a pinned or excluded id is not in it.
pub fn find(index: &Index, query: &Query, plan: &Plan) -> Result<Found, IndexError> {
    let mut found = Found::default();
    if plan.strategy == Strategy::None {
        return Ok(found);
    }
    let chooser = choose::Chooser::new(index, query, plan)?;
    chooser.pinned(&mut found)?;
    let wanted = plan.shots.saturating_sub(found.shots.len());
    if plan.strategy != Strategy::Fixed && wanted > 0 {
        chooser.strategy(wanted, &mut found)?;
        if found.shots.len() < plan.shots {
            found.no_more = Some(chooser.why_no_more());
        }
    }
    for (i, shot) in found.shots.iter_mut().enumerate() {
        shot.rank = i + 1;
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
