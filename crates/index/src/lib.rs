//! The example index: worked examples, their images and vectors, and the searches over them.
//!
//! SQLite is the source of truth (`database`). `images/` holds the image files, named by their hash, and `vectors/` one flat
//! checksummed file per encoder; the search graph and the latents are caches. All writes go through `writer`, all reads
//! through `store`. Damaged data is never used: whatever fails its check is an error.

#![warn(missing_docs, unreachable_pub)]

pub mod codes;
pub mod compact;
mod database;
pub mod dataset;
pub mod embed;
mod error;
mod example;
pub mod export;
mod fulltext;
mod fulltext_check;
mod images;
pub mod ingest;
pub mod latents;
pub mod library;
mod lock;
mod manifest;
mod owned_files;
mod phashes;
mod salts;
mod store;
pub mod vectors;
pub mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use error::IndexError;
pub use example::{Example, ExampleImage, IMAGE_PLACEHOLDER, tag_name};
pub use images::Images;
pub use manifest::{Encoder, MANIFEST, short};
pub use store::{Index, LiveRows, LookupBy};
pub use vectors::{Filter, GraphEngine, Hit, Search};
pub use writer::{Added, ImageDetails, NewImage, NewVectors, Writer, create};
