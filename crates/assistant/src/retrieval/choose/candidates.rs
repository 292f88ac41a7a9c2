//! From hits to candidates: the last look at each, and of a picture's examples one.

use std::collections::{HashMap, HashSet};

use super::{Chooser, Ranking};
use rounds_index::{Example, IndexError};

/// A hit with its example and what is said of it.
pub struct Candidate {
    pub example: Example,
    pub score: f32,
    pub reason: String,
}

/// The more similar first; ties by number.
pub fn most_similar_first(mut chosen: Vec<Candidate>) -> Vec<Candidate> {
    chosen.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then(a.example.number.cmp(&b.example.number))
    });
    chosen
}

/// Candidates in the order they came, one a picture.
#[derive(Default)]
pub struct OneAPicture {
    pub kept: Vec<Candidate>,
    /// Every picture, and the place of the candidate that shows it.
    places: HashMap<String, usize>,
}

impl OneAPicture {
    /// The place of the candidate that shows one of an example's pictures already.
    fn place(&self, example: &Example) -> Option<usize> {
        let mut images = example.images.iter();
        images.find_map(|image| self.places.get(&image.sha256).copied())
    }

    /// Whether no candidate shows a picture of it yet.
    pub fn is_new(&self, example: &Example) -> bool {
        self.place(example).is_none()
    }

    /// Takes one in. Where another shows the same picture it takes its place if it is as near and fits better.
    fn offer(&mut self, candidate: Candidate, fits: &dyn Fn(usize) -> f32) {
        let Some(place) = self.place(&candidate.example) else {
            return self.push(candidate);
        };
        let (new, score) = (&candidate.example, candidate.score);
        let is_better = self.kept.get(place).is_some_and(|kept| {
            kept.example.image() == new.image()
                && kept.score == score
                && fits(new.number) > fits(kept.example.number)
        });
        if is_better {
            self.places.retain(|_, other| *other != place);
            self.note(&candidate.example, place);
            if let Some(kept) = self.kept.get_mut(place) {
                *kept = candidate;
            }
        }
    }

    pub fn push(&mut self, candidate: Candidate) {
        self.note(&candidate.example, self.kept.len());
        self.kept.push(candidate);
    }

    fn note(&mut self, example: &Example, place: usize) {
        for image in &example.images {
            self.places.entry(image.sha256.clone()).or_insert(place);
        }
    }
}

impl Chooser<'_> {
    /// The candidates among some hits, in their order. Of a picture's examples that are equally near, the one whose question
    /// is nearest to the query's is taken.
    pub fn candidates(&self, hits: Ranking) -> Result<Vec<Candidate>, IndexError> {
        let question = self.by_question(&hits)?;
        let fits = |number: usize| question.get(&number).copied().unwrap_or(0.0);
        let mut out = OneAPicture::default();
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

    /// How near the questions of some hits are to the query's, by number.
    fn by_question(&self, hits: &Ranking) -> Result<HashMap<usize, f32>, IndexError> {
        let among: HashSet<usize> = hits.iter().map(|(hit, _)| hit.row).collect();
        let found = self
            .index
            .by_words(self.query.question, among.len(), &|n| among.contains(&n))?;
        Ok(found.into_iter().map(|hit| (hit.row, hit.score)).collect())
    }

    /// The example of a number, if it may be a shot and is there still.
    pub fn allowed(&self, number: usize) -> Result<Option<Example>, IndexError> {
        if let Some(floor) = &self.floor
            && !floor.lets_pass(number)?
        {
            return Ok(None);
        }
        match self.index.example_if_there(number)? {
            Some(example) if self.left_out.allows_example(&example)? => Ok(Some(example)),
            _ => Ok(None),
        }
    }
}
