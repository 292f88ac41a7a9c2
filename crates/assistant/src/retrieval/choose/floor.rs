//! The least similarity to the query's picture that a shot must have, whatever it is found by.

use std::cell::Cell;
use std::sync::Arc;

use super::super::{Plan, Query};
use rounds_index::vectors::Vectors;
use rounds_index::{Hit, Index, IndexError};

/// The floor of a plan, where there is a picture to compare.
pub struct Floor<'a> {
    pub least: f32,
    vectors: &'a Arc<Vectors>,
    vector: &'a [f32],
    met: Cell<bool>,
}

impl<'a> Floor<'a> {
    pub fn new(
        index: &'a Index,
        query: &Query<'a>,
        plan: &Plan,
    ) -> Result<Option<Self>, IndexError> {
        let (Some(least), Some(vector)) = (plan.floor, query.vectors.last()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            least,
            vectors: index.vectors(query.encoder)?,
            vector,
            met: Cell::new(false),
        }))
    }

    /// Whether it kept anything away so far.
    pub fn was_met(&self) -> bool {
        self.met.get()
    }

    /// Whether an example is similar enough; one without a picture is not.
    pub fn lets_pass(&self, number: usize) -> Result<bool, IndexError> {
        let score = self.vectors.score(self.vector, number)?;
        let passes = score.is_some_and(|score| score >= self.least);
        self.met.set(self.met.get() || !passes);
        Ok(passes)
    }

    /// Cuts off what is not similar enough from hits of the query's picture, the most similar first.
    pub fn cut(&self, hits: &mut Vec<Hit>) {
        let above = hits.partition_point(|hit| hit.score >= self.least);
        self.met.set(self.met.get() || above < hits.len());
        hits.truncate(above);
    }
}
