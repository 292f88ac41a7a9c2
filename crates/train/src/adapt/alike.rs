//! Whether two images of an index show the same, as retrieval tells it: perceptual hashes find candidates, however one of them was
//! turned, mirrored, inverted or framed, and their pixels decide.
//!
//! A crop that changes the hash by more than [`MAX_BITS`] is not found: comparing the pixels of every two images would take hours.

use rounds_imaging::{Image, PhashVariants, Sketch, hamming, phash_variants};

/// Pixels are compared up to so many different bits, as long as the image is only mirrored or framed. Of the pairs of 470 teaching images one
/// in 470 is within 8.
const MAX_BITS: u32 = 8;
/// The same for an image that was turned or inverted, as in retrieval: most such pairs are of different images.
const MAX_BITS_ALTERED: u32 = 6;

/// What is compared of an image.
pub(super) struct Look {
    hashes: PhashVariants,
    sketch: Sketch,
}

impl Look {
    pub(super) fn of(image: &Image) -> Self {
        Self {
            hashes: phash_variants(image),
            sketch: Sketch::of(image),
        }
    }

    /// Whether a hash of this image is near to that of `other` as it is.
    fn is_near(&self, other: &Self) -> bool {
        let Some(&own) = other.hashes.plain.first() else {
            return false;
        };
        let near = |hashes: &[u64], most| hashes.iter().any(|&hash| hamming(hash, own) <= most);
        near(&self.hashes.plain, MAX_BITS) || near(&self.hashes.altered, MAX_BITS_ALTERED)
    }

    /// Whether one of the two shows the other.
    pub(super) fn shows_same(&self, other: &Self) -> bool {
        (self.is_near(other) || other.is_near(self)) && self.sketch.shows_same(&other.sketch)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use rounds_support::rng::Rng;

    /// Some discs whose sizes, places and brightness depend on `seed`.
    pub(in super::super) fn picture(seed: u64) -> Image {
        const SIDE: usize = 96;
        let mut rng = Rng::new(seed);
        let discs: Vec<[f32; 4]> = (0..7)
            .map(|_| {
                [
                    rng.range(0.0, SIDE as f32),
                    rng.range(0.0, SIDE as f32),
                    rng.range(6.0, 24.0),
                    rng.range(60.0, 250.0),
                ]
            })
            .collect();
        let mut image = rounds_imaging::blank(SIDE as u32);
        image.rgb = (0..SIDE * SIDE)
            .flat_map(|at| {
                let (x, y) = ((at % SIDE) as f32, (at / SIDE) as f32);
                let inside = |disc: &&[f32; 4]| {
                    let [cx, cy, radius, _] = **disc;
                    (x - cx).hypot(y - cy) < radius
                };
                let bright = discs.iter().rev().find(inside).map_or(20.0, |disc| disc[3]);
                [bright as u8; 3]
            })
            .collect();
        image
    }

    /// A picture mirrored and darker.
    pub(in super::super) fn altered(seed: u64) -> Image {
        let mut image = picture(seed);
        let side = image.width as usize;
        let pixels: Vec<&[u8]> = image.rgb.chunks(3).collect();
        let rows = pixels.chunks(side).map(|row| row.iter().rev());
        image.rgb = rows
            .flatten()
            .flat_map(|pixel| pixel.iter().map(|value| value - value / 5))
            .collect();
        image
    }

    #[test]
    fn an_altered_copy_shows_the_same_and_another_picture_does_not() {
        for seed in 0..4 {
            let (one, copy) = (Look::of(&picture(seed)), Look::of(&altered(seed)));
            assert!(one.shows_same(&copy) && copy.shows_same(&one), "{seed}");
            let other = Look::of(&picture(seed + 100));
            assert!(!one.shows_same(&other), "{seed}");
        }
    }
}
