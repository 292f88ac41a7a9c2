//! An HNSW graph (Malkov and Yashunin, 2016) over the codes, for indexes large enough that a scan is noticeable.
//!
//! The graph covers the rows in complete blocks when it was built; later rows are scanned. It only yields candidates: every
//! score returned is the exact one of the f16 row. If it is damaged or finds too few rows, exact search takes over. Never
//! traverse codes that were not checked: see [`Codes::are_whole`].

mod build;
mod file;
mod layer_builder;
mod lazy;
mod walk;

pub use lazy::{GraphState, LazyGraph};

use std::cmp::Reverse;

use sha2::{Digest, Sha256};

use self::walk::{Links, Scores};
use super::codes::{self, Codes};
use super::error::VectorError;
use super::exact;
use super::layout::{self, BLOCK};
use super::query::Query;
use super::simd;
use super::store::Vectors;
use super::{Filter, Hit, Search, SearchResult, topk};

/// Fewest candidates kept while searching: recall@10 of 0.995 in 0.8 ms for 500 queries over 1,000,000 rows of 512 values, where
/// 64 have 0.84 (synthetic; `cargo bench --bench vectors -- graph`, quiet machine, one core of an AMD EPYC, 2026-11-25).
const MIN_EF: usize = 256;
/// Rows sampled to estimate how many pass a filter.
const SAMPLE: usize = 512;
/// A scan is used if the share of rows that pass is below the root of this over `n`: one in ten of a million rows. There the
/// scan takes 6 to 10 ms, which is not noticeable, and misses nothing; the graph takes 1 ms. They are equally fast at one in
/// 25 (`cargo bench --bench vectors -- filter`, 2026-11-25).
const CROSSOVER: f64 = 10_000.0;

/// The neighbours of rows in one layer: those of the row at position `i` are `edges[starts[i]..starts[i + 1]]`.
#[derive(Debug, Default, PartialEq)]
struct Layer {
    /// The rows of the layer, ascending; empty in the lowest, which has every row.
    rows: Vec<u32>,
    starts: Vec<u32>,
    edges: Vec<u32>,
}

impl Layer {
    fn list(&self, row: u32) -> &[u32] {
        let position = if self.rows.is_empty() {
            row as usize
        } else {
            match self.rows.binary_search(&row) {
                Ok(position) => position,
                Err(_) => return &[],
            }
        };
        match (self.starts.get(position), self.starts.get(position + 1)) {
            (Some(&start), Some(&end)) => self
                .edges
                .get(start as usize..end as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }
}

impl Links for Layer {
    fn neighbours(&self, row: u32) -> impl Iterator<Item = u32> {
        self.list(row).iter().copied()
    }
}

/// Identifies the rows a graph was built from.
#[derive(Debug, PartialEq)]
struct Source {
    /// SHA-256 over the checksums of the records.
    digest: [u8; 32],
    /// The scale of each row's codes; 0 for an example without a vector.
    scales: Vec<f32>,
}

/// A graph over the first rows of some [`Vectors`].
#[derive(Debug, PartialEq)]
pub struct Graph {
    rows: usize,
    entry: u32,
    /// Lowest layer first.
    layers: Vec<Layer>,
    source: Source,
}

/// Scores rows by similarity to a query.
struct ToQuery<'a> {
    query: &'a Query,
    codes: &'a Codes,
    scales: &'a [f32],
}

impl Scores for ToQuery<'_> {
    fn score(&self, row: u32) -> f32 {
        let scale = self.scales.get(row as usize).copied().unwrap_or(0.0);
        self.query
            .approximate_score(self.codes.row_codes(row as usize))
            * scale
    }

    fn fetch(&self, row: u32) {
        simd::prefetch(self.codes.row_codes(row as usize));
    }
}

impl Graph {
    /// Number of rows it covers, from the first on.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Size in memory in bytes.
    pub fn bytes(&self) -> usize {
        self.layers
            .iter()
            .map(|layer| 4 * (layer.rows.len() + layer.starts.len() + layer.edges.len()))
            .sum::<usize>()
            + 4 * self.source.scales.len()
    }

    /// Whether it was built from the first rows of `vectors`. Reads and checks their codes.
    pub fn fits(&self, vectors: &Vectors) -> bool {
        self.rows <= vectors.rows()
            && source(vectors, self.rows).is_ok_and(|found| found == self.source)
    }

    /// At most `k` rows of `vectors`, which it must fit, that pass the filter, most similar first. Scores are exact, but a row
    /// may occasionally be missed. Errors like [`Vectors::search`].
    pub fn search(
        &self,
        vectors: &Vectors,
        query: &[f32],
        k: usize,
        filter: &Filter<'_>,
    ) -> Result<Vec<Hit>, VectorError> {
        self.search_wide(vectors, query, k, filter, MIN_EF)
    }

    /// Like [`Graph::search`], with the search that was used in the end.
    pub fn search_reporting(
        &self,
        vectors: &Vectors,
        query: &[f32],
        k: usize,
        filter: &Filter<'_>,
    ) -> Result<SearchResult, VectorError> {
        self.search_with_ef(vectors, query, k, filter, MIN_EF)
    }

    /// Like [`Graph::search`], keeping at least `ef` candidates: a larger number is slower and misses fewer rows.
    pub fn search_wide(
        &self,
        vectors: &Vectors,
        query: &[f32],
        k: usize,
        filter: &Filter<'_>,
        ef: usize,
    ) -> Result<Vec<Hit>, VectorError> {
        let answered = self.search_with_ef(vectors, query, k, filter, ef)?;
        Ok(answered.hits)
    }

    fn search_with_ef(
        &self,
        vectors: &Vectors,
        query: &[f32],
        k: usize,
        filter: &Filter<'_>,
        ef: usize,
    ) -> Result<SearchResult, VectorError> {
        let query = Query::new(query, vectors.dimension())?;
        if self.rows > vectors.rows() || is_selective(filter, self.rows) {
            return exact::search(vectors, &query, k, filter, 0).map(SearchResult::exact);
        }
        self.walk(vectors, &query, k, filter, ef)
    }

    /// Like [`Graph::search`], using the graph even if few rows pass the filter, to measure where it pays off.
    pub fn search_graph_only(
        &self,
        vectors: &Vectors,
        query: &[f32],
        k: usize,
        filter: &Filter<'_>,
    ) -> Result<Vec<Hit>, VectorError> {
        let query = Query::new(query, vectors.dimension())?;
        let answered = self.walk(vectors, &query, k, filter, MIN_EF)?;
        Ok(answered.hits)
    }

    fn walk(
        &self,
        vectors: &Vectors,
        query: &Query,
        k: usize,
        filter: &Filter<'_>,
        ef: usize,
    ) -> Result<SearchResult, VectorError> {
        let ef = ef.max(k.saturating_add(k / 2)).min(self.rows);
        let codes = vectors.codes.as_ref().ok();
        let hits = match codes.filter(|codes| codes.are_whole(self.rows / BLOCK, &vectors.records))
        {
            Some(codes) => {
                let found = self.candidates(codes, query, ef, filter);
                exact::rescore(vectors, query, k, found.into_iter())?
            }
            None => Vec::new(),
        };
        if hits.len() < k.min(self.rows) {
            return exact::search(vectors, query, k, filter, 0).map(SearchResult::exact);
        }
        let later = exact::search(vectors, query, k, filter, self.rows)?;
        Ok(SearchResult {
            hits: topk::best([hits, later].concat(), k),
            by: Search::Hnsw,
        })
    }

    /// Rows that are likely to be nearest.
    fn candidates(
        &self,
        codes: &Codes,
        query: &Query,
        ef: usize,
        filter: &Filter<'_>,
    ) -> Vec<usize> {
        let scores = ToQuery {
            query,
            codes,
            scales: &self.source.scales,
        };
        let Some((base, upper)) = self.layers.split_first() else {
            return Vec::new();
        };
        let start = upper
            .iter()
            .rev()
            .fold(scores.near(self.entry), |near, layer| {
                walk::descend(layer, &scores, near)
            });
        let accepts = |row: u32| filter.allows(row as usize);
        walk::best_first(base, &scores, start, ef, accepts)
            .into_iter()
            .map(|(_, Reverse(row))| row as usize)
            .collect()
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

/// The source of a graph over the first `rows` rows: SHA-256 over the record checksums stored in their blocks, and their
/// scales. Checks the blocks.
fn source(vectors: &Vectors, rows: usize) -> Result<Source, VectorError> {
    let mut hasher = Sha256::new();
    hasher.update((vectors.dimension() as u64).to_le_bytes());
    let mut scales = Vec::with_capacity(rows);
    for number in 0..rows / BLOCK {
        let block = vectors.block(number).ok_or_else(|| VectorError::Graph {
            reason: format!(
                "the codes of rows {} to {} cannot be used",
                codes::block_row_range(number).start,
                codes::block_row_range(number).end - 1
            ),
        })?;
        hasher.update(block.sources());
        scales.extend((0..BLOCK).map(|row| block.row(row).map_or(0.0, |codes| codes.scale)));
    }
    Ok(Source {
        digest: hasher.finalize().into(),
        scales,
    })
}

/// Number of rows a graph over `vectors` covers: those in complete blocks.
fn covered(vectors: &Vectors) -> usize {
    layout::block_rows(vectors.rows())
}
