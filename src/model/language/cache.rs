//! Keys and values of the tokens seen so far, preallocated.

use candle_core::{DType, Device, Result, Tensor};

/// One pair of tensors a layer, `[1, capacity, hidden]` each, for one sequence.
pub struct KvCache {
    layers: Vec<(Tensor, Tensor)>,
    length: usize,
    capacity: usize,
    /// Tokens at the beginning that only fill up and that nothing may see.
    pub padding: usize,
}

impl KvCache {
    /// An empty cache.
    pub fn new(
        layers: usize,
        capacity: usize,
        hidden: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let empty = || Tensor::zeros((1, capacity, hidden), dtype, device);
        Ok(Self {
            layers: (0..layers)
                .map(|_| Ok((empty()?, empty()?)))
                .collect::<Result<_>>()?,
            length: 0,
            capacity,
            padding: 0,
        })
    }

    /// Tokens held.
    pub fn len(&self) -> usize {
        self.length
    }

    /// True before the first token.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Tokens that still fit.
    pub fn room(&self) -> usize {
        self.capacity - self.length
    }

    /// Forgets everything after the first `length` tokens.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Adds `k` and `v` `[1, tokens, hidden]` of one layer; gives all that the layer holds.
    pub(super) fn extend(
        &mut self,
        layer: usize,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let tokens = k.dim(1)?;
        if tokens > self.room() {
            candle_core::bail!(
                "{} tokens where {} are held at most",
                self.length + tokens,
                self.capacity
            );
        }
        let (keys, kept) = &self.layers[layer];
        keys.slice_set(&k.contiguous()?, 1, self.length)?;
        kept.slice_set(&v.contiguous()?, 1, self.length)?;
        Ok((
            keys.narrow(1, 0, self.length + tokens)?,
            kept.narrow(1, 0, self.length + tokens)?,
        ))
    }

    /// Counts `tokens` that every layer has now.
    pub(super) fn advance(&mut self, tokens: usize) {
        self.length += tokens;
    }

    /// A copy that can go on by itself.
    pub fn fork(&self) -> Result<Self> {
        Ok(Self {
            layers: self
                .layers
                .iter()
                .map(|(k, v)| Ok((k.copy()?, v.copy()?)))
                .collect::<Result<_>>()?,
            ..*self
        })
    }
}
