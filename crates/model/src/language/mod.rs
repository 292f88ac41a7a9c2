//! Language models: a decoder with a hook in front of every layer.

mod cache;
mod decoder;

pub use cache::KvCache;
pub use decoder::{Decoder, DecoderConfig, Mlp, TurnScores, alibi_slopes};
