//! How much of an image is coloured: radiology is grey, photographs are not.

use crate::Image;

/// Channels of a pixel differ by more than this where it is coloured; less is left by JPEG and by tinted film.
const DIFFERENCE: u8 = 40;

/// The share of the pixels that are coloured, from 0 to 1.
pub fn coloured_share(image: &Image) -> f32 {
    let coloured = |pixel: &&[u8]| {
        let largest = pixel.iter().max().copied().unwrap_or(0);
        let least = pixel.iter().min().copied().unwrap_or(0);
        largest - least > DIFFERENCE
    };
    let count = image.rgb.chunks_exact(3).filter(coloured).count();
    count as f32 / (image.rgb.len() / 3).max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_and_tinted_pixels_are_not_coloured() {
        let mut image = crate::blank(2);
        assert_eq!(coloured_share(&image), 0.0);
        image.rgb[0] += 40;
        assert_eq!(coloured_share(&image), 0.0);
        image.rgb[3] += 60;
        assert_eq!(coloured_share(&image), 0.25);
    }
}
