//! What may not be a shot: the query's own pictures and their near-duplicates, and every example of their patients and studies.

use std::collections::HashSet;

use super::Query;
use crate::imaging::looks_apart;
use crate::index::{Example, Filter, Index, IndexError, Search, With};
use crate::model::encoder::Descriptor;

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
/// The least of those similarities.
const NEAR_PICTURE: f32 = 0.6;
/// The look alone decides where there is no vector to compare.
const NEAR_LOOK: u32 = 6;
/// A look that differs in more bits is another picture, however close its vector is.
const OTHER_LOOK: u32 = 16;
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
                if self.is_own(&example, Some(hit.score))? {
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

    /// Whether an example shows the query's picture; `score` is the similarity of its first picture, where that is known.
    fn is_own(&self, example: &Example, score: Option<f32>) -> Result<bool, IndexError> {
        for (place, image) in example.images.iter().enumerate() {
            let score = score.filter(|_| place == 0);
            let own = match (self.apart(&image.sha256)?, score) {
                (Some(bits), Some(score)) => {
                    let mut near = self.near().iter();
                    near.any(|(most, least)| bits <= *most && score >= *least)
                        || (score >= SAME_PICTURE && bits <= OTHER_LOOK)
                }
                (Some(bits), None) => bits <= NEAR_LOOK,
                (None, score) => score.is_some_and(|score| score >= SAME_PICTURE),
            };
            if own {
                return Ok(true);
            }
        }
        Ok(false)
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

    /// An unknown patient is nobody. What is found by a study may name the patient, and the other way round.
    fn owner(&mut self, patient: &str, study: &str) -> Result<(), IndexError> {
        let mut found = Vec::new();
        if !patient.is_empty() && self.patients.insert(patient.to_string()) {
            found.extend(self.index.numbers_with(With::Patient, patient)?);
        }
        if !study.is_empty() && self.studies.insert(study.to_string()) {
            found.extend(self.index.numbers_with(With::Study, study)?);
        }
        for number in found {
            if self.numbers.insert(number) {
                let example = self.index.example(number)?;
                self.example(&example)?;
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
        let vectors = match self.index.vectors(self.query.encoder) {
            Ok(vectors) if !self.query.vectors.is_empty() => vectors,
            _ => return Ok(!self.is_own(example, None)?),
        };
        for vector in self.query.vectors {
            let score = vectors.score(vector, example.number)?;
            if self.is_own(example, score)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
