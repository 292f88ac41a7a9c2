//! Language models: decoders with a hook in front of every layer.

mod llama;

pub use llama::{KvCache, Llama, LlamaConfig};
