//! Random shots, by seed.

use super::Chooser;
use super::candidates::{Candidate, OnePerImage};
use rounds_index::IndexError;
use rounds_support::rng::Rng;

impl Chooser<'_> {
    /// At most `k` random candidates, one per image.
    pub(crate) fn random(&self, k: usize) -> Result<Vec<Candidate>, IndexError> {
        let mut rows = self.eligibility.all();
        Rng::new(self.query.seed).shuffle(&mut rows);
        let mut out = OnePerImage::default();
        for number in rows {
            if out.kept.len() == k {
                break;
            }
            if let Some(example) = self.allowed(number)?
                && out.is_new(&example)
            {
                out.push(Candidate {
                    example,
                    score: 0.0,
                    reason: format!("random with seed {}", self.query.seed),
                });
            }
        }
        Ok(out.kept)
    }
}
