//! Which examples become shots, and why.

use serde::Serialize;

use crate::index::{Exact, Example, Index, IndexError, NearestNeighbours};
use crate::phantom::rng::Rng;

/// How shots are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Most similar picture (RICES).
    Image,
    /// Most similar question.
    Text,
    /// Reciprocal rank fusion of both.
    Hybrid,
    /// By seed.
    Random,
    /// No shots.
    None,
}

impl Strategy {
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Image => "image",
            Strategy::Text => "text",
            Strategy::Hybrid => "hybrid",
            Strategy::Random => "random",
            Strategy::None => "none",
        }
    }
}

/// An example chosen for one prompt.
#[derive(Clone, Debug)]
pub struct Shot {
    pub example: Example,
    /// Cosine of the pictures (image), shared words (text), fused rank (hybrid), 0 (random).
    pub score: f32,
    /// 1 is the most similar.
    pub rank: usize,
    pub reason: String,
}

/// What is looked for.
pub struct Query<'a> {
    /// Unit vector of the (last) picture; `None` without one.
    pub vector: Option<&'a [f32]>,
    /// SHA-256 of the pictures' files: an example of the same picture is never a shot.
    pub images: &'a [String],
    pub question: &'a str,
    pub seed: u64,
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_string)
        .collect();
    words.sort();
    words.dedup();
    words
}

/// Shared words over all words of two texts (Jaccard), 0 to 1.
fn text_score(a: &[String], b: &[String]) -> f32 {
    let shared = a.iter().filter(|w| b.binary_search(w).is_ok()).count();
    let all = a.len() + b.len() - shared;
    if all == 0 {
        0.0
    } else {
        shared as f32 / all as f32
    }
}

/// Similarity above which a picture counts as the query itself, re-encoded.
const SAME_PICTURE: f32 = 0.9995;

/// Chooses at most `k` shots, best first.
///
/// Never the query's own picture (by hash, or by a vector that is all but equal).
pub fn retrieve(
    index: &Index,
    strategy: Strategy,
    query: &Query,
    k: usize,
) -> Result<Vec<Shot>, IndexError> {
    if k == 0 || strategy == Strategy::None {
        return Ok(Vec::new());
    }
    let count = index.examples.len();
    let by_image = match query.vector {
        Some(vector) => {
            Exact::new(index.vectors.clone(), index.dimension).search(vector, count, &|_| true)?
        }
        None => Vec::new(),
    };
    let mut similarity = vec![0f32; count];
    by_image
        .iter()
        .for_each(|hit| similarity[hit.row] = hit.score);
    let allowed = |row: usize| {
        !query.images.contains(&index.examples[row].image) && similarity[row] < SAME_PICTURE
    };
    let asked = words(query.question);
    let mut by_text: Vec<(usize, f32)> = (0..count)
        .map(|row| {
            (
                row,
                text_score(&asked, &words(&index.examples[row].question)),
            )
        })
        .collect();
    by_text.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let strategy = match (strategy, query.vector) {
        // Without a picture only the question can be compared.
        (Strategy::Image | Strategy::Hybrid, None) => Strategy::Text,
        (strategy, _) => strategy,
    };
    let ranked: Vec<(usize, f32, String)> = match strategy {
        Strategy::None => Vec::new(),
        Strategy::Image => by_image
            .iter()
            .map(|h| (h.row, h.score, format!("picture similarity {:.3}", h.score)))
            .collect(),
        Strategy::Text => by_text
            .iter()
            .map(|(row, score)| {
                (
                    *row,
                    *score,
                    format!("shares {:.0} % of the question's words", score * 100.0),
                )
            })
            .collect(),
        Strategy::Hybrid => {
            let mut fused = vec![0f32; count];
            by_image
                .iter()
                .enumerate()
                .for_each(|(i, h)| fused[h.row] += 1.0 / (61.0 + i as f32));
            by_text
                .iter()
                .enumerate()
                .for_each(|(i, (row, _))| fused[*row] += 1.0 / (61.0 + i as f32));
            let mut rows: Vec<usize> = (0..count).collect();
            rows.sort_by(|a, b| fused[*b].total_cmp(&fused[*a]).then(a.cmp(b)));
            rows.into_iter()
                .map(|row| {
                    (
                        row,
                        fused[row],
                        "picture and question ranks fused".to_string(),
                    )
                })
                .collect()
        }
        Strategy::Random => {
            let mut rows: Vec<usize> = (0..count).collect();
            Rng::new(query.seed).shuffle(&mut rows);
            rows.into_iter()
                .map(|row| (row, 0.0, format!("random with seed {}", query.seed)))
                .collect()
        }
    };
    Ok(ranked
        .into_iter()
        .filter(|(row, _, _)| allowed(*row))
        .take(k)
        .enumerate()
        .map(|(i, (row, score, reason))| Shot {
            example: index.examples[row].clone(),
            score,
            rank: i + 1,
            reason,
        })
        .collect())
}
