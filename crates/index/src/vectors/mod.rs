//! The vectors of an index: their files, exact search, and a graph for very large indexes.
//!
//! Row `i` of a vector file belongs to example number `i`. Files only grow; rows never change and numbers are never reused.
//! The f16 rows are the source of truth; the i8 codes and the graph are caches, discarded on any doubt. A search uses checked
//! bytes or returns an error. Never score unchecked bytes, and never let a damaged cache change a result.

mod bytes;
mod codes;
mod encode;
mod error;
mod exact;
mod graph;
mod layout;
mod query;
mod records;
mod simd;
mod store;
mod topk;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use error::VectorError;
pub use graph::{Graph, GraphState, LazyGraph};
pub use store::Vectors;
pub use writer::VectorWriter;

use serde::{Deserialize, Serialize};

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
    /// [`Search::Exact`] or [`Search::Hnsw`].
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
#[serde(rename_all = "lowercase")]
pub enum Search {
    /// Exact below a million examples, the graph from there on
    #[default]
    Auto,
    /// A scan of every row
    Exact,
    /// The HNSW graph, or exact until it is ready
    Hnsw,
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
        }
    }
}
