//! The example index: worked examples, their pictures and vectors, and nearest-neighbour search.
//!
//! SQLite holds the truth, `vectors/` a flat file of f16 rows with a checksum. Everything is verified when an index is
//! opened; a damaged index is refused, never searched.

mod search;
mod store;
mod words;

pub use search::{Exact, Hit, HnswGraph, NearestNeighbours, Search};
pub use store::{Index, IndexError, Writer};
pub use words::Words;

/// One worked example.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Example {
    pub id: String,
    /// SHA-256 of the picture's file.
    pub image: String,
    pub question: String,
    pub answer: String,
    pub rationale: String,
    /// Space-separated.
    pub tags: String,
    pub source: String,
    pub licence: String,
    pub patient: String,
    pub study: String,
}
