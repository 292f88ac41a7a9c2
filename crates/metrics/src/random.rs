//! The random numbers of the resampling, the same on every machine and in every release.
//!
//! This crate stands on no other of the workspace, so the few lines of SplitMix64 (Steele et al. 2014) are here too.

/// A seeded generator of indices.
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A uniform index below `bound`, which must not be 0.
    pub(crate) fn index(&mut self, bound: usize) -> usize {
        // The high half of the product: the bias is below `bound / 2^64`.
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}
