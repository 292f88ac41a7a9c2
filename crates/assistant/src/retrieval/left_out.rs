//! What may not be a shot: the query's own pictures and their near-duplicates, and every example of their patients and studies.
//!
//! The query's picture is looked for by its file, by its vector and by its look. The examples that show it, and those of the
//! patient and study that were named, are the query's own; with them goes every example of their patients and studies, and every
//! example of nobody known that shows a picture of any of these. There it ends. Never follow a picture or a study on to another
//! patient: one placeholder that all patients have, or studies that overlap, would take the whole index away.

use std::collections::HashSet;
use std::sync::Arc;

use super::Query;
use rounds_imaging::looks_apart;
use rounds_index::vectors::Vectors;
use rounds_index::{Example, Filter, Index, IndexError, Search, With};
use rounds_model::encoder::Descriptor;
use rounds_support::sanitise::clean_line;

/// Similarity from which a picture counts as the query itself, re-encoded.
pub const SAME_PICTURE: f32 = 0.9995;
/// Pictures whose looks differ in at most so many bits are near-duplicates from this similarity on. Either alone is weak: chest
/// films of different people look alike at 32 x 32, and a small tower puts unlike films close together. Of 9.2 million pairs
/// of VQA-RAD, SLAKE and VQA-Med 2019 these take 300 to 400, added up from counted bands of similarity (shipped tower,
/// 2026-11-25): looked at, those above 0.8 were of one series, those below were mixed. A stranger that is left out costs
/// little, the query's own picture as a shot gives the answer away.
const NEAR: &[(u32, f32)] = &[(6, 0.6), (10, 0.85)];
/// The same for the descriptor, which is steadier under cropping and turning. Of 6.7 million pairs of VQA-Med 2019 these take
/// about 1,500; of 120 pictures each they find 113 turned by 5 degrees, 108 with a border of 5 %, 100 cropped by 5 %.
const NEAR_DESCRIPTORS: &[(u32, f32)] = &[(6, 0.6), (10, 0.85), (12, 0.88), (16, 0.92), (20, 0.94)];
/// The look alone decides where there is no vector to compare.
const NEAR_LOOK: u32 = 6;
/// A look that differs in more bits is another picture, however close its vector is.
const OTHER_LOOK: u32 = 16;
/// Neighbours looked through at a time for the query's own picture, and how often.
const NEAREST: usize = 32;
const ROUNDS: usize = 16;

/// Whether a picture whose look differs in `bits` from the query's, and whose vector is `score` similar, is the query's own.
fn is_same(near: &[(u32, f32)], bits: Option<u32>, score: Option<f32>) -> bool {
    match (bits, score) {
        (Some(bits), Some(score)) => {
            let within = |(most, least): &(u32, f32)| bits <= *most && score >= *least;
            near.iter().any(within) || (score >= SAME_PICTURE && bits <= OTHER_LOOK)
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
        };
        for (sha256, _) in query.images {
            out.picture(sha256)?;
        }
        let patient = out.all_of(With::Patient, query.patient.unwrap_or(""))?;
        let study = out.all_of(With::Study, query.study.unwrap_or(""))?;
        for number in patient.into_iter().chain(study) {
            out.own(number)?;
        }
        if out.vectors.is_some() {
            for vector in query.vectors {
                out.look_near(vector)?;
            }
        }
        out.look_alike()?;
        out.of_nobody()?;
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
            Some(_) => self.near().iter().map(|(bits, _)| *bits).max(),
            None => Some(NEAR_LOOK),
        };
        for (sha256, bits) in self.index.alike(&looks, most.unwrap_or(NEAR_LOOK))? {
            for number in self.index.numbers_with(With::Image, &sha256)? {
                // Most pictures that look a little alike are told apart by this, without reading their example.
                if bits <= NEAR_LOOK || is_same(self.near(), Some(bits), self.best_score(number)?) {
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
        if let Some(example) = self.index.example_if_there(number)? {
            for picture in self.own_pictures(&example)? {
                self.picture(&picture)?;
            }
        }
        Ok(())
    }

    /// SHA-256 of the pictures of an example that are the query's.
    fn own_pictures(&self, example: &Example) -> Result<Vec<String>, IndexError> {
        let score = self.best_score(example.number)?;
        let mut own = Vec::new();
        for (place, image) in example.images.iter().enumerate() {
            let score = score.filter(|_| place == 0);
            if is_same(self.near(), self.apart(&image.sha256)?, score) {
                own.push(image.sha256.clone());
            }
        }
        Ok(own)
    }

    /// How near is near, for the vectors that are compared.
    fn near(&self) -> &'static [(u32, f32)] {
        match self.query.encoder == Descriptor::id() {
            true => NEAR_DESCRIPTORS,
            false => NEAR,
        }
    }

    /// Bits in which a picture's look differs from the nearest one of the query; `None` where it has none.
    fn apart(&self, sha256: &str) -> Result<Option<u32>, IndexError> {
        let Some(look) = self.index.look(sha256)? else {
            return Ok(None);
        };
        let own = self.query.images.iter();
        Ok(own.map(|(_, own)| looks_apart(*own, look)).min())
    }

    /// A picture of the query: the examples that show it are its own.
    fn picture(&mut self, sha256: &str) -> Result<(), IndexError> {
        if !sha256.is_empty() && self.images.insert(sha256.to_string()) {
            for number in self.index.numbers_with(With::Image, sha256)? {
                self.own(number)?;
            }
        }
        Ok(())
    }

    /// An example of the query's own: its patient and its study are the query's, as far as they are known.
    fn own(&mut self, number: usize) -> Result<(), IndexError> {
        self.numbers.insert(number);
        if let Some(example) = self.index.example_if_there(number)? {
            self.all_of(With::Patient, &example.patient)?;
            self.all_of(With::Study, &example.study)?;
        }
        Ok(())
    }

    /// Leaves out every example of a patient or a study; gives those of a new one. An unknown one is nobody.
    fn all_of(&mut self, what: With, name: &str) -> Result<Vec<usize>, IndexError> {
        // As an index keeps them, so that a blank too many in a question hides nobody.
        let name = clean_line(name).trim().to_string();
        let known = match what {
            With::Study => &mut self.studies,
            _ => &mut self.patients,
        };
        if name.is_empty() || !known.insert(name.clone()) {
            return Ok(Vec::new());
        }
        let numbers = self.index.numbers_with(what, &name)?;
        self.numbers.extend(&numbers);
        Ok(numbers)
    }

    /// Examples without a patient that show a picture of what is left out: whose else should they be?
    fn of_nobody(&mut self) -> Result<(), IndexError> {
        let mut seen = HashSet::new();
        for number in self.numbers.clone() {
            let example = self.index.example_if_there(number)?;
            for image in example.into_iter().flat_map(|example| example.images) {
                if seen.insert(image.sha256.clone()) {
                    let nobodys = With::ImageOfNobody;
                    let found = self.index.numbers_with(nobodys, &image.sha256)?;
                    self.numbers.extend(found);
                }
            }
        }
        Ok(())
    }

    /// Numbers that are no shots.
    pub fn numbers(&self) -> &HashSet<usize> {
        &self.numbers
    }

    /// The last look at an example that is about to be a shot, whatever it was found by.
    pub fn allows_example(&self, example: &Example) -> Result<bool, IndexError> {
        let has_picture = |i: &rounds_index::ExampleImage| self.images.contains(&i.sha256);
        let known = self.numbers.contains(&example.number)
            || self.patients.contains(&example.patient)
            || self.studies.contains(&example.study)
            || example.images.iter().any(has_picture);
        // Found by its words, say: is it the query's picture all the same?
        Ok(!known && self.own_pictures(example)?.is_empty())
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
            assert_eq!(is_same(NEAR, bits, score), own, "{bits:?} {score:?}");
        }
        assert!(is_same(NEAR_DESCRIPTORS, Some(20), Some(0.95)));
        assert!(!is_same(NEAR_DESCRIPTORS, Some(21), Some(0.99)));
    }
}
