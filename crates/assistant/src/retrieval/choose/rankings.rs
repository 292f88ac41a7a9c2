//! What a strategy ranks by: pictures, words, or one against the other.

use super::{Chooser, Ranking, fused};
use rounds_index::{Filter, Hit, IndexError, Search};

/// Examples that a fusion takes from each side.
const FUSED: usize = 1000;

impl Chooser<'_> {
    /// The nearest pictures to a vector.
    fn nearest(&self, k: usize, vector: &[f32]) -> Result<Vec<Hit>, IndexError> {
        let may_be = &self.may_be;
        let allowed = |n: usize| may_be.allows(n);
        let few = may_be.few();
        let filter = match &few {
            Some(few) => Filter::Rows(few),
            None => Filter::Fn(&allowed),
        };
        let (encoder, search) = (self.query.encoder, self.plan.search);
        let found = self.index.answer(encoder, vector, k, &filter, search)?;
        if self.answered.get() != Some(Search::Hnsw) {
            self.answered.set(Some(found.by));
        }
        Ok(found.hits)
    }

    /// By picture, as far as the floor.
    pub fn by_picture(&self, k: usize) -> Result<Ranking, IndexError> {
        let Some(vector) = self.query.vectors.last() else {
            return Ok(Vec::new());
        };
        let mut hits = self.nearest(k, vector)?;
        if let Some(floor) = &self.floor {
            floor.cut(&mut hits);
        }
        Ok(said(hits, "picture similarity"))
    }

    /// By the question's words.
    pub fn by_text(&self, k: usize) -> Result<Ranking, IndexError> {
        let allowed = |n: usize| self.may_be.allows(n);
        let hits = self.index.by_words(self.query.question, k, &allowed)?;
        Ok(hits.into_iter().map(super::super::by_words).collect())
    }

    /// By both, reciprocal ranks fused.
    pub fn hybrid(&self, k: usize) -> Result<Ranking, IndexError> {
        let hits =
            |ranked: Ranking| -> Vec<Hit> { ranked.into_iter().map(|(hit, _)| hit).collect() };
        let pictures = hits(self.by_picture(FUSED.max(k))?);
        let texts = hits(self.by_text(FUSED.max(k))?);
        let mut both = fused::fused(&pictures, &texts);
        both.truncate(k);
        Ok(both)
    }

    /// The picture against the examples' texts.
    pub fn to_texts(&self, k: usize) -> Result<Ranking, IndexError> {
        let Some(vector) = self.query.vectors.last() else {
            return Ok(Vec::new());
        };
        let may_be = &self.may_be;
        let allowed = |n: usize| may_be.allows(n);
        let vectors = self.index.text_vectors(self.query.encoder)?;
        let hits = vectors.search(vector, k, &Filter::Fn(&allowed))?;
        Ok(said(hits, "picture to text similarity"))
    }

    /// The question against the examples' pictures.
    pub fn to_pictures(&self, k: usize) -> Result<Ranking, IndexError> {
        let vector = self.query.text.ok_or(IndexError::NoTexts)?;
        let hits = self.nearest(k, vector)?;
        Ok(said(hits, "question to picture similarity"))
    }
}

fn said(hits: Vec<Hit>, what: &str) -> Ranking {
    let said = |hit: Hit| (hit, format!("{what} {:.3}", hit.score));
    hits.into_iter().map(said).collect()
}
