//! Excludes what must not be a shot: the query's own images, their near-duplicates, and all examples of their patients and
//! studies.
//!
//! The query's image is identified by file hash, by vector, by perceptual hash (also turned, mirrored, inverted and without its
//! border), and among the chosen shots by its pixels, which tell crops as well. The examples that show it, and those of the
//! given patient and study, are the query's own examples. All examples of their patients and studies are excluded too, and
//! every example without a patient that shares an image with any of these. It stops there. Never follow an image or a study
//! to another patient: a placeholder image that all patients share, or overlapping studies, would exclude the whole index.

use std::collections::HashSet;
use std::sync::Arc;

use super::Query;
use rounds_imaging::hamming;
use rounds_index::vectors::Vectors;
use rounds_index::{Example, ExampleImage, Filter, Index, IndexError, LookupBy, Search};
use rounds_model::encoder::Descriptor;
use rounds_scan::identity;
use rounds_support::sanitise::clean_line;

/// From this similarity on, an image counts as the query itself, re-encoded.
pub(super) const SAME_IMAGE: f32 = 0.9995;
/// Images whose perceptual hashes differ in at most this many bits are near-duplicates from this similarity on. Either alone is
/// weak: chest films of different people look alike at 32 x 32, and a small tower puts unlike films close together. Of 9.2
/// million pairs from VQA-RAD, SLAKE and VQA-Med 2019 these thresholds match 300 to 400, summed over bands of similarity
/// (shipped tower, 2026-11-25). On inspection, pairs above 0.8 were of one series, those below were mixed. Excluding an
/// unrelated example costs little; the query's own image as a shot would give the answer away.
const DUPLICATE_THRESHOLDS: &[(u32, f32)] = &[(6, 0.6), (10, 0.85)];
/// The same for the descriptor, which is more robust to cropping and rotation. Of 6.7 million pairs from VQA-Med 2019 these
/// match about 1,500; of 120 images each they find 113 rotated by 5 degrees, 108 with a border of 5 %, 100 cropped by 5 %.
const DESCRIPTOR_DUPLICATE_THRESHOLDS: &[(u32, f32)] =
    &[(6, 0.6), (10, 0.85), (12, 0.88), (16, 0.92), (20, 0.94)];
/// Without a vector to compare, at most this many different bits count as a near-duplicate.
const MAX_DUPLICATE_BITS: u32 = 6;
/// With more different bits it is another image, however close its vector is.
const MAX_SAME_IMAGE_BITS: u32 = 16;
/// Images whose pixels are compared because they look like the query turned or inverted, at most. Among images of other people
/// that is one in 6,000 (VQA-RAD and SLAKE), so in a large index the most similar are enough.
const MAX_COMPARED: usize = 16;
/// The tag of an imported scan's series.
const SERIES_TAG: &str = "series";
/// Neighbours checked per round for the query's own image, and the most rounds.
const NEIGHBOURS_PER_ROUND: usize = 32;
const MAX_ROUNDS: usize = 16;

/// Whether an image is the query's own, by the different `bits` of its perceptual hash and the similarity `score` of its
/// vector.
fn is_same(thresholds: &[(u32, f32)], bits: Option<u32>, score: Option<f32>) -> bool {
    match (bits, score) {
        (Some(bits), Some(score)) => {
            let within =
                |(max_bits, min_score): &(u32, f32)| bits <= *max_bits && score >= *min_score;
            thresholds.iter().any(within) || (score >= SAME_IMAGE && bits <= MAX_SAME_IMAGE_BITS)
        }
        (Some(bits), None) => bits <= MAX_DUPLICATE_BITS,
        (None, score) => score.is_some_and(|score| score >= SAME_IMAGE),
    }
}

/// The examples that would leak the answer of a query.
pub(super) struct LeakageFilter<'a> {
    index: &'a Index,
    query: &'a Query<'a>,
    /// Vectors to compare with those of the query, if there are any.
    vectors: Option<&'a Arc<Vectors>>,
    /// Hashes of the query's own images.
    images: HashSet<String>,
    /// Numbers of the examples that show one of them.
    shown: HashSet<usize>,
    /// Hashes of images whose pixels were compared with the query's.
    compared: HashSet<String>,
    patients: HashSet<String>,
    studies: HashSet<String>,
    /// Numbers of all excluded examples.
    excluded: HashSet<usize>,
}

impl<'a> LeakageFilter<'a> {
    /// Finds everything to exclude for `query`.
    pub(super) fn new(index: &'a Index, query: &'a Query<'a>) -> Result<Self, IndexError> {
        let comparable = !query.vectors.is_empty() && index.encoder(query.encoder).is_ok();
        let vectors = comparable.then(|| index.vectors(query.encoder));
        let mut out = Self {
            index,
            query,
            vectors: vectors.transpose()?,
            images: HashSet::new(),
            shown: HashSet::new(),
            compared: HashSet::new(),
            patients: HashSet::new(),
            studies: HashSet::new(),
            excluded: HashSet::new(),
        };
        for (sha256, _) in query.images {
            out.add_query_image(sha256)?;
        }
        out.exclude_named(LookupBy::Patient, query.patient.unwrap_or(""))?;
        out.exclude_named(LookupBy::Study, query.study.unwrap_or(""))?;
        if out.vectors.is_some() {
            for vector in query.vectors {
                out.find_by_vector(vector)?;
            }
        }
        out.find_by_phash()?;
        out.find_altered()?;
        out.exclude_shared_without_patient()?;
        Ok(out)
    }

    /// Excludes the examples of the patient or study that a question names: as it is written, as the codes of scans, and as an
    /// imported scan would be coded that states this name.
    fn exclude_named(&mut self, what: LookupBy, text: &str) -> Result<(), IndexError> {
        // Normalise like the index does, so that extra spaces around a name do not hide its examples.
        let text = clean_line(text);
        let (codes, name) = identity::split(&text);
        let mut numbers = self.exclude_all(what, &name)?;
        let has_scans = self.index.has_scans()?;
        let coded: Vec<String> = match what {
            _ if name.is_empty() || !has_scans => Vec::new(),
            LookupBy::Study => vec![
                identity::code(identity::Kind::Study, &name),
                identity::code(identity::Kind::Series, &name),
            ],
            _ => vec![identity::code(identity::Kind::Patient, &name)],
        };
        for code in codes.into_iter().chain(coded.iter().map(String::as_str)) {
            for stored in self.index.stored_codes(code)? {
                numbers.extend(self.exclude_all(what, &stored)?);
                if what == LookupBy::Study {
                    numbers.extend(self.index.numbers_by_tag(SERIES_TAG, &stored)?);
                }
            }
        }
        for number in numbers {
            self.add_query_example(number)?;
        }
        Ok(())
    }

    /// Finds copies of the query's image by vector, round after round while there are more.
    fn find_by_vector(&mut self, vector: &[f32]) -> Result<(), IndexError> {
        for _ in 0..MAX_ROUNDS {
            let hits = {
                let (living, excluded) = (self.index.live_rows(), &self.excluded);
                let allowed = |n: usize| living.has(n) && !excluded.contains(&n);
                let filter = Filter::Fn(&allowed);
                let encoder = self.query.encoder;
                self.index.nearest(
                    encoder,
                    vector,
                    NEIGHBOURS_PER_ROUND,
                    &filter,
                    Search::Exact,
                )?
            };
            let before = self.excluded.len();
            for hit in hits.iter().filter(|hit| hit.score >= SAME_IMAGE) {
                self.exclude_if_same_image(hit.row)?;
            }
            if self.excluded.len() == before {
                break;
            }
        }
        Ok(())
    }

    /// Finds copies of the query's image by perceptual hash, wherever their vectors rank.
    fn find_by_phash(&mut self) -> Result<(), IndexError> {
        let phashes: Vec<u64> = self.query.images.iter().map(|(_, phash)| *phash).collect();
        if phashes.is_empty() {
            return Ok(());
        }
        let max_bits = match self.vectors {
            Some(_) => self.thresholds().iter().map(|(bits, _)| *bits).max(),
            None => Some(MAX_DUPLICATE_BITS),
        };
        for (sha256, bits) in self
            .index
            .similar_images(&phashes, max_bits.unwrap_or(MAX_DUPLICATE_BITS))?
        {
            for number in self.index.numbers_by(LookupBy::Image, &sha256)? {
                // This rules out most similar images without reading their examples.
                if bits <= MAX_DUPLICATE_BITS
                    || is_same(self.thresholds(), Some(bits), self.best_score(number)?)
                {
                    self.exclude_if_same_image(number)?;
                }
            }
        }
        Ok(())
    }

    /// Finds copies of the query's image that are turned or inverted. Their vectors are others, so pixels decide.
    fn find_altered(&mut self) -> Result<(), IndexError> {
        if self.query.altered.is_empty() {
            return Ok(());
        }
        let mut similar = self
            .index
            .similar_images(self.query.altered, MAX_DUPLICATE_BITS)?;
        similar.sort_by_key(|(_, bits)| *bits);
        for (sha256, _) in similar.into_iter().take(MAX_COMPARED) {
            let numbers = self.index.numbers_by(LookupBy::Image, &sha256)?;
            let Some(number) = numbers.first() else {
                continue;
            };
            let Some(example) = self.index.find_example(*number)? else {
                continue;
            };
            let image = example.images.iter().find(|image| image.sha256 == sha256);
            // Without pixels to compare, such a hash is the best there is.
            if image.is_some_and(|image| self.same_pixels(image).unwrap_or(true)) {
                self.add_query_image(&sha256)?;
            }
        }
        Ok(())
    }

    /// Whether an image has the query's pixels; `None` if they cannot be compared.
    fn same_pixels(&mut self, image: &ExampleImage) -> Option<bool> {
        self.compared.insert(image.sha256.clone());
        self.query.same_pixels.and_then(|same| same(image))
    }

    /// Compares the pixels of examples that are about to become shots with the query's, and excludes those that show it, as
    /// well as their patients and studies. Returns whether there were any.
    pub(super) fn exclude_if_shown<'e>(
        &mut self,
        examples: impl Iterator<Item = &'e Example>,
    ) -> Result<bool, IndexError> {
        let before = self.images.len();
        for image in examples.flat_map(|example| &example.images) {
            let is_new = !self.compared.contains(&image.sha256);
            if is_new && self.same_pixels(image) == Some(true) {
                self.add_query_image(&image.sha256)?;
            }
        }
        let found = self.images.len() > before;
        if found {
            self.exclude_shared_without_patient()?;
        }
        Ok(found)
    }

    /// How many examples show an image of the query.
    pub(super) fn shown_count(&self) -> usize {
        self.shown.len()
    }

    /// The best similarity of an example's first image to an image of the query.
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

    /// Excludes an example if it shows an image of the query.
    fn exclude_if_same_image(&mut self, number: usize) -> Result<(), IndexError> {
        if self.excluded.contains(&number) {
            return Ok(());
        }
        if let Some(example) = self.index.find_example(number)? {
            for sha256 in self.query_images_in(&example)? {
                self.add_query_image(&sha256)?;
            }
        }
        Ok(())
    }

    /// SHA-256 of those images of an example that are the query's.
    fn query_images_in(&self, example: &Example) -> Result<Vec<String>, IndexError> {
        let score = self.best_score(example.number)?;
        let mut found = Vec::new();
        for (position, image) in example.images.iter().enumerate() {
            // Only an example's first image has a vector.
            let score = score.filter(|_| position == 0);
            if is_same(self.thresholds(), self.min_distance(&image.sha256)?, score) {
                found.push(image.sha256.clone());
            }
        }
        Ok(found)
    }

    /// The near-duplicate thresholds of the encoder in use.
    fn thresholds(&self) -> &'static [(u32, f32)] {
        match self.query.encoder == Descriptor::id() {
            true => DESCRIPTOR_DUPLICATE_THRESHOLDS,
            false => DUPLICATE_THRESHOLDS,
        }
    }

    /// The smallest distance in bits between an image's perceptual hash and those of the query; `None` if it has no hash.
    fn min_distance(&self, sha256: &str) -> Result<Option<u32>, IndexError> {
        let Some(phash) = self.index.phash(sha256)? else {
            return Ok(None);
        };
        let queried = self.query.images.iter();
        Ok(queried.map(|(_, own)| hamming(*own, phash)).min())
    }

    /// Adds an image of the query and the examples that show it.
    fn add_query_image(&mut self, sha256: &str) -> Result<(), IndexError> {
        if !sha256.is_empty() && self.images.insert(sha256.to_string()) {
            for number in self.index.numbers_by(LookupBy::Image, sha256)? {
                self.shown.insert(number);
                self.add_query_example(number)?;
            }
        }
        Ok(())
    }

    /// Adds one of the query's own examples: excludes all examples of its patient and its study, if known.
    fn add_query_example(&mut self, number: usize) -> Result<(), IndexError> {
        self.excluded.insert(number);
        if let Some(example) = self.index.find_example(number)? {
            self.exclude_all(LookupBy::Patient, &example.patient)?;
            self.exclude_all(LookupBy::Study, &example.study)?;
        }
        Ok(())
    }

    /// Excludes every example of a patient or a study, and returns them if it is a new one. An empty name has no examples.
    fn exclude_all(&mut self, what: LookupBy, name: &str) -> Result<Vec<usize>, IndexError> {
        let name = clean_line(name).trim().to_string();
        let known = match what {
            LookupBy::Study => &mut self.studies,
            _ => &mut self.patients,
        };
        if name.is_empty() || !known.insert(name.clone()) {
            return Ok(Vec::new());
        }
        let numbers = self.index.numbers_by(what, &name)?;
        self.excluded.extend(&numbers);
        Ok(numbers)
    }

    /// Excludes examples without a patient that share an image with an excluded example; they most likely belong to it.
    fn exclude_shared_without_patient(&mut self) -> Result<(), IndexError> {
        let mut seen = HashSet::new();
        for number in self.excluded.clone() {
            let example = self.index.find_example(number)?;
            for image in example.into_iter().flat_map(|example| example.images) {
                if seen.insert(image.sha256.clone()) {
                    let without_patient = LookupBy::ImageWithoutPatient;
                    let found = self.index.numbers_by(without_patient, &image.sha256)?;
                    self.excluded.extend(found);
                }
            }
        }
        Ok(())
    }

    /// Numbers of the excluded examples.
    pub(super) fn excluded(&self) -> &HashSet<usize> {
        &self.excluded
    }

    /// The final check of an example that is about to become a shot, however it was found.
    pub(super) fn allows(&self, example: &Example) -> Result<bool, IndexError> {
        let known = self.excluded.contains(&example.number)
            || self.patients.contains(&example.patient)
            || self.studies.contains(&example.study);
        Ok(!known && !self.shows_query(example)?)
    }

    /// Whether an example shows an image of the query; one found by its text may show it, too.
    pub(super) fn shows_query(&self, example: &Example) -> Result<bool, IndexError> {
        let known = |i: &ExampleImage| self.images.contains(&i.sha256);
        Ok(example.images.iter().any(known) || !self.query_images_in(example)?.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_the_querys_by_phash_and_vector_together_or_by_the_only_one_known() {
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
            assert_eq!(
                is_same(DUPLICATE_THRESHOLDS, bits, score),
                own,
                "{bits:?} {score:?}"
            );
        }
        assert!(is_same(
            DESCRIPTOR_DUPLICATE_THRESHOLDS,
            Some(20),
            Some(0.95)
        ));
        assert!(!is_same(
            DESCRIPTOR_DUPLICATE_THRESHOLDS,
            Some(21),
            Some(0.99)
        ));
    }
}
