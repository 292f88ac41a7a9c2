//! How many of a sample's 16 bits an image uses.
//!
//! Scanners store 10 or 12 bits in 16, which would look black. The smallest power of two above all samples is therefore white.
//! Never stretch the darkest to black or the brightest to white: images of one device must stay comparable, and noise in an
//! empty image invisible.

/// Which sample of 16 bits is white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SampleRange {
    /// The largest that 16 bits can hold.
    Full,
    /// The largest that the bits in use can hold, if those are 8 to [`MAX_BITS_IN_USE`].
    InUse,
}

/// Bits of a sample.
pub(super) const ALL_BITS: u8 = 16;
/// Scanners and detectors have at most this many bits. What uses more is an image of 16 bits that happens to be dark.
const MAX_BITS_IN_USE: u8 = 14;

impl SampleRange {
    /// How many bits of the samples count.
    pub(super) fn bits(self, samples: impl Iterator<Item = u16>) -> u8 {
        match self {
            Self::Full => ALL_BITS,
            // Only the highest bit that any sample has matters.
            Self::InUse => {
                let all = samples.fold(0, |all, sample| all | sample);
                match (ALL_BITS - all.leading_zeros() as u8).max(8) {
                    bits if bits <= MAX_BITS_IN_USE => bits,
                    _ => ALL_BITS,
                }
            }
        }
    }
}
