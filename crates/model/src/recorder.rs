//! What attention did at the last tokens of a sequence, for whoever asks why the model said what it said.
//!
//! A forward pass takes an optional [`Recorder`]. Without one nothing more is computed than before; with one the weights of the wanted
//! rows are computed a second time, beside the kernels, so the logits are the same numbers either way.

use candle_core::{D, DType, Result, Tensor};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::ops::{AttentionMask, Heads, TurnBias, attention_weights};

/// Attention weights, mean over the heads: one row a query, one value a key. A row sums to 1, or is 0 where the query sees no key.
pub type Rows = Vec<Vec<f32>>;

/// What a learner did at the last tokens of a sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// One entry for each layer of the decoder.
    pub layers: Vec<LayerTrace>,
}

/// What one layer of the decoder did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerTrace {
    /// Self-attention over all tokens of the sequence.
    pub self_attention: Rows,
    /// The gated block before the layer, where it has one.
    pub gated: Option<GatedTrace>,
}

/// What one gated block did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatedTrace {
    /// tanh of the gate of the cross-attention.
    pub attention_gate: f32,
    /// tanh of the gate of the feed-forward.
    pub feed_forward_gate: f32,
    /// Length of what the cross-attention added, in parts of the length of the hidden state that it was added to; one a token. Empty where
    /// there were no images.
    pub attention_added: Vec<f32>,
    /// The same of the feed-forward.
    pub feed_forward_added: Vec<f32>,
    /// Cross-attention over the latents of all images, image after image. Empty where there were no images.
    pub cross_attention: Rows,
}

/// Logits of the last tokens of a sequence, and how they came about.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// One row a token, one value a vocabulary entry; those of untrained tokens are minus infinity.
    pub logits: Vec<Vec<f32>>,
    /// What attention did, where that was asked for.
    pub trace: Option<Trace>,
}

/// The two parts of a gated block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GatedPart {
    Attention,
    FeedForward,
}

/// Scores before the softmax, as far as the masks and biases of this crate go.
pub(crate) struct Scores<'a> {
    pub(crate) q: &'a Tensor,
    pub(crate) k: &'a Tensor,
    pub(crate) heads: Heads,
    pub(crate) scale: f32,
    pub(crate) mask: &'a AttentionMask,
    pub(crate) slopes: Option<&'a Arc<Vec<f32>>>,
    pub(crate) turns: Option<&'a TurnBias>,
}

/// Collects what attention does at tokens from a position on. For one sequence, batch 1.
pub struct Recorder {
    /// Position of the first token that is recorded.
    first: usize,
    /// Position of the first token of the current chunk.
    past: Cell<usize>,
    trace: RefCell<Trace>,
}

impl Recorder {
    /// A recorder of a decoder with `layers` layers, for tokens at position `first` and after it.
    pub fn new(layers: usize, first: usize) -> Self {
        Self {
            first,
            past: Cell::new(0),
            trace: RefCell::new(Trace {
                layers: vec![LayerTrace::default(); layers],
            }),
        }
    }

    /// What was recorded.
    pub fn into_trace(self) -> Trace {
        self.trace.into_inner()
    }

    /// The next forward pass begins at this position.
    pub(crate) fn begin_chunk(&self, past: usize) {
        self.past.set(past);
    }

    /// Which of a chunk's `queries` are recorded: from which on, and how many; `None` if none is.
    fn wanted(&self, queries: usize) -> Option<(usize, usize)> {
        let from = self.first.saturating_sub(self.past.get());
        (from < queries).then(|| (from, queries - from))
    }

    fn weights(&self, scores: &Scores) -> Result<Option<Rows>> {
        let queries = scores.q.dim(1)?;
        let Some((from, count)) = self.wanted(queries) else {
            return Ok(None);
        };
        let q = scores.q.narrow(1, from, count)?.contiguous()?;
        let turns = match scores.turns {
            Some(bias) => Some(TurnBias {
                values: bias.values.narrow(1, from, count)?.contiguous()?,
                turns: bias.turns,
                of_key: bias.of_key.clone(),
            }),
            None => None,
        };
        let weights = attention_weights(
            &q,
            scores.k,
            scores.heads,
            scores.scale,
            scores.mask.of_queries(from, count),
            scores.slopes,
            turns.as_ref(),
        )?;
        Ok(Some(weights.mean(1)?.squeeze(0)?.to_vec2()?))
    }

    /// Records the self-attention of a layer.
    pub(crate) fn self_attention(&self, layer: usize, scores: &Scores) -> Result<()> {
        let Some(rows) = self.weights(scores)? else {
            return Ok(());
        };
        if let Some(layer) = self.trace.borrow_mut().layers.get_mut(layer) {
            layer.self_attention.extend(rows);
        }
        Ok(())
    }

    /// Records the cross-attention of the gated block before a layer.
    pub(crate) fn cross_attention(&self, layer: usize, scores: &Scores) -> Result<()> {
        let Some(rows) = self.weights(scores)? else {
            return Ok(());
        };
        self.with_gated(layer, |gated| gated.cross_attention.extend(rows));
        Ok(())
    }

    /// Records what a part of the gated block before a layer added to the hidden state `x`, both `[1, tokens, width]`, through a gate.
    pub(crate) fn added(
        &self,
        layer: usize,
        part: GatedPart,
        (x, added, gate): (&Tensor, &Tensor, &Tensor),
    ) -> Result<()> {
        let Some((from, count)) = self.wanted(x.dim(1)?) else {
            return Ok(());
        };
        let lengths = |t: &Tensor| -> Result<Vec<f32>> {
            let rows = t.narrow(1, from, count)?.to_dtype(DType::F32)?;
            rows.sqr()?.sum(D::Minus1)?.sqrt()?.squeeze(0)?.to_vec1()
        };
        let (before, after) = (lengths(x)?, lengths(added)?);
        let shares = after.iter().zip(&before);
        let shares = shares.map(|(added, x)| added / x.max(f32::MIN_POSITIVE));
        let gate: Vec<f32> = gate.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?;
        let gate = gate.first().copied().unwrap_or_default();
        self.with_gated(layer, |gated| match part {
            GatedPart::Attention => {
                gated.attention_gate = gate;
                gated.attention_added.extend(shares);
            }
            GatedPart::FeedForward => {
                gated.feed_forward_gate = gate;
                gated.feed_forward_added.extend(shares);
            }
        });
        Ok(())
    }

    /// Records the gate of a cross-attention that had nothing to look at.
    pub(crate) fn closed(&self, layer: usize, gate: &Tensor) -> Result<()> {
        let gate: Vec<f32> = gate.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?;
        let gate = gate.first().copied().unwrap_or_default();
        self.with_gated(layer, |gated| gated.attention_gate = gate);
        Ok(())
    }

    fn with_gated(&self, layer: usize, change: impl FnOnce(&mut GatedTrace)) {
        if let Some(layer) = self.trace.borrow_mut().layers.get_mut(layer) {
            change(layer.gated.get_or_insert_default());
        }
    }
}
