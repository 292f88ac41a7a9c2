//! A LLaMA-style decoder with Hugging Face tensor names.
//!
//! LLaMA: open and efficient foundation language models, <https://arxiv.org/abs/2302.13971>. RMS norm, rotary
//! positions (rotate-half layout), SwiGLU, no biases. The decoder calls a hook with the hidden states *before* each layer:
//! that is where Flamingo puts its gated cross-attention, and the only thing Flamingo needs from a language model.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Init, VarBuilder};
use serde::{Deserialize, Serialize};

use crate::model::ops::{RopeTable, Visible, attention, linear, rms_norm, rope, silu_mul};

/// Sizes of a decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlamaConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub layers: usize,
    pub heads: usize,
    /// Longest sequence.
    pub max_positions: usize,
    pub rope_theta: f32,
    pub rms_eps: f64,
    /// True where the output head is the embedding table.
    pub tied_head: bool,
}

struct Layer {
    input_norm: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    o: Tensor,
    post_norm: Tensor,
    gate: Tensor,
    up: Tensor,
    down: Tensor,
}

/// Keys and values of the tokens seen so far, one preallocated pair a layer (batch 1).
pub struct KvCache {
    layers: Vec<(Tensor, Tensor)>,
    length: usize,
    capacity: usize,
}

impl KvCache {
    /// Tokens held.
    pub fn len(&self) -> usize {
        self.length
    }

    /// True before the first token.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Forgets everything after the first `length` tokens.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Tokens that still fit.
    pub fn room(&self) -> usize {
        self.capacity - self.length
    }
}

/// A LLaMA-style decoder.
pub struct Llama {
    config: LlamaConfig,
    embed: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    head: Option<Tensor>,
    rope: RopeTable,
}

fn normal(stdev: f64) -> Init {
    Init::Randn { mean: 0.0, stdev }
}

impl Llama {
    /// Takes the decoder's tensors from `vb` (root of `model.embed_tokens.weight`, `model.layers.0...`, `lm_head.weight`).
    pub fn load(config: &LlamaConfig, vb: VarBuilder) -> Result<Self> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let init = normal(1.0 / (hidden as f64).sqrt());
        let depth = (2.0 * config.layers as f64).sqrt();
        let out = normal(1.0 / (hidden as f64).sqrt() / depth);
        let down = normal(1.0 / (inner as f64).sqrt() / depth);
        let one = Init::Const(1.0);
        let model = vb.pp("model");
        let layers = (0..config.layers)
            .map(|i| {
                let vb = model.pp("layers").pp(i);
                let square = |name: &str, init| {
                    vb.pp("self_attn")
                        .pp(name)
                        .get_with_hints((hidden, hidden), "weight", init)
                };
                let mlp = |name: &str, shape: (usize, usize), init| {
                    vb.pp("mlp").pp(name).get_with_hints(shape, "weight", init)
                };
                Ok(Layer {
                    input_norm: vb.get_with_hints(hidden, "input_layernorm.weight", one)?,
                    q: square("q_proj", init)?,
                    k: square("k_proj", init)?,
                    v: square("v_proj", init)?,
                    o: square("o_proj", out)?,
                    post_norm: vb.get_with_hints(hidden, "post_attention_layernorm.weight", one)?,
                    gate: mlp("gate_proj", (inner, hidden), init)?,
                    up: mlp("up_proj", (inner, hidden), init)?,
                    down: mlp("down_proj", (hidden, inner), down)?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let head = if config.tied_head {
            None
        } else {
            Some(vb.get_with_hints((config.vocab_size, hidden), "lm_head.weight", init)?)
        };
        Ok(Self {
            embed: model.get_with_hints(
                (config.vocab_size, hidden),
                "embed_tokens.weight",
                normal(1.0 / (hidden as f64).sqrt()),
            )?,
            layers,
            norm: model.get_with_hints(hidden, "norm.weight", one)?,
            head,
            rope: RopeTable::new(
                config.max_positions,
                hidden / config.heads,
                config.rope_theta,
            ),
            config: config.clone(),
        })
    }

    /// The decoder's sizes.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// A cache with room for `capacity` tokens.
    pub fn new_cache(&self, capacity: usize, dtype: DType, device: &Device) -> Result<KvCache> {
        let capacity = capacity.min(self.config.max_positions);
        let empty = || Tensor::zeros((1, capacity, self.config.hidden_size), dtype, device);
        Ok(KvCache {
            layers: (0..self.config.layers)
                .map(|_| Ok((empty()?, empty()?)))
                .collect::<Result<_>>()?,
            length: 0,
            capacity,
        })
    }

    /// Hidden states of `ids` `[batch, tokens]` after the final norm, `[batch, tokens, hidden]`.
    ///
    /// `before_layer(i, x)` gets the hidden states in front of layer `i` and returns what the layer shall see. With a cache
    /// the batch is 1 and the tokens follow those already in it.
    pub fn forward(
        &self,
        ids: &Tensor,
        mut cache: Option<&mut KvCache>,
        mut before_layer: impl FnMut(usize, Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let (batch, tokens) = ids.dims2()?;
        let past = cache.as_ref().map_or(0, |c| c.length);
        let mut x = self.embed.index_select(&ids.flatten_all()?, 0)?.reshape((
            batch,
            tokens,
            self.config.hidden_size,
        ))?;
        for (i, layer) in self.layers.iter().enumerate() {
            x = before_layer(i, x)?;
            let slot = cache.as_mut().map(|c| &mut c.layers[i]);
            x = self.layer(layer, &x, slot, past)?;
        }
        if let Some(cache) = cache {
            cache.length += tokens;
        }
        rms_norm(&x, &self.norm, self.config.rms_eps)
    }

    fn layer(
        &self,
        layer: &Layer,
        x: &Tensor,
        slot: Option<&mut (Tensor, Tensor)>,
        past: usize,
    ) -> Result<Tensor> {
        let tokens = x.dim(1)?;
        let y = rms_norm(x, &layer.input_norm, self.config.rms_eps)?;
        let q = rope(&linear(&y, &layer.q, None)?, &self.rope, past)?;
        let k = rope(&linear(&y, &layer.k, None)?, &self.rope, past)?;
        let v = linear(&y, &layer.v, None)?;
        let (k, v) = match slot {
            None => (k, v),
            Some((keys, kept)) => {
                keys.slice_set(&k.contiguous()?, 1, past)?;
                kept.slice_set(&v.contiguous()?, 1, past)?;
                (
                    keys.narrow(1, 0, past + tokens)?,
                    kept.narrow(1, 0, past + tokens)?,
                )
            }
        };
        let heads = self.config.heads;
        let scale = ((self.config.hidden_size / heads) as f32).powf(-0.5);
        let y = attention(&q, &k, &v, heads, scale, Visible::Causal { past })?;
        let x = (x + linear(&y, &layer.o, None)?)?;
        let y = rms_norm(&x, &layer.post_norm, self.config.rms_eps)?;
        let y = silu_mul(
            &linear(&y, &layer.gate, None)?,
            &linear(&y, &layer.up, None)?,
        )?;
        x + linear(&y, &layer.down, None)?
    }

    /// Logits `[.., vocab]` of hidden states `[.., hidden]`.
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        linear(hidden, self.head.as_ref().unwrap_or(&self.embed), None)
    }
}
