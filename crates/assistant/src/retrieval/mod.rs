//! Chooses which examples become shots, with the reason for each.
//!
//! A strategy ranks examples. One filter for all strategies (`leakage`) excludes the query's own image, its near-duplicates,
//! its patient and its study. Nothing here reads images or runs a model; vectors are passed in.

mod choose;
mod condition;
mod leakage;
mod listing;

use crate::choices::choices;
use rounds_index::{Example, ExampleImage, Hit, Index, IndexError, Search};
use rounds_support::errors::count;

pub use condition::{Condition, ConditionError, condition_names};
pub use listing::{ListQuery, list};

choices! {
    /// How shots are chosen.
    pub enum Strategy {
        Auto "auto" "Case where an index has several questions about an image, otherwise image",
        Image "image" "Most similar image (RICES)",
        Text "text" "Best match of the question's words, in questions and with less weight in answers and tags (BM25)",
        Hybrid "hybrid" "Reciprocal rank fusion of both",
        Case "case" "Similar image and similar question together, each as far as it is alike",
        Diverse "diverse" "Similar images that differ from each other (maximal marginal relevance)",
        Balanced "balanced" "Similar images, with as many different answers as possible",
        Random "random" "At random, by seed",
        Fixed "fixed" "The pinned examples only",
        ImageToText "image-to-text" "The image against the examples' texts (needs an encoder with a text tower)",
        TextToImage "text-to-image" "The question against the examples' images (needs an encoder with a text tower)",
        None "none" "No shots",
    }
}

impl Strategy {
    /// Whether it compares vectors of the index.
    pub fn needs_vectors(self) -> bool {
        !matches!(self, Self::Text | Self::Random | Self::Fixed | Self::None)
    }
}

choices! {
    /// Order of the shots in the prompt.
    #[derive(Default)]
    pub enum Order {
        #[default]
        SimilarLast "similar-last" "Most similar last, next to the question",
        SimilarFirst "similar-first" "Most similar first",
        Shuffled "shuffled" "Shuffled by seed",
    }
}

impl Order {
    /// As provenance says it.
    pub fn words(self) -> &'static str {
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
    /// Cosine (image, diverse, balanced, cross-modal), BM25 (text), fused rank (hybrid), weighted sum (case), 0 (random). Of a pinned shot the
    /// cosine, with any strategy; 0 without an image to compare.
    pub score: f32,
    /// 1 is the most similar.
    pub rank: usize,
    /// Why it was chosen.
    pub reason: String,
    /// How much of the match with the question's image fell on this shot, from 0 to 1, all shots together 1: what steered a learner with
    /// match bias. `None` for other learners, and before an answer.
    pub match_share: Option<f32>,
}

/// Reason of a pinned shot.
const PINNED: &str = "pinned";
/// How the reason of a result begins that a question about its image would never get as a shot.
const SAME_IMAGE: &str = "the same image";
const SAME_PATIENT: &str = "the same patient or study";

impl Shot {
    /// Whether it was pinned, not chosen by a strategy.
    pub fn is_pinned(&self) -> bool {
        self.reason == PINNED
    }

    /// Whether it shows the image that [`browse`] was asked about.
    pub fn is_same_image(&self) -> bool {
        self.reason.starts_with(SAME_IMAGE)
    }

    /// Whether its score says anything: without a comparison (at random, or pinned for a question without an image) it is 0.
    pub fn has_score(&self) -> bool {
        self.score != 0.0
    }

    /// Its score for display, or that it was chosen without one.
    pub fn score_text(&self) -> String {
        match (self.has_score(), self.is_pinned()) {
            (true, _) => format!("{:.3}", self.score),
            (false, true) => PINNED.into(),
            (false, false) => "not compared".into(),
        }
    }

    /// One line for display.
    pub fn in_words(&self) -> String {
        let example = &self.example;
        format!(
            "{}  {}  Q: {}  A: {}  [{}; {}, {}]",
            example.id,
            self.score_text(),
            example.question,
            example.answer,
            self.reason,
            example.source,
            example.licence
        )
    }
}

/// Compares an image of the index with those of the query by their pixels.
pub type SamePixels<'a> = &'a dyn Fn(&ExampleImage) -> Option<bool>;

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
    /// Perceptual hashes of the images turned or inverted.
    pub altered: &'a [u64],
    /// Whether an image of the index shows what one of the images shows, by their pixels; `None` if that cannot be told.
    pub same_pixels: Option<SamePixels<'a>>,
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
    /// How many examples show the query's image or a near-duplicate, and were left out for that.
    pub shown_by: usize,
    /// Why there are fewer shots than requested.
    pub shortfall: Option<String>,
    /// The search that found the nearest images; `None` if there was none. A graph's if it was used at least once.
    pub search: Option<Search>,
}

/// The number of shots for display: `2 of 4 shots`, or `5 shots` if more are pinned than were requested.
fn shot_count_text(found: usize, asked: usize) -> String {
    match found > asked {
        true => count(found, "shot"),
        false => format!("{found} of {}", count(asked, "shot")),
    }
}

/// What stands above the list of shots: `2 of 4 shots:`, or a sentence if there are none to list. `dropped` shots did not fit in
/// the prompt.
pub fn shots_heading(strategy: Strategy, found: usize, asked: usize, dropped: usize) -> String {
    match (found, dropped) {
        (0, 0) if strategy == Strategy::None || asked == 0 => "no shots".into(),
        (0, 0) => "no shots were found".into(),
        (0, more) => format!("no shots, because {more} did not fit in the prompt"),
        (_, 0) => format!("{}:", shot_count_text(found, asked)),
        (_, more) => format!(
            "{} ({more} more did not fit in the prompt):",
            shot_count_text(found, asked)
        ),
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

/// What is said if no example matches.
pub const NOTHING_FOUND: &str = "No matching examples found";

/// That examples were left out because they show the question's image; `images` is the number of its images.
fn shown_notice(found: &Found, images: usize) -> Option<String> {
    let (verb, was) = match found.shown_by {
        0 => return None,
        1 => ("shows", "was"),
        _ => ("show", "were"),
    };
    let image = match images {
        0 | 1 => "this image",
        _ => "one of these images",
    };
    let examples = count(found.shown_by, "example");
    Some(format!(
        "{examples} {verb} {image} or a near-duplicate of it and {was} left out"
    ))
}

/// Chooses as [`find`], and adds notices if there are fewer shots than requested, or if the query's own image was left out.
pub fn retrieve(index: &Index, query: &Query, plan: &Plan) -> Result<Found, IndexError> {
    let mut found = find(index, query, plan)?;
    let notice = shown_notice(&found, query.vectors.len());
    found.notices.extend(notice);
    if let Some(why) = &found.shortfall {
        let shots = shot_count_text(found.shots.len(), plan.shots);
        let notice = match found.shots.is_empty() && why == choose::NO_MORE_MATCHES {
            true => NOTHING_FOUND.to_string(),
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
    choose_with(&mut choose::Chooser::new(index, query, plan)?, plan)
}

/// As [`find`], to look through an index: the query's own image, its near-duplicates, its patient and its study are found too,
/// and the reason says so. Never for shots, to which they would give the answer away.
pub fn browse(index: &Index, query: &Query, plan: &Plan) -> Result<Found, IndexError> {
    let mut chooser = choose::Chooser::browsing(index, query, plan)?;
    let mut found = choose_with(&mut chooser, plan)?;
    for shot in &mut found.shots {
        if let Some(relation) = chooser.relation(&shot.example)? {
            shot.reason = format!("{relation}; {}", shot.reason);
        }
    }
    Ok(found)
}

fn choose_with(chooser: &mut choose::Chooser, plan: &Plan) -> Result<Found, IndexError> {
    let mut found = Found::default();
    if plan.strategy == Strategy::None {
        return Ok(found);
    }
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
