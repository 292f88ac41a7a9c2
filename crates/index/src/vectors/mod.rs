//! The vectors of an index: their files, exact search, and a graph for very large indexes.
//!
//! Row `i` of a vector file belongs to example number `i`. Files only grow; rows never change and numbers are never reused.
//! The f16 rows are the source of truth; the i8 codes and the graph are caches, discarded on any doubt. A search uses checked
//! bytes or returns an error. Never score unchecked bytes, and never let a damaged cache change a result. All searches stand
//! behind [`NearestNeighbours`].

mod bytes;
mod codes;
mod encode;
mod error;
mod exact;
mod graph;
mod layout;
mod limits;
mod query;
mod records;
mod search;
mod simd;
mod store;
mod topk;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use error::VectorError;
pub use graph::{Graph, GraphSearch, GraphState, LazyGraph};
pub use search::{Filter, GraphEngine, Hit, NearestNeighbours, Search, SearchResult};
pub use store::Vectors;
pub use writer::VectorWriter;
