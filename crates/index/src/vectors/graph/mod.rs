//! HNSW graphs, for indexes large enough that a scan is noticeable.
//!
//! There are two, behind one seam ([`GraphSearch`]): the program's own (`own`), which is stored with the index, and that of
//! the package `hnsw_rs` (`hnsw_rs`), which lives in memory only. What both share is in `narrow`.

mod build;
mod candidates;
mod file;
mod hnsw_rs;
mod layer_builder;
mod lazy;
mod narrow;
mod own;
mod walk;

pub use lazy::{GraphState, LazyGraph};
pub use narrow::GraphSearch;
pub use own::Graph;
