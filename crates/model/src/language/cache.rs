//! Keys and values of the tokens seen so far.
//!
//! Memory grows with the tokens: allocating for the whole context would take gigabytes per sequence, and a beam search has many
//! sequences.

use candle_core::{Result, Tensor};

/// Memory is allocated for multiples of this many tokens.
const GROWTH_STEP: usize = 128;

/// Keys and values of one sequence: two tensors `[1, allocated, hidden]` per layer.
pub struct KvCache {
    /// `None` before the first token.
    layers: Vec<Option<(Tensor, Tensor)>>,
    length: usize,
    capacity: usize,
    /// Tokens announced with [`KvCache::reserve`].
    reserved: usize,
    /// Whether gradients flow through it: then every token allocates anew.
    differentiable: bool,
    /// Padding tokens at the start, which no token attends to.
    pub padding: usize,
}

impl KvCache {
    /// An empty cache for at most `capacity` tokens.
    pub fn new(layers: usize, capacity: usize) -> Self {
        Self {
            layers: vec![None; layers],
            length: 0,
            capacity,
            reserved: 0,
            differentiable: false,
            padding: 0,
        }
    }

    /// The same cache, through which gradients flow. For training only: every token allocates anew.
    pub fn differentiable(self) -> Self {
        Self {
            differentiable: true,
            ..self
        }
    }

    /// Announces how many tokens will come, so that memory is allocated once.
    pub fn reserve(&mut self, tokens: usize) {
        self.reserved = tokens;
    }

    /// Number of cached tokens.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing is cached yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends `k` and `v` `[1, tokens, hidden]` of one layer; returns all keys and values of that layer.
    pub(super) fn extend(
        &mut self,
        layer: usize,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let length = self.length + k.dim(1)?;
        if length > self.capacity {
            candle_core::bail!(
                "{length} tokens, but the cache takes at most {}",
                self.capacity
            );
        }
        let allocation = self.allocation(length.max(self.reserved));
        let slot = &mut self.layers[layer];
        if self.differentiable {
            let all = match slot.as_ref() {
                Some((keys, values)) => {
                    (Tensor::cat(&[keys, k], 1)?, Tensor::cat(&[values, v], 1)?)
                }
                None => (k.clone(), v.clone()),
            };
            *slot = Some(all.clone());
            return Ok(all);
        }
        let (keys, values) = match slot.as_ref() {
            Some((keys, values)) if keys.dim(1)? >= length => (keys.clone(), values.clone()),
            Some((keys, values)) => (
                reallocated(keys, self.length, allocation)?,
                reallocated(values, self.length, allocation)?,
            ),
            None => (
                reallocated(k, 0, allocation)?,
                reallocated(v, 0, allocation)?,
            ),
        };
        keys.slice_set(&k.contiguous()?, 1, self.length)?;
        values.slice_set(&v.contiguous()?, 1, self.length)?;
        let all = (keys.narrow(1, 0, length)?, values.narrow(1, 0, length)?);
        *slot = Some((keys, values));
        Ok(all)
    }

    /// Puts keys and values `[1, tokens, key-value width]` of each layer into an empty cache, as if tokens had been seen.
    ///
    /// Errors where there are not as many as layers.
    pub fn preload(&mut self, layers: &[(Tensor, Tensor)]) -> Result<()> {
        if layers.len() != self.layers.len() || !self.is_empty() {
            candle_core::bail!(
                "keys and values of {} layers do not fit a cache of {}",
                layers.len(),
                self.layers.len()
            );
        }
        let mut tokens = 0;
        for (layer, (k, v)) in layers.iter().enumerate() {
            self.extend(layer, k, v)?;
            tokens = k.dim(1)?;
        }
        self.advance(tokens);
        Ok(())
    }

    /// Forgets all tokens but the first `tokens`.
    pub fn truncate(&mut self, tokens: usize) {
        self.length = self.length.min(tokens);
    }

    /// Counts `tokens` that were added to every layer.
    pub(super) fn advance(&mut self, tokens: usize) {
        self.length += tokens;
    }

    /// An independent copy.
    pub fn fork(&self) -> Result<Self> {
        let allocation = self.allocation(self.length + 1);
        let copied = |t: &Tensor| reallocated(t, self.length, allocation);
        Ok(Self {
            layers: self
                .layers
                .iter()
                .map(|layer| match layer {
                    Some((keys, values)) => Ok(Some((copied(keys)?, copied(values)?))),
                    None => Ok(None),
                })
                .collect::<Result<_>>()?,
            ..*self
        })
    }

    /// Replaces the sequences `old`: the new sequence `i` continues `old[parents[i]]`.
    ///
    /// Errors where there is no such sequence.
    pub fn branched(old: Vec<Self>, parents: &[usize]) -> Result<Vec<Self>> {
        // Drop the sequences that are not continued before copying any, to keep the peak of memory low.
        let mut old: Vec<Option<Self>> = old
            .into_iter()
            .enumerate()
            .map(|(i, cache)| Some(cache).filter(|_| parents.contains(&i)))
            .collect();
        let mut new = Vec::with_capacity(parents.len());
        for (i, &parent) in parents.iter().enumerate() {
            let reused_later = parents[i + 1..].contains(&parent);
            let cache = match old.get_mut(parent) {
                Some(slot) if reused_later => slot.as_ref().map(Self::fork).transpose()?,
                Some(slot) => slot.take(),
                None => None,
            };
            new.push(cache.ok_or_else(|| candle_core::Error::msg("there is no such sequence"))?);
        }
        Ok(new)
    }

    fn allocation(&self, tokens: usize) -> usize {
        tokens.next_multiple_of(GROWTH_STEP).min(self.capacity)
    }
}

/// A copy of the first `length` tokens of `old` `[1, tokens, hidden]`, allocated for `allocation` tokens.
fn reallocated(old: &Tensor, length: usize, allocation: usize) -> Result<Tensor> {
    let (batch, _, hidden) = old.dims3()?;
    let new = Tensor::zeros((batch, allocation, hidden), old.dtype(), old.device())?;
    if length > 0 {
        new.slice_set(&old.narrow(1, 0, length)?.contiguous()?, 1, 0)?;
    }
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// `[1, tokens, 2]` with consecutive numbers from `first`.
    fn rows(first: usize, tokens: usize) -> Tensor {
        let numbers: Vec<f32> = (2 * first..2 * (first + tokens))
            .map(|n| n as f32)
            .collect();
        Tensor::from_vec(numbers, (1, tokens, 2), &Device::Cpu).unwrap()
    }

    fn added(cache: &mut KvCache, first: usize, tokens: usize) -> Vec<f32> {
        let new = rows(first, tokens);
        let (keys, values) = cache.extend(0, &new, &new).unwrap();
        cache.advance(tokens);
        let flat = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(flat(keys.clone()), flat(values));
        flat(keys)
    }

    fn allocated_tokens(cache: &KvCache) -> usize {
        cache.layers[0].as_ref().unwrap().0.dim(1).unwrap()
    }

    #[test]
    fn memory_grows_with_the_tokens_and_a_fork_needs_no_more() {
        let mut cache = KvCache::new(1, 1 << 40);
        for (first, tokens) in [(0, 100), (100, 28), (128, 1), (129, 200)] {
            let all = added(&mut cache, first, tokens);
            let wanted: Vec<f32> = (0..2 * (first + tokens)).map(|n| n as f32).collect();
            assert_eq!(all, wanted);
            assert!(allocated_tokens(&cache) < first + tokens + GROWTH_STEP);
        }
        let mut fork = cache.fork().unwrap();
        assert!(allocated_tokens(&fork) < 329 + GROWTH_STEP);
        let (one, other) = (added(&mut cache, 7, 1), added(&mut fork, 9, 1));
        assert_eq!(one[..658], other[..658]);
        assert_eq!(
            (one[658], other[658]),
            (14.0, 18.0),
            "the copies are independent"
        );
    }

    #[test]
    fn a_truncated_cache_goes_on_from_where_it_was_cut() {
        let mut cache = KvCache::new(1, 300);
        added(&mut cache, 0, 10);
        cache.truncate(4);
        assert_eq!(cache.len(), 4);
        cache.truncate(9);
        assert_eq!(cache.len(), 4, "what was forgotten does not come back");
        let all = added(&mut cache, 50, 2);
        assert_eq!(all[..8], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(all[8..], [100.0, 101.0, 102.0, 103.0]);
    }

    #[test]
    fn reserved_tokens_are_allocated_at_once_and_the_capacity_is_a_limit() {
        let mut cache = KvCache::new(1, 300);
        cache.reserve(290);
        added(&mut cache, 0, 10);
        assert_eq!(allocated_tokens(&cache), 300);
        let new = rows(0, 291);
        assert!(cache.extend(0, &new, &new).is_err());
        added(&mut cache, 10, 290);
        assert_eq!(cache.len(), 300);
    }
}
