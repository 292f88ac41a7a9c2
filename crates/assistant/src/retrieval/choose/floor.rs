//! The minimum similarity to the query's image that every shot must have, however it was found.

use std::cell::Cell;
use std::sync::Arc;

use super::super::{Plan, Query};
use rounds_index::vectors::Vectors;
use rounds_index::{Hit, Index, IndexError};

/// The floor of a plan, if there is an image to compare.
pub(super) struct Floor<'a> {
    /// The minimum similarity.
    pub minimum: f32,
    vectors: &'a Arc<Vectors>,
    vector: &'a [f32],
    rejected: Cell<bool>,
}

impl<'a> Floor<'a> {
    /// The floor of `plan`; `None` if it has none or the query has no image.
    pub(super) fn new(
        index: &'a Index,
        query: &Query<'a>,
        plan: &Plan,
    ) -> Result<Option<Self>, IndexError> {
        let (Some(minimum), Some(vector)) = (plan.floor, query.vectors.last()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            minimum,
            vectors: index.vectors(query.encoder)?,
            vector,
            rejected: Cell::new(false),
        }))
    }

    /// Whether it has rejected any example so far.
    pub(super) fn rejected_any(&self) -> bool {
        self.rejected.get()
    }

    /// Whether an example is similar enough; one without an image is not.
    pub(super) fn passes(&self, number: usize) -> Result<bool, IndexError> {
        let score = self.vectors.score(self.vector, number)?;
        let passes = score.is_some_and(|score| score >= self.minimum);
        self.rejected.set(self.rejected.get() || !passes);
        Ok(passes)
    }

    /// Cuts off the hits that are not similar enough; `hits` are by image, most similar first.
    pub(super) fn truncate(&self, hits: &mut Vec<Hit>) {
        let above = hits.partition_point(|hit| hit.score >= self.minimum);
        self.rejected.set(self.rejected.get() || above < hits.len());
        hits.truncate(above);
    }
}
