//! The query decoder: learned queries read an image's tokens, <https://arxiv.org/abs/2305.10415>, figure 3.

use candle_core::{Result, Tensor};
use candle_nn::Init;
use serde::{Deserialize, Serialize};

use super::blocks::{DecoderLayer, norm};
use crate::layers::Norm;
use crate::store::Store;

/// Sizes of a query decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryConfig {
    /// Number of queries, which is the number of embeddings that an image gets.
    pub count: usize,
    /// Number of layers.
    pub layers: usize,
    /// Attention heads per layer.
    pub heads: usize,
    /// Width inside the feed-forward.
    pub inner: usize,
}

/// A query decoder.
pub struct QueryDecoder {
    queries: Tensor,
    layers: Vec<DecoderLayer>,
    norm: Norm,
}

impl QueryDecoder {
    /// Takes `query_embed.weight` `[count, width]`, `decoder.layers.{i}` and `decoder.norm` from `store`.
    pub fn load(config: &QueryConfig, width: usize, store: &Store) -> Result<Self> {
        let init = Init::Randn {
            mean: 0.0,
            stdev: 1.0,
        };
        let decoder = store.pp("decoder");
        let layers = (0..config.layers).map(|i| {
            let store = decoder.pp("layers").pp(i);
            DecoderLayer::load(&store, width, config.heads, config.inner)
        });
        Ok(Self {
            queries: store.get((config.count, width), "query_embed.weight", init)?,
            layers: layers.collect::<Result<_>>()?,
            norm: norm(decoder.pp("norm"), width)?,
        })
    }

    /// What the queries read from `tokens` `[batch, tokens, width]`: `[batch, count, width]`.
    pub fn forward(&self, tokens: &Tensor) -> Result<Tensor> {
        let (count, width) = self.queries.dims2()?;
        let shape = (tokens.dim(0)?, count, width);
        // The queries are the first states themselves, not position codes.
        let first = self.queries.unsqueeze(0)?.broadcast_as(shape)?;
        let mut layers = self.layers.iter();
        let last = layers.try_fold(first.contiguous()?, |x, layer| layer.forward(&x, tokens))?;
        self.norm.forward(&last)
    }
}
