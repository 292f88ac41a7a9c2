//! A perceptual hash: pictures that look alike have hashes with few different bits.
//!
//! The DCT hash of Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010): brightness at
//! 32 x 32, the 64 lowest frequencies, a bit for each that is above their median. It survives another size, another
//! encoder's noise and a change of contrast; it does not survive cropping or turning.

use super::{Picture, resize_bicubic};

const SIDE: usize = 32;
const KEPT: usize = 8;

/// The 64-bit hash of a picture.
pub fn look(picture: &Picture) -> u64 {
    let small = resize_bicubic(
        &picture.rgb,
        picture.width as usize,
        picture.height as usize,
        SIDE,
        SIDE,
    );
    let bright: Vec<f64> = small
        .chunks_exact(3)
        .map(|p| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]))
        .collect();
    let wave = |k: usize, x: usize| {
        (std::f64::consts::PI * (2 * x + 1) as f64 * k as f64 / (2 * SIDE) as f64).cos()
    };
    let mut frequencies = [0.0; KEPT * KEPT];
    for (at, value) in frequencies.iter_mut().enumerate() {
        let (down, across) = (at / KEPT, at % KEPT);
        *value = bright
            .iter()
            .enumerate()
            .map(|(i, b)| b * wave(down, i / SIDE) * wave(across, i % SIDE))
            .sum();
    }
    // The mean brightness says nothing.
    let mut sorted = frequencies;
    sorted[0] = 0.0;
    sorted.sort_by(f64::total_cmp);
    let median = (sorted[KEPT * KEPT / 2 - 1] + sorted[KEPT * KEPT / 2]) / 2.0;
    frequencies
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, value)| **value > median)
        .fold(0, |bits, (at, _)| bits | 1 << at)
}

/// Number of bits in which two hashes differ, 0 to 63.
pub fn looks_apart(a: u64, b: u64) -> u32 {
    (a ^ b).count_ones()
}

#[cfg(test)]
mod tests {
    use super::super::{Beside, SourceInfo};
    use super::*;

    fn picture(side: u32, bright: impl Fn(f64, f64) -> f64) -> Picture {
        let at = |i: u32| f64::from(i) / f64::from(side);
        let rgb = (0..side * side)
            .flat_map(|i| [bright(at(i % side), at(i / side)) as u8; 3])
            .collect();
        Picture {
            width: side,
            height: side,
            rgb,
            beside: Beside::default(),
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
    fn another_size_and_contrast_look_alike_and_another_picture_does_not() {
        let one = look(&picture(200, blob(0.3, 0.4)));
        let smaller = look(&picture(90, blob(0.3, 0.4)));
        let paler = look(&picture(200, |u, v| 40.0 + 0.5 * blob(0.3, 0.4)(u, v)));
        let other = look(&picture(200, blob(0.8, 0.7)));
        assert!(
            looks_apart(one, smaller) <= 6,
            "{}",
            looks_apart(one, smaller)
        );
        assert!(looks_apart(one, paler) <= 6, "{}", looks_apart(one, paler));
        assert!(looks_apart(one, other) > 12, "{}", looks_apart(one, other));
    }
}
