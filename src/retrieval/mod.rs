//! Which examples become shots, and why.

use serde::Serialize;

use std::collections::{BTreeMap, HashSet};

use crate::index::{Example, Hit, Index, IndexError, NearestNeighbours, Search};
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
    /// Cosine of the pictures (image), BM25 (text), fused rank (hybrid), 0 (random).
    pub score: f32,
    /// 1 is the most similar.
    pub rank: usize,
    pub reason: String,
}

/// What is looked for.
pub struct Query<'a> {
    /// Unit vectors of the pictures; the last is compared with the index.
    pub vectors: &'a [&'a [f32]],
    /// SHA-256 of the pictures' files.
    pub images: &'a [String],
    pub question: &'a str,
    /// Whose pictures they are, where known: no example of the patient or the study is a shot.
    pub patient: Option<&'a str>,
    pub study: Option<&'a str>,
    pub seed: u64,
}

/// Similarity above which a picture counts as the query itself, re-encoded.
const SAME_PICTURE: f32 = 0.9995;
/// Neighbours looked through for the query's own picture, and ranks that a fusion takes from each side.
const NEAREST: usize = 32;
const FUSED: usize = 200;

/// What may not be a shot: the query's own pictures, and every example of their patients and studies.
struct LeftOut<'a> {
    images: HashSet<&'a str>,
    patients: HashSet<&'a str>,
    studies: HashSet<&'a str>,
}

impl<'a> LeftOut<'a> {
    fn new(
        index: &'a Index,
        near: &dyn NearestNeighbours,
        query: &Query<'a>,
    ) -> Result<Self, IndexError> {
        let mut out = Self {
            images: query.images.iter().map(String::as_str).collect(),
            patients: query.patient.into_iter().collect(),
            studies: query.study.into_iter().collect(),
        };
        let mut own: Vec<&Example> = Vec::new();
        for vector in query.vectors {
            let hits = near.search(vector, NEAREST, &|_| true)?;
            let same = hits.iter().filter(|hit| hit.score >= SAME_PICTURE);
            own.extend(same.map(|hit| &index.examples[hit.row]));
        }
        own.extend(
            index
                .examples
                .iter()
                .filter(|e| query.images.contains(&e.image)),
        );
        for example in own {
            out.images.insert(&example.image);
            out.patients.insert(&example.patient);
            out.studies.insert(&example.study);
        }
        // Unknown is nobody.
        for known in [&mut out.images, &mut out.patients, &mut out.studies] {
            known.remove("");
        }
        Ok(out)
    }

    fn allows(&self, example: &Example) -> bool {
        !self.images.contains(example.image.as_str())
            && !self.patients.contains(example.patient.as_str())
            && !self.studies.contains(example.study.as_str())
    }
}

/// Chooses at most `k` shots, best first; fewer where no more fit.
///
/// Never the query's own picture (by hash, or by a vector that is all but equal), its patient or its study.
pub fn retrieve(
    index: &Index,
    search: Search,
    strategy: Strategy,
    query: &Query,
    k: usize,
) -> Result<Vec<Shot>, IndexError> {
    if k == 0 || strategy == Strategy::None {
        return Ok(Vec::new());
    }
    let near = index.neighbours(search)?;
    let left_out = LeftOut::new(index, near, query)?;
    let allowed = |row: usize| left_out.allows(&index.examples[row]);
    let by_image = |k: usize| match query.vectors.last() {
        Some(vector) => near.search(vector, k, &allowed),
        None => Ok(Vec::new()),
    };
    let strategy = match (strategy, query.vectors.is_empty()) {
        // Without a picture only the question can be compared.
        (Strategy::Image | Strategy::Hybrid, true) => Strategy::Text,
        (strategy, _) => strategy,
    };
    let ranked: Vec<(Hit, String)> = match strategy {
        Strategy::None => Vec::new(),
        Strategy::Image => by_image(k)?
            .into_iter()
            .map(|h| (h, format!("picture similarity {:.3}", h.score)))
            .collect(),
        Strategy::Text => index
            .words()?
            .search(query.question, k, &allowed)?
            .into_iter()
            .map(|h| (h, format!("question text, BM25 {:.2}", h.score)))
            .collect(),
        Strategy::Hybrid => fused(
            &by_image(FUSED.max(k))?,
            &index
                .words()?
                .search(query.question, FUSED.max(k), &allowed)?,
        ),
        Strategy::Random => {
            let mut rows: Vec<usize> = (0..index.examples.len()).filter(|r| allowed(*r)).collect();
            Rng::new(query.seed).shuffle(&mut rows);
            rows.into_iter()
                .map(|row| {
                    (
                        Hit { row, score: 0.0 },
                        format!("random with seed {}", query.seed),
                    )
                })
                .collect()
        }
    };
    Ok(ranked
        .into_iter()
        .take(k)
        .enumerate()
        .map(|(i, (hit, reason))| Shot {
            example: index.examples[hit.row].clone(),
            score: hit.score,
            rank: i + 1,
            reason,
        })
        .collect())
}

/// Reciprocal rank fusion with the constant 60 (Cormack, Clarke and Buettcher 2009), best first; ties by row.
fn fused(by_image: &[Hit], by_text: &[Hit]) -> Vec<(Hit, String)> {
    let mut ranks: BTreeMap<usize, [Option<usize>; 2]> = BTreeMap::new();
    for (side, hits) in [by_image, by_text].into_iter().enumerate() {
        for (i, hit) in hits.iter().enumerate() {
            ranks.entry(hit.row).or_default()[side] = Some(i + 1);
        }
    }
    let mut out: Vec<(Hit, String)> = ranks
        .into_iter()
        .map(|(row, ranks)| {
            let score = ranks.iter().flatten().map(|r| 1.0 / (60.0 + *r as f32));
            let place = |r: Option<usize>| r.map_or("-".to_string(), |r| r.to_string());
            (
                Hit {
                    row,
                    score: score.sum(),
                },
                format!(
                    "ranks fused: picture {}, text {}",
                    place(ranks[0]),
                    place(ranks[1])
                ),
            )
        })
        .collect();
    out.sort_by(|a, b| b.0.score.total_cmp(&a.0.score).then(a.0.row.cmp(&b.0.row)));
    out
}

#[cfg(test)]
mod tests;
