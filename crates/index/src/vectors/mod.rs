//! The vectors of an index: their files, exact search over them, and a graph for very large ones.
//!
//! Row `i` of a vector file belongs to example number `i`. Files only grow; a row is never changed and its number never
//! given to another example. Three things are kept apart: the f16 rows are the truth, the i8 codes and the graph are caches
//! that are thrown away on any doubt. A search answers from checked bytes or with an error; it never guesses. Never score
//! with unchecked bytes, and never let a damaged cache change an answer.

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

/// A neighbour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The row, which is the example's number.
    pub row: usize,
    /// Cosine of the row and the query, -1 to 1.
    pub score: f32,
}

/// Neighbours, and how they were found.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchResult {
    /// Best first.
    pub hits: Vec<Hit>,
    /// [`Search::Exact`] or [`Search::Hnsw`].
    pub by: Search,
}

impl SearchResult {
    /// By a scan.
    pub fn exact(hits: Vec<Hit>) -> Self {
        let by = Search::Exact;
        Self { hits, by }
    }
}

/// Which rows may be found.
#[derive(Clone, Copy)]
pub enum Filter<'a> {
    /// Every row.
    All,
    /// Those for which it says yes. Asked once a row by a scan, so keep it cheap.
    Fn(&'a (dyn Fn(usize) -> bool + Sync)),
    /// These, in ascending order and each once; the others are not even read. Rows past the end are passed over.
    Rows(&'a [usize]),
}

impl Filter<'_> {
    /// Whether a row may be found.
    pub fn allows(&self, row: usize) -> bool {
        match self {
            Self::All => true,
            Self::Fn(allowed) => allowed(row),
            Self::Rows(rows) => rows.binary_search(&row).is_ok(),
        }
    }
}

/// Which search answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Search {
    /// Exact below a million examples, the graph from there on
    #[default]
    Auto,
    /// A scan of every row
    Exact,
    /// The HNSW graph; exact until it is there
    Hnsw,
}

impl Search {
    /// Rows from which a scan could be felt: a row of 512 values takes about 29 ns on one core of an AMD EPYC, so a million
    /// take 29 ms (`cargo bench --bench vectors -- exact`, 2026-11-25, quiet machine), and one frame of a screen is 16 ms.
    pub const GRAPH_FROM: usize = 1_000_000;

    /// The search used for an index of `count` examples.
    pub fn resolve(self, count: usize) -> Self {
        match self {
            Self::Auto if count < Self::GRAPH_FROM => Self::Exact,
            Self::Auto => Self::Hnsw,
            chosen => chosen,
        }
    }

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Exact => "exact",
            Self::Hnsw => "hnsw",
        }
    }
}
