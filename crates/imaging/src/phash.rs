//! A perceptual hash: similar images have hashes that differ in few bits.
//!
//! The DCT hash of Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010): brightness at
//! 32 x 32, the 64 lowest frequencies, and one bit for each that is above their median. It tolerates resizing, compression
//! noise and changes of contrast, but not rotation, and only slight cropping.
//!
//! An index keeps the hash of each image as it is. What may have been done to a query's image is undone before the comparison:
//! turning or inverting an image permutes or negates its frequencies, so one transform gives the hashes of all its turns.

use super::{Image, border, resize_bicubic};

const SIDE: usize = 32;
const FREQUENCIES: usize = 8;

/// The 64-bit perceptual hash of an image.
pub fn phash(image: &Image) -> u64 {
    let (width, height) = (image.width as usize, image.height as usize);
    Spectrum::of(&bright(&image.rgb, width, height)).hash()
}

/// The hashes by which an altered copy of an image is found among stored images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhashVariants {
    /// As it is and mirrored, each also without its flat border. The first equals [`phash`].
    pub plain: Vec<u64>,
    /// The other ways to alter an image without changing what it shows: turned by quarters, upside down, and inverted, each
    /// also mirrored and without its flat border.
    pub altered: Vec<u64>,
}

/// The hashes of an image and of its alterations.
pub fn phash_variants(image: &Image) -> PhashVariants {
    let mut out = PhashVariants::default();
    for spectrum in spectra(image) {
        for turn in Turn::all() {
            let turned = spectrum.turned(turn);
            match turn.swapped || turn.down {
                true => out.altered.push(turned.hash()),
                false => out.plain.push(turned.hash()),
            }
            out.altered.push(turned.inverted().hash());
        }
    }
    out
}

/// The frequencies of an image, and of its inside if it has a flat border.
fn spectra(image: &Image) -> impl Iterator<Item = Spectrum> {
    let (width, height) = (image.width as usize, image.height as usize);
    let whole = Spectrum::of(&bright(&image.rgb, width, height));
    let inside = border::inside(&image.rgb, width, height)
        .map(|inside| Spectrum::of(&bright(&inside.rgb, inside.width, inside.height)));
    [whole].into_iter().chain(inside)
}

/// Brightness at 32 x 32.
fn bright(rgb: &[u8], width: usize, height: usize) -> Vec<f64> {
    let small = resize_bicubic(rgb, width, height, SIDE, SIDE);
    small
        .chunks_exact(3)
        .map(|p| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]))
        .collect()
}

/// How an image is turned. The sides are mirrored after rows and columns are swapped.
#[derive(Clone, Copy, Default)]
struct Turn {
    /// Rows become columns.
    swapped: bool,
    /// Upside down.
    down: bool,
    /// Left to right.
    across: bool,
}

impl Turn {
    /// All eight, beginning with none.
    fn all() -> impl Iterator<Item = Self> {
        (0..8).map(|bits| Self {
            across: bits & 1 != 0,
            down: bits & 2 != 0,
            swapped: bits & 4 != 0,
        })
    }
}

/// The lowest frequencies of an image, row by row from the lowest.
struct Spectrum([f64; FREQUENCIES * FREQUENCIES]);

impl Spectrum {
    fn of(bright: &[f64]) -> Self {
        let waves: [[f64; SIDE]; FREQUENCIES] = std::array::from_fn(|k| {
            std::array::from_fn(|x| {
                (std::f64::consts::PI * (2 * x + 1) as f64 * k as f64 / (2 * SIDE) as f64).cos()
            })
        });
        Self(std::array::from_fn(|at| {
            let (down, across) = (at / FREQUENCIES, at % FREQUENCIES);
            let rows = bright.chunks_exact(SIDE).zip(&waves[down]);
            let products = rows.flat_map(|(row, down)| {
                let pixels = row.iter().zip(&waves[across]);
                pixels.map(move |(bright, across)| bright * down * across)
            });
            products.sum()
        }))
    }

    /// The frequencies of the turned image: a mirrored wave is the same one, or its negative if its number is odd.
    fn turned(&self, turn: Turn) -> Self {
        Self(std::array::from_fn(|at| {
            let (down, across) = (at / FREQUENCIES, at % FREQUENCIES);
            let value = match turn.swapped {
                true => self.0[across * FREQUENCIES + down],
                false => self.0[at],
            };
            let is_odd = (turn.down && down % 2 == 1) != (turn.across && across % 2 == 1);
            if is_odd { -value } else { value }
        }))
    }

    /// The frequencies of the negative.
    fn inverted(&self) -> Self {
        Self(self.0.map(|value| -value))
    }

    fn hash(&self) -> u64 {
        // The mean brightness carries no information.
        let mut sorted = self.0;
        sorted[0] = 0.0;
        sorted.sort_by(f64::total_cmp);
        let middle = FREQUENCIES * FREQUENCIES / 2;
        let median = (sorted[middle - 1] + sorted[middle]) / 2.0;
        let above = self.0.iter().enumerate().skip(1);
        above
            .filter(|(_, value)| **value > median)
            .fold(0, |bits, (at, _)| bits | 1 << at)
    }
}

/// Hamming distance of two hashes, 0 to 63.
pub fn hamming(a: u64, b: u64) -> u32 {
    (a ^ b).count_ones()
}

#[cfg(test)]
mod tests {
    use super::super::{PixelExtras, SourceInfo};
    use super::*;

    fn drawn(side: u32, bright: impl Fn(f64, f64) -> f64) -> Image {
        let at = |i: u32| f64::from(i) / f64::from(side);
        let rgb = (0..side * side)
            .flat_map(|i| [bright(at(i % side), at(i / side)) as u8; 3])
            .collect();
        Image {
            width: side,
            height: side,
            rgb,
            extras: PixelExtras::default(),
            source: SourceInfo::unknown(),
        }
    }

    fn blob(x: f64, y: f64) -> impl Fn(f64, f64) -> f64 {
        move |u, v| {
            230.0 * (-((u - x).powi(2) + (v - y).powi(2)) * 8.0).exp()
                + 10.0 * (9.0 * u).sin().abs()
        }
    }

    #[test]
    fn a_mirrored_or_framed_image_matches_by_one_of_its_variants() {
        let stored = phash(&drawn(200, blob(0.3, 0.4)));
        let matches = |query: Image| {
            let all = phash_variants(&query).plain;
            assert_eq!(all[0], phash(&query));
            all.into_iter().any(|hash| hamming(hash, stored) <= 6)
        };
        assert!(matches(drawn(200, |u, v| blob(0.3, 0.4)(1.0 - u, v))));
        let framed = |u: f64, v: f64| {
            let inside = |t: f64| (t - 0.1) / 0.8;
            match (inside(u), inside(v)) {
                (x, y) if (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y) => {
                    blob(0.3, 0.4)(x, y)
                }
                _ => 0.0,
            }
        };
        assert!(matches(drawn(200, framed)));
        assert!(!matches(drawn(200, blob(0.8, 0.9))));
    }

    #[test]
    fn a_turned_or_inverted_image_matches_by_one_of_its_alterations() {
        let shown = blob(0.3, 0.4);
        let stored = phash(&drawn(200, &shown));
        let best = |query: &Image| {
            let all = phash_variants(query).altered.into_iter();
            all.map(|hash| hamming(hash, stored)).min()
        };
        type Turn = fn(f64, f64) -> (f64, f64);
        let turns: [Turn; 6] = [
            |u, v| (u, 1.0 - v),
            |u, v| (1.0 - u, 1.0 - v),
            |u, v| (v, u),
            |u, v| (1.0 - v, u),
            |u, v| (v, 1.0 - u),
            |u, v| (1.0 - v, 1.0 - u),
        ];
        let plain: [Turn; 2] = [|u, v| (u, v), |u, v| (1.0 - u, v)];
        for (at, turn) in turns.iter().chain(&plain).enumerate() {
            let turned = |u, v| shown(turn(u, v).0, turn(u, v).1);
            let inverted = drawn(200, |u, v| 255.0 - turned(u, v));
            assert!(best(&inverted) <= Some(4), "{at}: {:?}", best(&inverted));
            let framed = drawn(200, |u, v| {
                let inside = |t: f64| (t - 0.3) / 0.4;
                match (inside(u), inside(v)) {
                    (x, y) if (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y) => turned(x, y),
                    _ => 0.0,
                }
            });
            if at < turns.len() {
                let turned = drawn(200, turned);
                assert!(best(&turned) <= Some(4), "{at}: {:?}", best(&turned));
                assert!(best(&framed) <= Some(8), "{at}: {:?}", best(&framed));
            }
        }
        let stripes = |u: f64, v: f64| 120.0 + 100.0 * (20.0 * u + 9.0 * v).sin();
        assert!(best(&drawn(200, stripes)) > Some(8));
    }

    #[test]
    fn a_uniform_image_has_hashes_too() {
        let all = phash_variants(&drawn(50, |_, _| 7.0));
        assert_eq!((all.plain.len(), all.altered.len()), (2, 14));
    }

    #[test]
    fn size_and_contrast_keep_the_hash_and_another_image_changes_it() {
        let one = phash(&drawn(200, blob(0.3, 0.4)));
        let smaller = phash(&drawn(90, blob(0.3, 0.4)));
        let paler = phash(&drawn(200, |u, v| 40.0 + 0.5 * blob(0.3, 0.4)(u, v)));
        let other = phash(&drawn(200, blob(0.8, 0.7)));
        assert!(hamming(one, smaller) <= 6, "{}", hamming(one, smaller));
        assert!(hamming(one, paler) <= 6, "{}", hamming(one, paler));
        assert!(hamming(one, other) > 12, "{}", hamming(one, other));
    }
}
