//! The program's own HNSW graph (Malkov and Yashunin, 2016) over the codes.
//!
//! It covers the rows in complete blocks when it was built. Never traverse codes that were not checked: see
//! [`Codes::are_whole`].

use std::cmp::Reverse;

use sha2::{Digest, Sha256};

use super::super::codes::{self, Codes};
use super::super::error::VectorError;
use super::super::layout::{self, BLOCK};
use super::super::query::Query;
use super::super::search::{Filter, GraphEngine};
use super::super::simd;
use super::super::store::Vectors;
use super::candidates::Candidates;
use super::walk::{self, Links, Scores};

/// The neighbours of rows in one layer: those of the row at position `i` are `edges[starts[i]..starts[i + 1]]`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Layer {
    /// The rows of the layer, ascending; empty in the lowest, which has every row.
    pub(super) rows: Vec<u32>,
    pub(super) starts: Vec<u32>,
    pub(super) edges: Vec<u32>,
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
pub(super) struct Source {
    /// SHA-256 over the checksums of the records.
    pub(super) digest: [u8; 32],
    /// The scale of each row's codes; 0 for an example without a vector.
    pub(super) scales: Vec<f32>,
}

/// A graph over the first rows of some [`Vectors`].
#[derive(Debug, PartialEq)]
pub struct Graph {
    pub(super) rows: usize,
    pub(super) entry: u32,
    /// Lowest layer first.
    pub(super) layers: Vec<Layer>,
    pub(super) source: Source,
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
}

impl Candidates for Graph {
    fn rows(&self) -> usize {
        self.rows
    }

    fn engine(&self) -> GraphEngine {
        GraphEngine::Own
    }

    fn candidates(
        &self,
        vectors: &Vectors,
        query: &Query,
        ef: usize,
        filter: &Filter<'_>,
    ) -> Option<Vec<usize>> {
        let codes = vectors.codes.as_ref().ok()?;
        if !codes.are_whole(self.rows / BLOCK, &vectors.records) {
            return None;
        }
        Some(self.walk(codes, query, ef, filter))
    }
}

impl Graph {
    /// Rows that are likely to be nearest.
    fn walk(&self, codes: &Codes, query: &Query, ef: usize, filter: &Filter<'_>) -> Vec<usize> {
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

/// The source of a graph over the first `rows` rows: SHA-256 over the record checksums stored in their blocks, and their
/// scales. Checks the blocks.
pub(super) fn source(vectors: &Vectors, rows: usize) -> Result<Source, VectorError> {
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
pub(super) fn covered(vectors: &Vectors) -> usize {
    layout::block_rows(vectors.rows())
}
