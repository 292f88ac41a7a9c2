//! The example index: worked examples, their images and vectors, and the searches over them.
//!
//! SQLite holds the truth (`database`), `images/` the images by content, `vectors/` a flat checksummed file an encoder;
//! graph and latents are caches. There is one way in (`writer`) and one way to read (`store`). Nothing damaged is ever
//! used: what cannot be proven whole is an error.

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
mod manifest;
mod owned_files;
mod phashes;
mod store;
pub mod vectors;
pub mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use error::IndexError;
pub use example::{Example, ExampleImage, PICTURE_PLACE, tag_name};
pub use images::Images;
pub use manifest::{Encoder, MANIFEST, short};
pub use store::{Index, Living, With};
pub use vectors::{Filter, Hit, Search};
pub use writer::{Added, Details, NewPicture, NewVectors, Writer, create};
