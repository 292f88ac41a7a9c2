//! Turns hits into candidates: a final check of each, and one example per image.

use std::collections::{HashMap, HashSet};

use super::{Chooser, Ranking};
use rounds_index::{Example, IndexError};

/// A hit with its example and its reason.
pub(crate) struct Candidate {
    /// The example.
    pub example: Example,
    /// Score by the strategy.
    pub score: f32,
    /// Why it was found.
    pub reason: String,
}

/// Sorts by score, best first; ties by number.
pub(super) fn most_similar_first(mut chosen: Vec<Candidate>) -> Vec<Candidate> {
    chosen.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then(a.example.number.cmp(&b.example.number))
    });
    chosen
}

/// Candidates in the order they were added, one per image.
#[derive(Default)]
pub(super) struct OnePerImage {
    /// The candidates.
    pub kept: Vec<Candidate>,
    /// For every image, the position of the candidate that shows it.
    positions: HashMap<String, usize>,
}

impl OnePerImage {
    /// The position of the candidate that already shows one of the example's images.
    fn position(&self, example: &Example) -> Option<usize> {
        let mut images = example.images.iter();
        images.find_map(|image| self.positions.get(&image.sha256).copied())
    }

    /// Whether no candidate shows any of its images yet.
    pub(super) fn is_new(&self, example: &Example) -> bool {
        self.position(example).is_none()
    }

    /// Adds a candidate. If one with the same image exists, replaces it if the scores are equal and the new one fits better.
    fn offer(&mut self, candidate: Candidate, fits: &dyn Fn(usize) -> f32) {
        let Some(position) = self.position(&candidate.example) else {
            return self.push(candidate);
        };
        let (new, score) = (&candidate.example, candidate.score);
        let is_better = self.kept.get(position).is_some_and(|kept| {
            kept.example.image() == new.image()
                && kept.score == score
                && fits(new.number) > fits(kept.example.number)
        });
        if is_better {
            self.positions.retain(|_, other| *other != position);
            self.record(&candidate.example, position);
            if let Some(kept) = self.kept.get_mut(position) {
                *kept = candidate;
            }
        }
    }

    /// Adds a candidate without comparing.
    pub(super) fn push(&mut self, candidate: Candidate) {
        self.record(&candidate.example, self.kept.len());
        self.kept.push(candidate);
    }

    fn record(&mut self, example: &Example, position: usize) {
        for image in &example.images {
            self.positions
                .entry(image.sha256.clone())
                .or_insert(position);
        }
    }
}

impl Chooser<'_> {
    /// The candidates among `hits`, in their order. Of several equally similar examples of one image, takes the one whose
    /// question best matches the query's.
    pub(crate) fn candidates(&self, hits: Ranking) -> Result<Vec<Candidate>, IndexError> {
        let scores = self.question_scores(&hits)?;
        let fits = |number: usize| scores.get(&number).copied().unwrap_or(0.0);
        let mut out = OnePerImage::default();
        for (hit, reason) in hits {
            if let Some(example) = self.allowed(hit.row)? {
                let candidate = Candidate {
                    score: hit.score,
                    reason,
                    example,
                };
                out.offer(candidate, &fits);
            }
        }
        Ok(out.kept)
    }

    /// How well the questions of `hits` match the query's, by number.
    fn question_scores(&self, hits: &Ranking) -> Result<HashMap<usize, f32>, IndexError> {
        let among: HashSet<usize> = hits.iter().map(|(hit, _)| hit.row).collect();
        let found = self
            .index
            .fulltext_search(self.query.question, among.len(), &|n| among.contains(&n))?;
        Ok(found.into_iter().map(|hit| (hit.row, hit.score)).collect())
    }

    /// The example with this number, if it may be a shot and still exists.
    pub(crate) fn allowed(&self, number: usize) -> Result<Option<Example>, IndexError> {
        if let Some(floor) = &self.floor
            && !floor.passes(number)?
        {
            return Ok(None);
        }
        match self.index.find_example(number)? {
            Some(example) if self.browsing || self.leakage.allows(&example)? => Ok(Some(example)),
            _ => Ok(None),
        }
    }
}
