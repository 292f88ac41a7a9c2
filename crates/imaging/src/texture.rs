//! How strong the edges of an image are at four scales: what kind of image it is, whatever it shows.
//!
//! Radiology images have soft edges on a dark ground, photographs edges of all strengths, drawings few but hard ones. The
//! limit is measured by `rounds train calibrate`.

use super::{Image, resize_bicubic};

/// Number of values of a profile.
pub const TEXTURE_LENGTH: usize = SIDES.len() * (STRENGTHS + SHADES);

/// Sides of the squares that the image is resized to.
const SIDES: [usize; 4] = [192, 96, 48, 24];
/// Bins of half an octave of an edge's strength, from 0 grey levels a pixel.
const STRENGTHS: usize = 16;
/// Bins of 8 levels of brightness, and within each 4 of an edge's strength of an octave and a half.
const SHADES: usize = 32;

/// The texture profile of an image: for each scale the square roots of the shares of pixels by the strength of their edge, and by
/// brightness and strength, as shares of 255. The Euclidean distance of two profiles is that of Hellinger, histogram by
/// histogram.
pub fn texture_profile(image: &Image) -> [u8; TEXTURE_LENGTH] {
    let mut profile = [0; TEXTURE_LENGTH];
    let (width, height) = (image.width as usize, image.height as usize);
    let scales = profile.chunks_exact_mut(STRENGTHS + SHADES);
    for (side, bins) in SIDES.into_iter().zip(scales) {
        let small = resize_bicubic(&image.rgb, width, height, side, side);
        let grey: Vec<f32> = small
            .chunks_exact(3)
            .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
            .collect();
        let mut counts = [0u32; STRENGTHS + SHADES];
        for y in 0..side {
            for x in 0..side {
                let at = |x: usize, y: usize| grey[y * side + x];
                let across = slope(x, side, |x| at(x, y));
                let down = slope(y, side, |y| at(x, y));
                let octaves = (across.hypot(down) + 1.0).log2();
                counts[((octaves * 2.0) as usize).min(STRENGTHS - 1)] += 1;
                let shade = ((at(x, y) / 32.0) as usize).min(7);
                counts[STRENGTHS + shade * 4 + ((octaves / 1.5) as usize).min(3)] += 1;
            }
        }
        for (bin, count) in bins.iter_mut().zip(counts) {
            let share = f64::from(count) / (side * side) as f64;
            *bin = (share.sqrt() * 255.0).round() as u8;
        }
    }
    profile
}

/// The central difference at `i`, one-sided at the ends.
fn slope(i: usize, side: usize, at: impl Fn(usize) -> f32) -> f32 {
    let (before, after) = (i.saturating_sub(1), (i + 1).min(side - 1));
    (at(after) - at(before)) / (after - before) as f32
}

/// The distance of two profiles: 0 for equal ones, at most 255 times the root of twice the number of histograms, 1,020.
pub fn texture_distance(a: &[u8], b: &[u8]) -> f32 {
    let squares = a.iter().zip(b).map(|(a, b)| {
        let difference = i32::from(*a) - i32::from(*b);
        difference * difference
    });
    (squares.sum::<i32>() as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(side: usize, grey: impl Fn(usize, usize) -> u8) -> Image {
        let mut image = crate::blank(side as u32);
        for (at, pixel) in image.rgb.chunks_exact_mut(3).enumerate() {
            pixel.fill(grey(at % side, at / side));
        }
        image
    }

    #[test]
    fn a_flat_image_has_no_edges_and_a_ramp_has_edges_of_one_strength() {
        let flat = texture_profile(&image(192, |_, _| 90));
        for bins in flat.chunks_exact(STRENGTHS + SHADES) {
            let full: Vec<usize> = (0..bins.len()).filter(|&at| bins[at] > 0).collect();
            // No edge; the third shade of eight, no edge.
            assert_eq!(full, [0, STRENGTHS + 2 * 4]);
            assert_eq!((bins[full[0]], bins[full[1]]), (255, 255));
        }
        // Two levels a pixel but for the ridge in the middle: log2(3) octaves, bin 3 at the finest scale.
        let ramp = texture_profile(&image(192, |x, _| (2 * x.min(191 - x)) as u8));
        assert!(ramp[3] > 250, "{ramp:?}");
    }

    #[test]
    fn the_distance_is_nought_for_the_same_and_large_for_smooth_against_rough() {
        let smooth = texture_profile(&image(192, |x, y| ((x + y) / 2) as u8));
        let rough = texture_profile(&image(192, |x, y| if (x ^ y) & 1 == 0 { 0 } else { 255 }));
        assert_eq!(texture_distance(&smooth, &smooth), 0.0);
        assert!(texture_distance(&smooth, &rough) > 100.0);
    }
}
