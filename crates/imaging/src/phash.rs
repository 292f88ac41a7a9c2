//! A perceptual hash: similar images have hashes that differ in few bits.
//!
//! The DCT hash of Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010): brightness at
//! 32 x 32, the 64 lowest frequencies, and one bit for each that is above their median. It tolerates resizing, compression
//! noise and changes of contrast, but not rotation, and only slight cropping.

use super::{Image, resize_bicubic};

const SIDE: usize = 32;
const FREQUENCIES: usize = 8;

/// Rows and columns at the edge belong to the border if their darkest and brightest values differ by at most this.
const MAX_BORDER_RANGE: u8 = 10;

/// The 64-bit perceptual hash of an image.
pub fn phash(image: &Image) -> u64 {
    hash(&bright(
        &image.rgb,
        image.width as usize,
        image.height as usize,
    ))
}

/// The hashes of an image as it is and mirrored, each also without its flat border. The first equals [`phash`].
pub fn phash_variants(image: &Image) -> Vec<u64> {
    let (width, height) = (image.width as usize, image.height as usize);
    let whole = bright(&image.rgb, width, height);
    let mut all = vec![hash(&whole), hash(&mirrored(&whole))];
    if let Some((left, top, right, bottom)) = inside_border(&image.rgb, width, height) {
        let rows = (top..bottom).filter_map(|y| {
            let row = image.rgb.get(y * width * 3..(y + 1) * width * 3)?;
            row.get(left * 3..right * 3)
        });
        let cut: Vec<u8> = rows.flatten().copied().collect();
        let inside = bright(&cut, right - left, bottom - top);
        all.extend([hash(&inside), hash(&mirrored(&inside))]);
    }
    all
}

/// Brightness at 32 x 32.
fn bright(rgb: &[u8], width: usize, height: usize) -> Vec<f64> {
    let small = resize_bicubic(rgb, width, height, SIDE, SIDE);
    small
        .chunks_exact(3)
        .map(|p| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]))
        .collect()
}

fn mirrored(bright: &[f64]) -> Vec<f64> {
    let rows = bright.chunks_exact(SIDE);
    rows.flat_map(|row| row.iter().rev()).copied().collect()
}

/// Left, top, right and bottom (the last two exclusive) of the area inside a flat border; `None` if there is no border, or
/// too little inside it.
fn inside_border(rgb: &[u8], width: usize, height: usize) -> Option<(usize, usize, usize, usize)> {
    let green = |x: usize, y: usize| rgb.get((y * width + x) * 3 + 1).copied().unwrap_or(0);
    let flat = |values: &mut dyn Iterator<Item = u8>| {
        let (low, high) = values.fold((u8::MAX, 0), |(low, high), v| (low.min(v), high.max(v)));
        high.saturating_sub(low) <= MAX_BORDER_RANGE
    };
    let row = |y: &usize| flat(&mut (0..width).map(|x| green(x, *y)));
    let column = |x: &usize| flat(&mut (0..height).map(|y| green(*x, y)));
    let top = (0..height).take_while(row).count();
    let bottom = height - (top..height).rev().take_while(row).count();
    let left = (0..width).take_while(column).count();
    let right = width - (left..width).rev().take_while(column).count();
    let border = top > 0 || left > 0 || bottom < height || right < width;
    let enough = 2 * (bottom - top) >= height && 2 * (right - left) >= width;
    (border && enough).then_some((left, top, right, bottom))
}

fn hash(bright: &[f64]) -> u64 {
    let wave = |k: usize, x: usize| {
        (std::f64::consts::PI * (2 * x + 1) as f64 * k as f64 / (2 * SIDE) as f64).cos()
    };
    let mut frequencies = [0.0; FREQUENCIES * FREQUENCIES];
    for (at, value) in frequencies.iter_mut().enumerate() {
        let (down, across) = (at / FREQUENCIES, at % FREQUENCIES);
        *value = bright
            .iter()
            .enumerate()
            .map(|(i, b)| b * wave(down, i / SIDE) * wave(across, i % SIDE))
            .sum();
    }
    // The mean brightness carries no information.
    let mut sorted = frequencies;
    sorted[0] = 0.0;
    sorted.sort_by(f64::total_cmp);
    let median =
        (sorted[FREQUENCIES * FREQUENCIES / 2 - 1] + sorted[FREQUENCIES * FREQUENCIES / 2]) / 2.0;
    frequencies
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, value)| **value > median)
        .fold(0, |bits, (at, _)| bits | 1 << at)
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
            let all = phash_variants(&query);
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
    fn a_uniform_image_has_hashes_too() {
        assert_eq!(phash_variants(&drawn(50, |_, _| 7.0)).len(), 2);
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
