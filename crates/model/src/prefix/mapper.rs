//! From an image's vector to embeddings of the language model: ClipCap's two mappers (<https://arxiv.org/abs/2111.09734>).
//!
//! Names as published: `model.0`, `model.3` and so on in the MLP (dropout and tanh stand between the linear layers, in this order), and
//! `linear`, `prefix_const` and `transformer.layers` in the transformer. Dropout is the trainer's.

use candle_core::{Result, Tensor};
use candle_nn::Init;
use serde::{Deserialize, Serialize};

use crate::layers::{Norm, NormKind};
use crate::ops::{AttentionMask, Linear, attention};
use crate::store::Store;

/// Epsilon of PyTorch's layer norms.
const EPS: f64 = 1e-5;

/// Which mapper there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum MapperConfig {
    /// Linear layers with tanh between them.
    Mlp {
        /// Widths between the vector and the embeddings. The published code has two: half of and all of the embeddings' width; the
        /// paper tells of one.
        hidden: Vec<usize>,
    },
    /// A transformer over positions made from the vector, followed by learned ones, whose outputs are the embeddings.
    Transformer {
        /// Positions made from the vector.
        clip_length: usize,
        /// Number of layers; 8 as published.
        layers: usize,
        /// Attention heads; 8 as published.
        heads: usize,
        /// Width inside the feed-forward; twice the width as published.
        inner: usize,
    },
}

/// A mapper.
pub enum Mapper {
    /// Linear layers with tanh between them.
    Mlp {
        /// The linear layers.
        layers: Vec<Linear>,
        /// Shape of one image's embeddings.
        shape: (usize, usize),
    },
    /// A transformer.
    Transformer(Box<TransformerMapper>),
}

/// A transformer over positions made from the vector, followed by learned ones.
pub struct TransformerMapper {
    linear: Linear,
    clip_length: usize,
    /// `[prefix_length, width]`.
    prefix: Tensor,
    layers: Vec<Layer>,
    heads: usize,
}

struct Layer {
    norm1: Norm,
    to_queries: Linear,
    /// All keys, then all values.
    to_keys_values: Linear,
    project: Linear,
    norm2: Norm,
    fc1: Linear,
    fc2: Linear,
}

fn uniform(input: usize) -> Init {
    let bound = 1.0 / (input as f64).sqrt();
    Init::Uniform {
        lo: -bound,
        up: bound,
    }
}

/// A linear layer that starts as PyTorch's do.
fn dense(store: &Store, input: usize, output: usize, bias: bool) -> Result<Linear> {
    let linear = store.linear((output, input), "weight", uniform(input))?;
    let bias = match bias {
        true => Some(store.get(output, "bias", uniform(input))?),
        false => None,
    };
    Ok(linear.with_bias(bias))
}

impl Mapper {
    /// Takes the tensors from `store`. `vector` is the width of an image's vector, the result has `prefix_length` embeddings of `width`.
    pub fn load(
        config: &MapperConfig,
        vector: usize,
        prefix_length: usize,
        width: usize,
        store: &Store,
    ) -> Result<Self> {
        match config {
            MapperConfig::Mlp { hidden } => {
                let mut sizes = vec![vector];
                sizes.extend(hidden);
                sizes.push(prefix_length * width);
                let store = store.pp("model");
                let layers = sizes
                    .windows(2)
                    .enumerate()
                    .map(|(i, pair)| dense(&store.pp(3 * i), pair[0], pair[1], true));
                Ok(Self::Mlp {
                    layers: layers.collect::<Result<_>>()?,
                    shape: (prefix_length, width),
                })
            }
            MapperConfig::Transformer {
                clip_length,
                layers,
                heads,
                inner,
            } => {
                let blocks = store.pp("transformer").pp("layers");
                let blocks = (0..*layers).map(|i| Layer::load(&blocks.pp(i), width, *inner));
                let learned = Init::Randn {
                    mean: 0.0,
                    stdev: 1.0,
                };
                Ok(Self::Transformer(Box::new(TransformerMapper {
                    linear: dense(&store.pp("linear"), vector, clip_length * width, true)?,
                    clip_length: *clip_length,
                    prefix: store.get((prefix_length, width), "prefix_const", learned)?,
                    layers: blocks.collect::<Result<_>>()?,
                    heads: *heads,
                })))
            }
        }
    }

    /// Vectors `[images, vector]` to embeddings `[images, prefix_length, width]`.
    pub fn forward(&self, vectors: &Tensor) -> Result<Tensor> {
        self.forward_with(vectors, &mut Ok)
    }

    /// [`Self::forward`] with `dropout` where the published MLP has one: between a linear layer and its tanh.
    pub fn forward_with(
        &self,
        vectors: &Tensor,
        dropout: &mut dyn FnMut(Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        match self {
            Self::Mlp { layers, shape } => {
                let mut x = vectors.clone();
                for (i, layer) in layers.iter().enumerate() {
                    x = layer.forward(&x)?;
                    if i + 1 < layers.len() {
                        x = dropout(x)?.tanh()?;
                    }
                }
                x.reshape((vectors.dim(0)?, shape.0, shape.1))
            }
            Self::Transformer(mapper) => mapper.forward(vectors),
        }
    }
}

impl TransformerMapper {
    fn forward(&self, vectors: &Tensor) -> Result<Tensor> {
        let images = vectors.dim(0)?;
        let (length, width) = self.prefix.dims2()?;
        let seen = self.linear.forward(vectors)?;
        let seen = seen.reshape((images, self.clip_length, width))?;
        let learned = self.prefix.unsqueeze(0)?;
        let learned = learned.broadcast_as((images, length, width))?;
        let mut x = Tensor::cat(&[seen, learned.contiguous()?], 1)?;
        for layer in &self.layers {
            x = layer.forward(&x, self.heads)?;
        }
        x.narrow(1, self.clip_length, length)?.contiguous()
    }
}

impl Layer {
    fn load(store: &Store, width: usize, inner: usize) -> Result<Self> {
        let norm = |name: &str| Norm::load(NormKind::Layer, width, EPS, &store.pp(name));
        let (attn, mlp) = (store.pp("attn"), store.pp("mlp"));
        Ok(Self {
            norm1: norm("norm1")?,
            to_queries: dense(&attn.pp("to_queries"), width, width, false)?,
            to_keys_values: dense(&attn.pp("to_keys_values"), width, 2 * width, false)?,
            project: dense(&attn.pp("project"), width, width, true)?,
            norm2: norm("norm2")?,
            fc1: dense(&mlp.pp("fc1"), width, inner, true)?,
            fc2: dense(&mlp.pp("fc2"), inner, width, true)?,
        })
    }

    fn forward(&self, x: &Tensor, heads: usize) -> Result<Tensor> {
        let width = x.dim(2)?;
        let scale = ((width / heads.max(1)) as f32).powf(-0.5);
        let y = self.norm1.forward(x)?;
        let q = self.to_queries.forward(&y)?;
        let kv = self.to_keys_values.forward(&y)?;
        let k = kv.narrow(2, 0, width)?.contiguous()?;
        let v = kv.narrow(2, width, width)?.contiguous()?;
        let y = attention(&q, &k, &v, heads, scale, AttentionMask::All)?;
        let x = (x + self.project.forward(&y)?)?;
        let y = self.fc1.forward(&self.norm2.forward(&x)?)?.relu()?;
        x + self.fc2.forward(&y)?
    }
}
