//! What may not be a shot: the query's own pictures and their near-duplicates, and every example of their patients and studies.

use std::collections::HashSet;

use super::Query;
use crate::imaging::looks_apart;
use crate::index::{Example, Filter, Index, IndexError, Search, With};

/// Similarity from which a picture counts as the query itself, re-encoded.
pub const SAME_PICTURE: f32 = 0.9995;
/// A picture that is this similar and whose perceptual hash differs in few bits is a near-duplicate. Either alone is weak:
/// chest films of different people look alike at 32 x 32, and a small tower puts unlike films close together.
pub const NEAR_PICTURE: f32 = 0.97;
pub const NEAR_LOOK: u32 = 6;
/// Neighbours looked through at a time for the query's own picture, and how often.
const NEAREST: usize = 32;
const ROUNDS: usize = 16;

/// Keeps what is known of the query.
pub struct LeftOut<'a> {
    index: &'a Index,
    query: &'a Query<'a>,
    images: HashSet<String>,
    patients: HashSet<String>,
    studies: HashSet<String>,
    /// Every example of those.
    numbers: HashSet<usize>,
}

impl<'a> LeftOut<'a> {
    pub fn new(index: &'a Index, query: &'a Query<'a>, vectors: bool) -> Result<Self, IndexError> {
        let mut out = Self {
            index,
            query,
            images: HashSet::new(),
            patients: HashSet::new(),
            studies: HashSet::new(),
            numbers: HashSet::new(),
        };
        for (sha256, _) in query.images {
            out.image(sha256)?;
        }
        out.owner(query.patient.unwrap_or(""), query.study.unwrap_or(""))?;
        if vectors {
            for vector in query.vectors {
                out.look_near(vector)?;
            }
        }
        Ok(out)
    }

    /// Finds the query's picture under another name, as long as there are more of it.
    fn look_near(&mut self, vector: &[f32]) -> Result<(), IndexError> {
        for _ in 0..ROUNDS {
            let hits = {
                let (living, own) = (self.index.living(), &self.numbers);
                let allowed = |n: usize| living.has(n) && !own.contains(&n);
                let filter = Filter::Fn(&allowed);
                let encoder = self.query.encoder;
                self.index
                    .nearest(encoder, vector, NEAREST, &filter, Search::Exact)?
            };
            let mut found = false;
            for hit in hits.iter().filter(|hit| hit.score >= NEAR_PICTURE) {
                if self.numbers.contains(&hit.row) {
                    continue;
                }
                let example = self.index.example(hit.row)?;
                if hit.score >= SAME_PICTURE || self.looks_like(&example)? {
                    found = true;
                    self.example(&example)?;
                }
            }
            if !found {
                break;
            }
        }
        Ok(())
    }

    fn looks_like(&self, example: &Example) -> Result<bool, IndexError> {
        for image in &example.images {
            let Some(look) = self.index.look(&image.sha256)? else {
                continue;
            };
            let near = |(_, own): &(String, u64)| looks_apart(*own, look) <= NEAR_LOOK;
            if self.query.images.iter().any(near) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn example(&mut self, example: &Example) -> Result<(), IndexError> {
        self.numbers.insert(example.number);
        for image in &example.images {
            self.image(&image.sha256)?;
        }
        self.owner(&example.patient, &example.study)
    }

    fn image(&mut self, sha256: &str) -> Result<(), IndexError> {
        if !sha256.is_empty() && self.images.insert(sha256.to_string()) {
            for number in self.index.numbers_with(With::Image, sha256)? {
                if self.numbers.insert(number) {
                    let example = self.index.example(number)?;
                    self.owner(&example.patient, &example.study)?;
                }
            }
        }
        Ok(())
    }

    /// An unknown patient is nobody.
    fn owner(&mut self, patient: &str, study: &str) -> Result<(), IndexError> {
        if !patient.is_empty() && self.patients.insert(patient.to_string()) {
            let all = self.index.numbers_with(With::Patient, patient)?;
            self.numbers.extend(all);
        }
        if !study.is_empty() && self.studies.insert(study.to_string()) {
            let all = self.index.numbers_with(With::Study, study)?;
            self.numbers.extend(all);
        }
        Ok(())
    }

    /// Numbers that are no shots.
    pub fn numbers(&self) -> &HashSet<usize> {
        &self.numbers
    }

    /// The last look at an example that is about to be a shot, whatever it was found by.
    pub fn allows_example(&self, example: &Example) -> Result<bool, IndexError> {
        if self.numbers.contains(&example.number)
            || self.patients.contains(&example.patient)
            || self.studies.contains(&example.study)
            || example
                .images
                .iter()
                .any(|i| self.images.contains(&i.sha256))
        {
            return Ok(false);
        }
        // Found by its words, say: is it the query's picture all the same?
        if !self.looks_like(example)? {
            return Ok(true);
        }
        let Ok(vectors) = self.index.vectors(self.query.encoder) else {
            // Without vectors the look alone decides.
            return Ok(false);
        };
        for vector in self.query.vectors {
            if vectors
                .score(vector, example.number)?
                .is_some_and(|s| s >= NEAR_PICTURE)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
