//! What a graph has to offer: rows that are worth scoring.

use super::super::query::Query;
use super::super::search::{Filter, GraphEngine};
use super::super::store::Vectors;

/// A graph that proposes rows.
pub(super) trait Candidates: Send + Sync {
    /// Number of rows it covers, from the first on.
    fn rows(&self) -> usize;

    /// What built it.
    fn engine(&self) -> GraphEngine;

    /// About `ef` rows that pass the filter and are likely to be nearest, in any order; `None` if it cannot be walked.
    fn candidates(
        &self,
        vectors: &Vectors,
        query: &Query,
        ef: usize,
        filter: &Filter<'_>,
    ) -> Option<Vec<usize>>;
}
