//! The seam of vector search: what is asked, what is found, and the trait behind which each search stands.
//!
//! Exact search ([`super::Vectors`]) is the reference; the graphs ([`super::GraphSearch`]) may miss a row, but never give it
//! another score. Nothing here knows a file or a graph.

use serde::{Deserialize, Serialize};

use super::error::VectorError;

/// A search over the vectors of one encoder.
pub trait NearestNeighbours: Send + Sync {
    /// At most `k` rows that pass the filter, most similar first, ties by row, each with its exact score; and which search
    /// found them, as a graph leaves some queries to exact search.
    ///
    /// Errors if the vector has another dimension, is zero or not finite, or if a row that must be read is damaged.
    fn search(
        &self,
        vector: &[f32],
        k: usize,
        filter: &Filter<'_>,
    ) -> Result<SearchResult, VectorError>;
}

/// A row found by a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The row, which is the example's number.
    pub row: usize,
    /// Cosine of the row and the query, -1 to 1.
    pub score: f32,
}

/// The rows found, and by which search.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchResult {
    /// Best first.
    pub hits: Vec<Hit>,
    /// [`Search::Exact`], [`Search::Hnsw`] or [`Search::HnswRs`].
    pub by: Search,
}

impl SearchResult {
    /// Hits of an exact search.
    pub fn exact(hits: Vec<Hit>) -> Self {
        let by = Search::Exact;
        Self { hits, by }
    }
}

/// Which rows a search may return.
#[derive(Clone, Copy)]
pub enum Filter<'a> {
    /// Every row.
    All,
    /// Rows for which it returns true. A scan calls it once per row, so keep it cheap.
    Fn(&'a (dyn Fn(usize) -> bool + Sync)),
    /// These rows, ascending and without duplicates; others are not read. Rows past the end are ignored.
    Rows(&'a [usize]),
}

impl Filter<'_> {
    /// Whether a row passes the filter.
    pub fn allows(&self, row: usize) -> bool {
        match self {
            Self::All => true,
            Self::Fn(allowed) => allowed(row),
            Self::Rows(rows) => rows.binary_search(&row).is_ok(),
        }
    }
}

/// Which search to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Search {
    /// Exact below a million examples, the index's graph from there on
    #[default]
    Auto,
    /// A scan of every row
    Exact,
    /// The index's HNSW graph: the program's own, unless index.toml names another
    Hnsw,
    /// An HNSW graph of the package hnsw_rs, built in memory at every start
    HnswRs,
}

impl Search {
    /// Rows from which a scan becomes noticeable: a row of 512 values takes about 29 ns on one core of an AMD EPYC, so a
    /// million take 29 ms (`cargo bench --bench vectors -- exact`, 2026-11-25, quiet machine); a screen frame is 16 ms.
    pub const GRAPH_FROM: usize = 1_000_000;

    /// The search used for an index of `count` examples.
    pub fn resolve(self, count: usize) -> Self {
        match self {
            Self::Auto if count < Self::GRAPH_FROM => Self::Exact,
            Self::Auto => Self::Hnsw,
            chosen => chosen,
        }
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Exact => "exact",
            Self::Hnsw => "hnsw",
            Self::HnswRs => "hnsw-rs",
        }
    }

    /// Whether it walks a graph, and so may miss a row.
    pub fn is_graph(self) -> bool {
        matches!(self, Self::Hnsw | Self::HnswRs)
    }
}

/// What builds and walks the graph of an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphEngine {
    /// The graph of this program, which is stored with the index.
    #[default]
    Own,
    /// The package `hnsw_rs`, in memory only.
    HnswRs,
}

impl GraphEngine {
    /// The search that uses it, for [`SearchResult::by`].
    pub fn search(self) -> Search {
        match self {
            Self::Own => Search::Hnsw,
            Self::HnswRs => Search::HnswRs,
        }
    }
}
