//! Language models: a decoder with a hook in front of every layer.

mod cache;
mod config;
mod decoder;
mod sequences;
mod turn_scores;

pub use cache::KvCache;
pub use config::{DecoderConfig, LowRankConfig, LowRankTargets, Mlp, Projection};
pub use decoder::{Decoder, alibi_slopes};
pub(crate) use sequences::{Sequences, last_logits};
pub use turn_scores::TurnScores;
