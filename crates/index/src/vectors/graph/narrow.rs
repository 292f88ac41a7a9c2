//! What both graphs have in common: when a graph is walked at all, and what is done with the rows it proposes.
//!
//! A graph only proposes rows. Every score returned is the exact one of the f16 row; rows the graph does not cover are
//! scanned; if it cannot be walked or proposes too few rows, exact search takes over. Never return a score of a graph.

use std::sync::Arc;

use super::super::error::VectorError;
use super::super::query::Query;
use super::super::search::{Filter, GraphEngine, Hit, NearestNeighbours, SearchResult};
use super::super::store::Vectors;
use super::super::{exact, topk};
use super::candidates::Candidates;
use super::hnsw_rs::HnswRs;
use super::own::Graph;
use rounds_support::Cancel;

/// Fewest candidates kept while searching: recall@10 of 0.995 in 0.8 ms for 500 queries over 1,000,000 rows of 512 values, where
/// 64 have 0.84 (synthetic; `cargo bench --bench vectors -- graph`, quiet machine, one core of an AMD EPYC, 2026-11-25).
const MIN_EF: usize = 256;
/// Rows sampled to estimate how many pass a filter.
const SAMPLE: usize = 512;
/// A scan is used if the share of rows that pass is below the root of this over `n`: one in ten of a million rows. There the
/// scan takes 6 to 10 ms, which is not noticeable, and misses nothing; the graph takes 1 ms. They are equally fast at one in
/// 25 (`cargo bench --bench vectors -- filter`, 2026-11-25).
const CROSSOVER: f64 = 10_000.0;

/// A graph and the vectors it was built from.
pub struct GraphSearch {
    vectors: Arc<Vectors>,
    graph: Box<dyn Candidates>,
}

impl NearestNeighbours for GraphSearch {
    fn search(
        &self,
        vector: &[f32],
        k: usize,
        filter: &Filter<'_>,
    ) -> Result<SearchResult, VectorError> {
        self.search_wide(vector, k, filter, MIN_EF)
    }
}

impl GraphSearch {
    /// Searches with the program's own graph, which must fit `vectors`.
    pub fn own(graph: Graph, vectors: Arc<Vectors>) -> Self {
        let graph = Box::new(graph);
        Self { vectors, graph }
    }

    /// Builds a graph of `hnsw_rs` over `vectors` in memory. `progress` is called with rows done and the total.
    ///
    /// Errors if a row is damaged, if no row has a vector, or if cancelled.
    pub fn hnsw_rs(
        vectors: Arc<Vectors>,
        progress: &mut dyn FnMut(usize, usize),
        cancel: &Cancel,
    ) -> Result<Self, VectorError> {
        let graph = Box::new(HnswRs::build(&vectors, progress, cancel)?);
        Ok(Self { vectors, graph })
    }

    /// Number of rows the graph covers; later ones are scanned.
    pub fn rows(&self) -> usize {
        self.graph.rows()
    }

    /// What built the graph.
    pub fn engine(&self) -> GraphEngine {
        self.graph.engine()
    }

    /// Like [`NearestNeighbours::search`], keeping at least `ef` candidates: a larger number is slower and misses fewer rows.
    pub fn search_wide(
        &self,
        vector: &[f32],
        k: usize,
        filter: &Filter<'_>,
        ef: usize,
    ) -> Result<SearchResult, VectorError> {
        let query = Query::new(vector, self.vectors.dimension())?;
        if self.rows() > self.vectors.rows() || is_selective(filter, self.rows()) {
            return self.scan(&query, k, filter);
        }
        self.walk(&query, k, filter, ef)
    }

    /// Like [`NearestNeighbours::search`], using the graph even if few rows pass the filter, to measure where it pays off.
    pub fn search_graph_only(
        &self,
        vector: &[f32],
        k: usize,
        filter: &Filter<'_>,
    ) -> Result<SearchResult, VectorError> {
        let query = Query::new(vector, self.vectors.dimension())?;
        self.walk(&query, k, filter, MIN_EF)
    }

    fn scan(
        &self,
        query: &Query,
        k: usize,
        filter: &Filter<'_>,
    ) -> Result<SearchResult, VectorError> {
        exact::search(&self.vectors, query, k, filter, 0).map(SearchResult::exact)
    }

    fn walk(
        &self,
        query: &Query,
        k: usize,
        filter: &Filter<'_>,
        ef: usize,
    ) -> Result<SearchResult, VectorError> {
        let ef = ef.max(k.saturating_add(k / 2)).min(self.rows());
        let proposed = self.graph.candidates(&self.vectors, query, ef, filter);
        let proposed = proposed.unwrap_or_default().into_iter();
        let hits: Vec<Hit> = exact::rescore(&self.vectors, query, k, proposed)?;
        if hits.len() < k.min(self.rows()) {
            return self.scan(query, k, filter);
        }
        let later = exact::search(&self.vectors, query, k, filter, self.rows())?;
        Ok(SearchResult {
            hits: topk::best([hits, later].concat(), k),
            by: self.engine().search(),
        })
    }
}

/// Whether so few rows pass that scanning them is faster.
fn is_selective(filter: &Filter<'_>, rows: usize) -> bool {
    let passing = match filter {
        Filter::All => return false,
        Filter::Rows(passing) => passing.len() as f64 / rows.max(1) as f64,
        Filter::Fn(allowed) => {
            let step = (rows / SAMPLE).max(1);
            let sampled = rows.div_ceil(step).max(1);
            let passed = (0..rows).step_by(step).filter(|&row| allowed(row)).count();
            passed as f64 / sampled as f64
        }
    };
    passing * passing * (rows as f64) < CROSSOVER
}
