//! One configurable decoder for every language model that the published systems are built on.
//!
//! LLaMA (<https://arxiv.org/abs/2302.13971>), GPT-NeoX (<https://arxiv.org/abs/2204.06745>), MPT, GPT-2 and BioGPT
//! (<https://arxiv.org/abs/2210.10341>) differ in norm, positions, feed-forward, biases and head, not in structure. Tensors carry LLaMA's Hugging Face names whatever the source; the importer
//! renames and unfuses. The decoder calls a hook with the hidden states *before* each layer, where Flamingo inserts its gated
//! cross-attention. Flamingo needs nothing else from a language model.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::Init;
use std::sync::Arc;

use super::cache::KvCache;
use super::config::{DecoderConfig, Mlp, Projection};
use super::turn_scores::TurnScores;
use crate::layers::Norm;
use crate::ops::{
    AttentionMask, Linear, RopeTable, TurnBias, attention, attention_alibi, attention_with_turns,
    gelu, gelu_tanh, rope, silu_mul,
};
use crate::recorder::{Recorder, Scores};
use crate::store::Store;

struct Layer {
    input_norm: Norm,
    q: Linear,
    k: Linear,
    v: Linear,
    o: Linear,
    qk_norm: Option<(Norm, Norm)>,
    post_norm: Norm,
    gate: Option<Linear>,
    up: Linear,
    down: Linear,
    /// Which GELU a feed-forward without a gate has.
    gelu_tanh: bool,
}

enum Positions {
    Rotary(RopeTable),
    Biases(Arc<Vec<f32>>),
    /// A row for each position, after `before` rows that no position has.
    Learned {
        table: Tensor,
        before: usize,
    },
}

/// A decoder.
pub struct Decoder {
    config: DecoderConfig,
    embed: Tensor,
    layers: Vec<Layer>,
    norm: Norm,
    /// `None` where the head is the embedding table.
    head: Option<Linear>,
    positions: Positions,
}

fn normal(stdev: f64) -> Init {
    Init::Randn { mean: 0.0, stdev }
}

/// ALiBi's slope of each head: `2^(-bias_max k / H)` for k = 1..H where H is a power of two; otherwise the odd, then the even
/// entries of the next power of two's list.
pub fn alibi_slopes(heads: usize, bias_max: f32) -> Vec<f32> {
    let full = heads.next_power_of_two();
    let all: Vec<f32> = (1..=full)
        .map(|k| 2f32.powf(-bias_max * k as f32 / full as f32))
        .collect();
    if full == heads {
        return all;
    }
    let odd = all.iter().skip(1).step_by(2);
    odd.chain(all.iter().step_by(2))
        .take(heads)
        .copied()
        .collect()
}

impl Decoder {
    /// Takes the decoder's tensors (`model.embed_tokens.weight`, `model.layers.0...`, `lm_head.weight`) from `store`.
    pub fn load(config: &DecoderConfig, store: Store) -> Result<Self> {
        let hidden = config.hidden_size;
        if config.heads == 0 || !hidden.is_multiple_of(config.heads) {
            candle_core::bail!(
                "{hidden} hidden dimensions are not a multiple of {} heads",
                config.heads
            );
        }
        let kv_heads = config.attention_heads().key_value;
        if kv_heads == 0 || !config.heads.is_multiple_of(kv_heads) {
            candle_core::bail!(
                "{} heads are not a multiple of {kv_heads} key-value heads",
                config.heads
            );
        }
        let head_dim = hidden / config.heads;
        let model = store.pp("model");
        let kinds = (
            config.rope_theta,
            config.alibi_bias_max,
            config.learned_positions,
        );
        let positions = match kinds {
            (Some(theta), None, None) => {
                let rotated_dims = (head_dim as f32 * config.rope_fraction) as usize;
                Positions::Rotary(RopeTable::new(
                    config.max_positions,
                    head_dim,
                    rotated_dims,
                    theta,
                ))
            }
            (None, Some(max), None) => Positions::Biases(Arc::new(alibi_slopes(config.heads, max))),
            (None, None, Some(before)) => {
                let shape = (config.max_positions + before, hidden);
                Positions::Learned {
                    table: model.get(shape, "embed_positions.weight", normal(0.02))?,
                    before,
                }
            }
            _ => candle_core::bail!(
                "a decoder has one of rope_theta, alibi_bias_max and learned_positions"
            ),
        };
        let layers = (0..config.layers)
            .map(|i| Layer::load(config, i, &model.pp("layers").pp(i)))
            .collect::<Result<Vec<_>>>()?;
        let init = normal(1.0 / (hidden as f64).sqrt());
        let head = match config.tied_head {
            true => None,
            false => Some(store.linear((config.vocab_size, hidden), "lm_head.weight", init)?),
        };
        Ok(Self {
            embed: model.get((config.vocab_size, hidden), "embed_tokens.weight", init)?,
            layers,
            norm: Norm::load(config.norm, hidden, config.norm_eps, &model.pp("norm"))?,
            head,
            positions,
            config: config.clone(),
        })
    }

    /// Packs the weights of the linear layers and of the head as constants for training on a CPU. Additions of low rank stay trainable.
    pub fn freeze(&mut self) -> Result<()> {
        for layer in &mut self.layers {
            let all = [
                Some(&mut layer.q),
                Some(&mut layer.k),
                Some(&mut layer.v),
                Some(&mut layer.o),
                layer.gate.as_mut(),
                Some(&mut layer.up),
                Some(&mut layer.down),
            ];
            for linear in all.into_iter().flatten() {
                linear.freeze()?;
            }
        }
        let mut head = match self.head.take() {
            Some(head) => head,
            None => Linear::full(self.embed.clone()),
        };
        head.freeze()?;
        self.head = Some(head);
        Ok(())
    }

    /// The decoder's sizes.
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// Where its tensors are.
    pub fn device(&self) -> &Device {
        self.embed.device()
    }

    /// An empty cache for a sequence of up to `max_positions` tokens.
    pub fn new_cache(&self) -> KvCache {
        KvCache::new(self.config.layers, self.config.max_positions)
    }

    /// Hidden states of `ids` `[batch, tokens]` after the final norm, `[batch, tokens, hidden]`.
    ///
    /// `before_layer(i, x)` gets the hidden states before layer `i` and returns the layer's input. With a cache the batch is 1 and
    /// the tokens follow the cached ones; no token attends to the first `cache.padding` tokens of a sequence.
    pub fn forward(
        &self,
        ids: &Tensor,
        cache: Option<&mut KvCache>,
        before_layer: impl FnMut(usize, Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        self.forward_with_turns(ids, cache, None, before_layer)
    }

    /// [`Self::forward`] with scores that tokens add to their attention on earlier turns.
    pub fn forward_with_turns(
        &self,
        ids: &Tensor,
        cache: Option<&mut KvCache>,
        turns: Option<&TurnScores>,
        before_layer: impl FnMut(usize, Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        self.forward_recorded(ids, cache, turns, None, before_layer)
    }

    /// [`Self::forward_with_turns`], and the recorder, if there is one, sees the self-attention of every layer.
    pub fn forward_recorded(
        &self,
        ids: &Tensor,
        cache: Option<&mut KvCache>,
        turns: Option<&TurnScores>,
        recorder: Option<&Recorder>,
        before_layer: impl FnMut(usize, Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let mask = AttentionMask::Causal {
            past: cache.as_ref().map_or(0, |c| c.len()),
            padding: cache.as_ref().map_or(0, |c| c.padding),
        };
        let x = self.embed(ids)?;
        self.through_layers(x, cache, mask, turns, recorder, before_layer)
    }

    /// The embeddings of `ids` `[batch, tokens]`, without positions: `[batch, tokens, hidden]`.
    pub fn embed(&self, ids: &Tensor) -> Result<Tensor> {
        let (batch, tokens) = ids.dims2()?;
        let rows = self.embed.index_select(&ids.flatten_all()?, 0)?;
        let rows = rows.reshape((batch, tokens, self.config.hidden_size))?;
        match self.config.embed_scale {
            Some(scale) => rows * f64::from(scale),
            None => Ok(rows),
        }
    }

    /// The mean of the embeddings of `ids`, without positions: `[hidden]` in f32.
    ///
    /// Errors without tokens, and for a token outside the vocabulary.
    pub fn mean_embedding(&self, ids: &[u32]) -> Result<Vec<f32>> {
        let size = self.config.vocab_size;
        if ids.is_empty() || ids.iter().any(|&id| id as usize >= size) {
            candle_core::bail!("a text needs tokens of the vocabulary of {size}");
        }
        let ids = Tensor::new(ids, self.device())?;
        let rows = self.embed.index_select(&ids, 0)?;
        rows.to_dtype(DType::F32)?.mean(0)?.to_vec1()
    }

    /// [`Self::forward_with_turns`] for embeddings `x` `[batch, tokens, hidden]`, which need not be of tokens, and any mask.
    pub fn forward_embedded(
        &self,
        x: Tensor,
        cache: Option<&mut KvCache>,
        mask: AttentionMask,
        turns: Option<&TurnScores>,
        before_layer: impl FnMut(usize, Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        self.through_layers(x, cache, mask, turns, None, before_layer)
    }

    /// What goes into the first layer for the embeddings of whole sequences `[batch, tokens, hidden]`: with learned positions, if it has any.
    pub fn first_states(&self, x: Tensor) -> Result<Tensor> {
        self.with_positions(x, None)
    }

    /// What layer `index` makes of `x` `[batch, tokens, hidden]` of whole sequences: for trainers that compute a layer again instead of
    /// keeping what it computed.
    pub fn layer_states(&self, index: usize, x: &Tensor) -> Result<Tensor> {
        let missing = || candle_core::Error::msg("there is no such layer");
        let layer = self.layers.get(index).ok_or_else(missing)?;
        let (past, padding) = (0, 0);
        let mask = AttentionMask::Causal { past, padding };
        self.layer(layer, index, x, None, (&mask, None, None))
    }

    /// Hidden states after the final norm, of what the last layer made.
    pub fn last_states(&self, x: &Tensor) -> Result<Tensor> {
        self.norm.forward(x)
    }

    fn through_layers(
        &self,
        x: Tensor,
        mut cache: Option<&mut KvCache>,
        mask: AttentionMask,
        turns: Option<&TurnScores>,
        recorder: Option<&Recorder>,
        mut before_layer: impl FnMut(usize, Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let tokens = x.dim(1)?;
        let mut x = self.with_positions(x, cache.as_deref())?;
        for (i, layer) in self.layers.iter().enumerate() {
            x = before_layer(i, x)?;
            let bias = turns.map(|turns| turns.bias(i)).transpose()?.flatten();
            let seen = (&mask, bias.as_ref(), recorder);
            x = self.layer(layer, i, &x, cache.as_deref_mut(), seen)?;
        }
        if let Some(cache) = cache {
            cache.advance(tokens);
        }
        self.norm.forward(&x)
    }

    /// Adds learned positions to the embeddings of tokens that follow the cached ones. Padding has no position of its own.
    fn with_positions(&self, x: Tensor, cache: Option<&KvCache>) -> Result<Tensor> {
        let Positions::Learned { table, before } = &self.positions else {
            return Ok(x);
        };
        let (past, padding) = cache.map_or((0, 0), |cache| (cache.len(), cache.padding));
        let end = past + x.dim(1)?;
        if end > self.config.max_positions {
            candle_core::bail!(
                "position {end} exceeds the {} positions of this model",
                self.config.max_positions
            );
        }
        let rows: Vec<u32> = (past..end)
            .map(|at| (before + at.saturating_sub(padding)) as u32)
            .collect();
        let rows = Tensor::new(rows, x.device())?;
        x.broadcast_add(&table.index_select(&rows, 0)?)
    }

    fn layer(
        &self,
        layer: &Layer,
        index: usize,
        x: &Tensor,
        cache: Option<&mut KvCache>,
        seen: (&AttentionMask, Option<&TurnBias>, Option<&Recorder>),
    ) -> Result<Tensor> {
        let y = layer.input_norm.forward(x)?;
        let attended = self.attend(layer, index, &y, cache, seen)?;
        if self.config.parallel_residual {
            let y = layer.post_norm.forward(x)?;
            return (x + attended)? + layer.feed_forward(&y)?;
        }
        let x = (x + attended)?;
        let y = layer.post_norm.forward(&x)?;
        x + layer.feed_forward(&y)?
    }

    fn attend(
        &self,
        layer: &Layer,
        index: usize,
        y: &Tensor,
        cache: Option<&mut KvCache>,
        (mask, bias, recorder): (&AttentionMask, Option<&TurnBias>, Option<&Recorder>),
    ) -> Result<Tensor> {
        let (mut q, mut k) = (layer.q.forward(y)?, layer.k.forward(y)?);
        let v = layer.v.forward(y)?;
        if let Some((q_norm, k_norm)) = &layer.qk_norm {
            (q, k) = (q_norm.forward(&q)?, k_norm.forward(&k)?);
        }
        if let Positions::Rotary(table) = &self.positions {
            // Rotary scores depend only on distances, so left padding does not matter.
            let start = cache.as_ref().map_or(0, |c| c.len());
            (q, k) = (rope(&q, table, start)?, rope(&k, table, start)?);
        }
        let (k, v) = match cache {
            None => (k, v),
            Some(cache) => cache.extend(index, &k, &v)?,
        };
        let heads = self.config.attention_heads();
        let mut scale = ((self.config.hidden_size / heads.query) as f32).powf(-0.5);
        if self.config.layer_scaled_attention {
            scale /= (index + 1) as f32;
        }
        if let Some(recorder) = recorder {
            let slopes = match &self.positions {
                Positions::Biases(slopes) => Some(slopes),
                Positions::Rotary(_) | Positions::Learned { .. } => None,
            };
            let scores = Scores {
                q: &q,
                k: &k,
                heads,
                scale,
                mask,
                slopes,
                turns: bias,
            };
            recorder.self_attention(index, &scores)?;
        }
        let mask = mask.clone();
        let y = match (&self.positions, bias) {
            (Positions::Rotary(_) | Positions::Learned { .. }, None) => {
                attention(&q, &k, &v, heads, scale, mask)?
            }
            (Positions::Rotary(_) | Positions::Learned { .. }, Some(bias)) => {
                attention_with_turns(&q, &k, &v, heads, scale, mask, bias)?
            }
            (Positions::Biases(slopes), None) => {
                attention_alibi(&q, &k, &v, slopes, heads.key_value, scale, mask)?
            }
            (Positions::Biases(_), Some(_)) => {
                candle_core::bail!("scores of turns cannot be added to linear biases")
            }
        };
        layer.o.forward(&y)
    }

    /// Logits `[.., vocab]` of hidden states `[.., hidden]`.
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        match &self.head {
            Some(head) => head.forward(hidden),
            None => crate::ops::linear(hidden, &self.embed, None),
        }
    }
}

impl Layer {
    fn load(config: &DecoderConfig, index: usize, store: &Store) -> Result<Self> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let init = normal(1.0 / (hidden as f64).sqrt());
        let depth = (2.0 * config.layers as f64).sqrt();
        let out = normal(1.0 / (hidden as f64).sqrt() / depth);
        let down = normal(1.0 / (inner as f64).sqrt() / depth);
        let attention = store.pp("self_attn");
        let mlp = store.pp("mlp");
        let dense = |store: &Store, name: &str, shape: (usize, usize), init| {
            let store = store.pp(name);
            let bias = match config.bias {
                true => Some(store.get(shape.0, "bias", Init::Const(0.0))?),
                false => None,
            };
            Ok::<_, candle_core::Error>(store.linear(shape, "weight", init)?.with_bias(bias))
        };
        let low_rank = config.low_rank.filter(|low| index >= low.first_layer);
        let projection = |projection: Projection, init| {
            let (out, input) = config.projection_shape(projection);
            let (part, name) = match projection.name().split_once('.') {
                Some(("self_attn", name)) => (&attention, name),
                Some((_, name)) => (&mlp, name),
                None => (store, projection.name()),
            };
            let linear = dense(part, name, (out, input), init)?;
            let Some(low) = low_rank.filter(|low| low.targets.has(projection)) else {
                return Ok(linear);
            };
            let part = part.pp(name);
            let down = normal(1.0 / (input as f64).sqrt());
            Ok::<_, candle_core::Error>(linear.with_low_rank(
                part.get((low.rank, input), "low_rank_down", down)?,
                part.get((out, low.rank), "low_rank_up", Init::Const(0.0))?,
            ))
        };
        let norm_of = |width, store: Store| Norm::load(config.norm, width, config.norm_eps, &store);
        let norm = |store: Store| norm_of(hidden, store);
        Ok(Self {
            input_norm: norm(store.pp("input_layernorm"))?,
            q: projection(Projection::QProj, init)?,
            k: projection(Projection::KProj, init)?,
            v: projection(Projection::VProj, init)?,
            o: projection(Projection::OProj, out)?,
            qk_norm: match config.qk_norm {
                true => Some((
                    norm(attention.pp("q_norm"))?,
                    norm_of(config.key_value_width(), attention.pp("k_norm"))?,
                )),
                false => None,
            },
            post_norm: norm(store.pp("post_attention_layernorm"))?,
            gate: match config.mlp {
                Mlp::SwiGlu => Some(projection(Projection::GateProj, init)?),
                Mlp::Gelu | Mlp::GeluTanh => None,
            },
            up: projection(Projection::UpProj, init)?,
            down: projection(Projection::DownProj, down)?,
            gelu_tanh: config.mlp == Mlp::GeluTanh,
        })
    }

    fn feed_forward(&self, y: &Tensor) -> Result<Tensor> {
        let up = self.up.forward(y)?;
        let inner = match &self.gate {
            Some(gate) => silu_mul(&gate.forward(y)?, &up)?,
            None if self.gelu_tanh => gelu_tanh(&up)?,
            None => gelu(&up)?,
        };
        self.down.forward(&inner)
    }
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
