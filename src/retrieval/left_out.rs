//! What may not be a shot: the query's own pictures and their near-duplicates, and every example of their patients and studies.
//!
//! The query's picture is looked for by its file, by its vector and by its look; what belongs to it is followed from example
//! to example until nothing new is found. Never do that by calls within calls: a chain may be as long as the index.

use std::collections::HashSet;
use std::sync::Arc;

use super::Query;
use crate::imaging::looks_apart;
use crate::index::vectors::Vectors;
use crate::index::{Example, Filter, Index, IndexError, Search, With};
use crate::support::sanitise::clean_line;

/// Similarity from which a picture counts as the query itself, re-encoded.
pub const SAME_PICTURE: f32 = 0.9995;
/// Pictures whose looks differ in at most so many bits are near-duplicates from this similarity on. Either alone is weak: chest
/// films of different people look alike at 32 x 32, and a small tower puts unlike films close together. Of 9.2 million pairs
/// of VQA-RAD, SLAKE and VQA-Med 2019 these take 300 to 400, added up from counted bands of similarity (shipped tower,
/// 2026-11-25): looked at, those above 0.8 were of one series, those below were mixed. A stranger that is left out costs
/// little, the query's own picture as a shot gives the answer away.
const NEAR: [(u32, f32); 2] = [(6, 0.6), (10, 0.85)];
/// The look alone decides where there is no vector to compare.
const NEAR_LOOK: u32 = 6;
/// A look that differs in more bits is another picture, however close its vector is.
const OTHER_LOOK: u32 = 16;
/// Neighbours looked through at a time for the query's own picture, and how often.
const NEAREST: usize = 32;
const ROUNDS: usize = 16;

/// Whether a picture whose look differs in `bits` from the query's, and whose vector is `score` similar, is the query's own.
fn is_same(bits: Option<u32>, score: Option<f32>) -> bool {
    match (bits, score) {
        (Some(bits), Some(score)) => {
            let near = |(most, least): &(u32, f32)| bits <= *most && score >= *least;
            NEAR.iter().any(near) || (score >= SAME_PICTURE && bits <= OTHER_LOOK)
        }
        (Some(bits), None) => bits <= NEAR_LOOK,
        (None, score) => score.is_some_and(|score| score >= SAME_PICTURE),
    }
}

/// Keeps what is known of the query.
pub struct LeftOut<'a> {
    index: &'a Index,
    query: &'a Query<'a>,
    /// Where there are vectors to compare the query's with.
    vectors: Option<&'a Arc<Vectors>>,
    images: HashSet<String>,
    patients: HashSet<String>,
    studies: HashSet<String>,
    /// Every example of those.
    numbers: HashSet<usize>,
    /// Those of them that were not looked at yet.
    waiting: Vec<usize>,
}

impl<'a> LeftOut<'a> {
    pub fn new(index: &'a Index, query: &'a Query<'a>) -> Result<Self, IndexError> {
        let comparable = !query.vectors.is_empty() && index.encoder(query.encoder).is_ok();
        let vectors = comparable.then(|| index.vectors(query.encoder));
        let mut out = Self {
            index,
            query,
            vectors: vectors.transpose()?,
            images: HashSet::new(),
            patients: HashSet::new(),
            studies: HashSet::new(),
            numbers: HashSet::new(),
            waiting: Vec::new(),
        };
        for (sha256, _) in query.images {
            out.image(sha256)?;
        }
        out.owner(query.patient.unwrap_or(""), query.study.unwrap_or(""))?;
        out.follow()?;
        if out.vectors.is_some() {
            for vector in query.vectors {
                out.look_near(vector)?;
            }
        }
        out.look_alike()?;
        Ok(out)
    }

    /// Finds the query's picture by its vector under another name, as long as there are more of it.
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
            let before = self.numbers.len();
            for hit in hits.iter().filter(|hit| hit.score >= SAME_PICTURE) {
                self.take_if_own(hit.row)?;
            }
            if self.numbers.len() == before {
                break;
            }
        }
        Ok(())
    }

    /// Finds the query's picture by its look, wherever its vector ranks.
    fn look_alike(&mut self) -> Result<(), IndexError> {
        let looks: Vec<u64> = self.query.images.iter().map(|(_, look)| *look).collect();
        if looks.is_empty() {
            return Ok(());
        }
        let most = match self.vectors {
            Some(_) => NEAR.iter().map(|(bits, _)| *bits).max(),
            None => Some(NEAR_LOOK),
        };
        for (sha256, bits) in self.index.alike(&looks, most.unwrap_or(NEAR_LOOK))? {
            for number in self.index.numbers_with(With::Image, &sha256)? {
                // Most pictures that look a little alike are told apart by this, without reading their example.
                if bits <= NEAR_LOOK || is_same(Some(bits), self.best_score(number)?) {
                    self.take_if_own(number)?;
                }
            }
        }
        Ok(())
    }

    /// The best similarity of an example's first picture to a picture of the query.
    fn best_score(&self, number: usize) -> Result<Option<f32>, IndexError> {
        let Some(vectors) = self.vectors.filter(|v| number < v.rows()) else {
            return Ok(None);
        };
        let mut best = None;
        for vector in self.query.vectors {
            let score = vectors.score(vector, number)?;
            best = score.map(|score| best.map_or(score, |best: f32| best.max(score)));
        }
        Ok(best)
    }

    fn take_if_own(&mut self, number: usize) -> Result<(), IndexError> {
        if self.numbers.contains(&number) {
            return Ok(());
        }
        if let Some(example) = self.index.example_if_there(number)?
            && self.is_own(&example)?
        {
            self.found(vec![number]);
            self.follow()?;
        }
        Ok(())
    }

    /// Whether an example shows a picture of the query.
    fn is_own(&self, example: &Example) -> Result<bool, IndexError> {
        let score = self.best_score(example.number)?;
        for (place, image) in example.images.iter().enumerate() {
            let score = score.filter(|_| place == 0);
            if is_same(self.apart(&image.sha256)?, score) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Bits in which a picture's look differs from the nearest one of the query; `None` where it has none.
    fn apart(&self, sha256: &str) -> Result<Option<u32>, IndexError> {
        let Some(look) = self.index.look(sha256)? else {
            return Ok(None);
        };
        let own = self.query.images.iter();
        Ok(own.map(|(_, own)| looks_apart(*own, look)).min())
    }

    /// Leaves out all that hangs together with the examples that wait.
    fn follow(&mut self) -> Result<(), IndexError> {
        while let Some(number) = self.waiting.pop() {
            if let Some(example) = self.index.example_if_there(number)? {
                for image in &example.images {
                    self.image(&image.sha256)?;
                }
                self.owner(&example.patient, &example.study)?;
            }
        }
        Ok(())
    }

    fn found(&mut self, numbers: Vec<usize>) {
        for number in numbers {
            if self.numbers.insert(number) {
                self.waiting.push(number);
            }
        }
    }

    fn image(&mut self, sha256: &str) -> Result<(), IndexError> {
        if !sha256.is_empty() && self.images.insert(sha256.to_string()) {
            self.found(self.index.numbers_with(With::Image, sha256)?);
        }
        Ok(())
    }

    /// An unknown patient is nobody. What is found by a study may name the patient, and the other way round.
    fn owner(&mut self, patient: &str, study: &str) -> Result<(), IndexError> {
        // As an index keeps them, so that a blank too many in a question hides nobody.
        let kept = |name: &str| clean_line(name).trim().to_string();
        let (patient, study) = (kept(patient), kept(study));
        if !patient.is_empty() && self.patients.insert(patient.clone()) {
            self.found(self.index.numbers_with(With::Patient, &patient)?);
        }
        if !study.is_empty() && self.studies.insert(study.clone()) {
            self.found(self.index.numbers_with(With::Study, &study)?);
        }
        Ok(())
    }

    /// Numbers that are no shots.
    pub fn numbers(&self) -> &HashSet<usize> {
        &self.numbers
    }

    /// The last look at an example that is about to be a shot, whatever it was found by.
    pub fn allows_example(&self, example: &Example) -> Result<bool, IndexError> {
        let has_picture = |i: &crate::index::ExampleImage| self.images.contains(&i.sha256);
        let known = self.numbers.contains(&example.number)
            || self.patients.contains(&example.patient)
            || self.studies.contains(&example.study)
            || example.images.iter().any(has_picture);
        // Found by its words, say: is it the query's picture all the same?
        Ok(!known && !self.is_own(example)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_the_querys_by_look_and_vector_together_or_by_the_one_there_is() {
        for (bits, score, own) in [
            (Some(0), Some(0.59), false),
            (Some(6), Some(0.61), true),
            (Some(7), Some(0.61), false),
            (Some(10), Some(0.86), true),
            (Some(11), Some(0.99), false),
            (Some(16), Some(0.9996), true),
            (Some(17), Some(1.0), false),
            (Some(6), None, true),
            (Some(7), None, false),
            (None, Some(0.9996), true),
            (None, Some(0.999), false),
            (None, None, false),
        ] {
            assert_eq!(is_same(bits, score), own, "{bits:?} {score:?}");
        }
    }
}
