//! Rankings by image, by text, or by one against the other.

use std::collections::HashMap;

use super::{Chooser, Ranking, rrf};
use rounds_index::{Filter, Hit, IndexError, Search};

/// Hits that a fusion takes from each ranking.
const FUSED: usize = 1000;
/// Weight of the question against the image, measured on the tuning split of the shipped model.
const WORD_WEIGHT: f32 = 1.5;

impl Chooser<'_> {
    /// The images nearest to a vector.
    fn nearest(&self, k: usize, vector: &[f32]) -> Result<Vec<Hit>, IndexError> {
        let eligibility = &self.eligibility;
        let allowed = |n: usize| eligibility.allows(n);
        let few = eligibility.few();
        let filter = match &few {
            Some(few) => Filter::Rows(few),
            None => Filter::Fn(&allowed),
        };
        let (encoder, search) = (self.query.encoder, self.plan.search);
        let found = self.index.search(encoder, vector, k, &filter, search)?;
        if !self.search_used.get().is_some_and(Search::is_graph) {
            self.search_used.set(Some(found.by));
        }
        Ok(found.hits)
    }

    /// By image similarity, down to the floor.
    pub(crate) fn by_image(&self, k: usize) -> Result<Ranking, IndexError> {
        let Some(vector) = self.query.vectors.last() else {
            return Ok(Vec::new());
        };
        let mut hits = self.nearest(k, vector)?;
        if let Some(floor) = &self.floor {
            floor.truncate(&mut hits);
        }
        Ok(with_reason(hits, "image similarity"))
    }

    /// By the question's words.
    pub(crate) fn by_text(&self, k: usize) -> Result<Ranking, IndexError> {
        let allowed = |n: usize| self.eligibility.allows(n);
        let hits = self
            .index
            .fulltext_search(self.query.question, k, &allowed)?;
        Ok(hits
            .into_iter()
            .map(super::super::with_text_reason)
            .collect())
    }

    /// By image and text, with reciprocal rank fusion.
    pub(crate) fn hybrid(&self, k: usize) -> Result<Ranking, IndexError> {
        let hits =
            |ranked: Ranking| -> Vec<Hit> { ranked.into_iter().map(|(hit, _)| hit).collect() };
        let images = hits(self.by_image(FUSED.max(k))?);
        let texts = hits(self.by_text(FUSED.max(k))?);
        let mut both = rrf::fuse(&images, &texts);
        both.truncate(k);
        Ok(both)
    }

    /// By image and question together: the similarity of the image, from 0 for the least alike hit to 1 for the best, plus
    /// [`WORD_WEIGHT`] times the share of the best hit's BM25. Where an index has many questions about an image, an example then answers
    /// a question like the one asked.
    pub(crate) fn by_case(&self, k: usize) -> Result<Ranking, IndexError> {
        let images = self.by_image(FUSED.max(k))?;
        let texts = self.by_text(FUSED.max(k))?;
        let words: HashMap<usize, f32> =
            texts.iter().map(|(hit, _)| (hit.row, hit.score)).collect();
        let most = words.values().copied().fold(f32::MIN_POSITIVE, f32::max);
        let scores = images.iter().map(|(hit, _)| hit.score);
        let (low, high) = scores.fold((f32::MAX, f32::MIN), |(low, high), score| {
            (low.min(score), high.max(score))
        });
        let mut both: Ranking = images
            .into_iter()
            .map(|(hit, _)| {
                let image = (hit.score - low) / (high - low).max(1e-6);
                let text = words.get(&hit.row).copied().unwrap_or(0.0) / most;
                let score = image + WORD_WEIGHT * text;
                let reason = format!("image similarity {:.3}, question {text:.2}", hit.score);
                (
                    Hit {
                        row: hit.row,
                        score,
                    },
                    reason,
                )
            })
            .collect();
        both.sort_by(|a, b| b.0.score.total_cmp(&a.0.score).then(a.0.row.cmp(&b.0.row)));
        both.truncate(k);
        Ok(both)
    }

    /// The image against the examples' texts.
    pub(crate) fn image_to_texts(&self, k: usize) -> Result<Ranking, IndexError> {
        let Some(vector) = self.query.vectors.last() else {
            return Ok(Vec::new());
        };
        let eligibility = &self.eligibility;
        let allowed = |n: usize| eligibility.allows(n);
        let vectors = self.index.text_vectors(self.query.encoder)?;
        let hits = vectors.search(vector, k, &Filter::Fn(&allowed))?;
        Ok(with_reason(hits, "image-to-text similarity"))
    }

    /// The question against the examples' images.
    pub(crate) fn question_to_images(&self, k: usize) -> Result<Ranking, IndexError> {
        let vector = self.query.text.ok_or(IndexError::NoTextVectors)?;
        let hits = self.nearest(k, vector)?;
        Ok(with_reason(hits, "question-to-image similarity"))
    }
}

fn with_reason(hits: Vec<Hit>, what: &str) -> Ranking {
    let reason = |hit: Hit| (hit, format!("{what} {:.3}", hit.score));
    hits.into_iter().map(reason).collect()
}
