//! Sequences of embeddings on a decoder: for learners whose images stand in the sequence, each as several positions.

use candle_core::{DType, Tensor};

use super::{Decoder, KvCache};
use crate::error::ModelError;
use crate::ops::AttentionMask;
use rounds_support::Cancel;

/// Positions per prefill step. Long prompts run in chunks, so that a cancel takes effect soon and memory stays bounded.
const PREFILL_CHUNK: usize = 256;

/// The caches of the current sequences.
#[derive(Default)]
pub(crate) struct Sequences {
    branches: Vec<KvCache>,
}

impl Sequences {
    /// Frees all sequences: a new one may need their memory.
    pub(crate) fn clear(&mut self) {
        self.branches.clear();
    }

    /// Hidden states of a new sequence of `embeddings` `[1, positions, hidden]`, of the same shape; with `last_chunk_only` those of the last
    /// chunk alone. `cache` may hold what comes before it.
    pub(crate) fn start(
        &mut self,
        decoder: &Decoder,
        mut cache: KvCache,
        embeddings: &Tensor,
        last_chunk_only: bool,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        let count = embeddings.dim(1)?;
        cache.reserve(cache.len() + count + 1);
        self.branches = vec![cache];
        let mut outputs = Vec::new();
        for from in (0..count).step_by(PREFILL_CHUNK) {
            let chunk = embeddings.narrow(1, from, PREFILL_CHUNK.min(count - from))?;
            if last_chunk_only {
                outputs.clear();
            }
            outputs.push(self.run(decoder, 0, chunk.contiguous()?, cancel)?);
        }
        Ok(Tensor::cat(&outputs, 1)?)
    }

    /// Hidden states of the embeddings `x` `[1, positions, hidden]`, which continue sequence `branch`.
    pub(crate) fn run(
        &mut self,
        decoder: &Decoder,
        branch: usize,
        x: Tensor,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        let Some(cache) = self.branches.get_mut(branch) else {
            return Err(candle_core::Error::msg("step before prefill").into());
        };
        let mask = AttentionMask::Causal {
            past: cache.len(),
            padding: 0,
        };
        let hidden = decoder.forward_embedded(x, Some(cache), mask, None, |_, x| {
            match cancel.is_cancelled() {
                true => candle_core::bail!("cancelled"),
                false => Ok(x),
            }
        });
        match cancel.is_cancelled() {
            true => Err(ModelError::Cancelled),
            false => Ok(hidden?),
        }
    }

    /// Makes sequence `i` a continuation of the old sequence `parents[i]`.
    pub(crate) fn branch(&mut self, parents: &[usize]) -> Result<(), ModelError> {
        self.branches = KvCache::branched(std::mem::take(&mut self.branches), parents)?;
        Ok(())
    }

    /// Hidden states after one more token of sequence `branch`.
    pub(crate) fn step(
        &mut self,
        decoder: &Decoder,
        branch: usize,
        token: u32,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        let token = Tensor::new(&[token], decoder.device())?.unsqueeze(0)?;
        self.run(decoder, branch, decoder.embed(&token)?, cancel)
    }
}

/// Logits after the last of the hidden states `[1, positions, hidden]`, one per vocabulary entry.
pub(crate) fn last_logits(decoder: &Decoder, hidden: &Tensor) -> Result<Vec<f32>, ModelError> {
    let last = hidden.narrow(1, hidden.dim(1)? - 1, 1)?;
    let logits = decoder.logits(&last.contiguous()?)?.flatten_all()?;
    Ok(logits.to_dtype(DType::F32)?.to_vec1()?)
}
