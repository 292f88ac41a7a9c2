//! Chooses which examples become shots, with the reason for each.
//!
//! A strategy ranks examples. One filter for all strategies (`leakage`) excludes the query's own image, its near-duplicates,
//! its patient and its study. Nothing here reads images or runs a model; vectors are passed in.

mod choose;
mod condition;
mod leakage;
mod listing;

use serde::{Deserialize, Serialize};

use rounds_index::{Example, Hit, Index, IndexError, Search};
use rounds_support::errors::count;

pub use condition::{Condition, ConditionError};
pub use listing::{ListQuery, list};

/// How shots are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Most similar image (RICES)
    Image,
    /// Best match of the question's words, in questions and with less weight in answers and tags (BM25)
    Text,
    /// Reciprocal rank fusion of both
    Hybrid,
    /// Similar images that differ from each other (maximal marginal relevance)
    Diverse,
    /// Similar images, with as many different answers as possible
    Balanced,
    /// At random, by seed
    Random,
    /// The pinned examples only
    Fixed,
    /// The image against the examples' texts (needs an encoder with a text tower)
    ImageToText,
    /// The question against the examples' images (needs an encoder with a text tower)
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

    /// Whether it compares vectors of the index.
    pub fn needs_vectors(self) -> bool {
        !matches!(self, Self::Text | Self::Random | Self::Fixed | Self::None)
    }
}

/// Order of the shots in the prompt.
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
    /// Its name for display and in provenance.
    pub fn name(self) -> &'static str {
        match self {
            Self::SimilarLast => "most similar last",
            Self::SimilarFirst => "most similar first",
            Self::Shuffled => "shuffled by seed",
        }
    }

    /// `shots` (most similar first) in prompt order.
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
    /// The example.
    pub example: Example,
    /// Cosine (image, diverse, balanced, cross-modal), BM25 (text), fused rank (hybrid), 0 (random, pinned).
    pub score: f32,
    /// 1 is the most similar.
    pub rank: usize,
    /// Why it was chosen.
    pub reason: String,
}

/// Reason of a pinned shot.
const PINNED: &str = "pinned";

impl Shot {
    /// Whether it was pinned, not chosen by a strategy.
    pub fn is_pinned(&self) -> bool {
        self.reason == PINNED
    }

    /// One line for display.
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

/// The query that shots are chosen for.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// SHA-256 of the encoder that made the vectors.
    pub encoder: &'a str,
    /// Unit vectors of the images; the last one is compared with the index.
    pub vectors: &'a [&'a [f32]],
    /// Unit vector of the question, if the encoder has a text tower.
    pub text: Option<&'a [f32]>,
    /// SHA-256 of the image files with their perceptual hashes; one image may have several.
    pub images: &'a [(String, u64)],
    /// The question.
    pub question: &'a str,
    /// The patient in the images, if known; this patient's examples are never shots.
    pub patient: Option<&'a str>,
    /// The study the images belong to, if known; its examples are never shots.
    pub study: Option<&'a str>,
    /// Seed of random shots.
    pub seed: u64,
}

/// How to choose shots.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Number of shots.
    pub shots: usize,
    /// How shots are ranked.
    pub strategy: Strategy,
    /// How the index is searched.
    pub search: Search,
    /// Minimum image similarity of a shot.
    pub floor: Option<f32>,
    /// Conditions that every shot must meet.
    pub filter: Vec<Condition>,
    /// Ids of examples that are always shots, in order of rank.
    pub pinned: Vec<String>,
    /// Ids of examples that are never shots.
    pub excluded: Vec<String>,
}

/// The chosen shots.
#[derive(Debug, Default)]
pub struct Found {
    /// The shots, most similar first; pinned ones before all others.
    pub shots: Vec<Shot>,
    /// What the user should know about the choice.
    pub notices: Vec<String>,
    /// The strategy that was used, if it is not the requested one.
    pub fallback: Option<Strategy>,
    /// Why there are fewer shots than requested.
    pub shortfall: Option<String>,
    /// The search that found the nearest images; `None` if there was none. `Hnsw` if the graph was used at least once.
    pub search: Option<Search>,
}

/// The number of shots for display: `2 of 4 shots`, or `5 shots` if more are pinned than were requested.
pub fn shot_count_text(found: usize, asked: usize) -> String {
    match found > asked {
        true => count(found, "shot"),
        false => format!("{found} of {}", count(asked, "shot")),
    }
}

/// A hit of full-text search with its reason.
fn with_text_reason(hit: Hit) -> (Hit, String) {
    let reason = format!(
        "matching words in question, answer or tags, BM25 {:.2}",
        hit.score
    );
    (hit, reason)
}

/// Chooses as [`find`], and adds a notice if there are fewer shots than requested.
pub fn retrieve(index: &Index, query: &Query, plan: &Plan) -> Result<Found, IndexError> {
    let mut found = find(index, query, plan)?;
    if let Some(why) = &found.shortfall {
        let shots = shot_count_text(found.shots.len(), plan.shots);
        let notice = match found.shots.is_empty() && why == choose::NO_MORE_MATCHES {
            true => "No matching examples found".to_string(),
            false => format!("{shots}: {why}"),
        };
        found.notices.push(notice);
    }
    Ok(found)
}

/// Chooses at most `plan.shots` shots (or all pinned ones, if those are more).
///
/// Never chooses the query's own image, a near-duplicate of it, its patient or its study. Errors if the index does not have
/// what the strategy needs, or a pinned or excluded id is not in it.
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
            found.shortfall = Some(chooser.shortfall_reason());
        }
    }
    for (i, shot) in found.shots.iter_mut().enumerate() {
        shot.rank = i + 1;
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
