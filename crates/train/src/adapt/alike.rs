//! Whether two images of an index show the same, as retrieval tells it: perceptual hashes find candidates, however one of them was
//! turned, mirrored, inverted or framed, and their pixels decide.
//!
//! A crop that changes the hash by more than [`MAX_BITS`] is not found: comparing the pixels of every two images would take days.

use rounds_imaging::{Image, Sketch, hamming, phash_variants};

/// Images whose hashes differ in more bits are not compared. Of 470 teaching images 339 pairs are within 10 bits, one in 300.
const MAX_BITS: u32 = 10;

/// What is compared of an image.
pub(super) struct Look {
    /// Perceptual hashes of the image as it is, which is the first, and of its alterations.
    hashes: Vec<u64>,
    sketch: Sketch,
}

impl Look {
    pub(super) fn of(image: &Image) -> Self {
        let variants = phash_variants(image);
        Self {
            hashes: [variants.plain, variants.altered].concat(),
            sketch: Sketch::of(image),
        }
    }

    /// Whether a hash of this image is near to that of `other` as it is.
    fn is_near(&self, other: &Self) -> bool {
        let mut hashes = self.hashes.iter();
        let own = other.hashes.first();
        own.is_some_and(|&own| hashes.any(|&hash| hamming(hash, own) <= MAX_BITS))
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
