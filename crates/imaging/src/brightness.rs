//! How bright an image is, for users who cannot see it.

use super::Image;

/// Brightness over all pixels, from 0 (black) to 255 (white). A pixel's brightness is the mean of its three channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brightness {
    /// Mean over all pixels.
    pub mean: f64,
    /// Brightness of the darkest pixel.
    pub min: u8,
    /// Brightness of the brightest pixel.
    pub max: u8,
}

/// Nobody can tell apart pixels that differ by no more than this.
const INDISTINGUISHABLE: u8 = 4;

impl Brightness {
    /// Measures an image.
    pub fn of(image: &Image) -> Self {
        let (mut sum, mut count) = (0_u64, 0_u64);
        let (mut min, mut max) = (u8::MAX, 0);
        for pixel in image.rgb.chunks_exact(3) {
            let channels: u16 = pixel.iter().map(|channel| u16::from(*channel)).sum();
            let bright = (channels / 3) as u8;
            sum += u64::from(channels);
            count += 3;
            min = min.min(bright);
            max = max.max(bright);
        }
        Self {
            mean: sum as f64 / count.max(1) as f64,
            min: min.min(max),
            max,
        }
    }

    /// Whether the image is so uniform that it shows nothing.
    pub fn is_blank(self) -> bool {
        self.max - self.min <= INDISTINGUISHABLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uniform_image_is_blank_and_one_with_a_spot_is_not() {
        let mut image = crate::blank(8);
        let brightness = Brightness::of(&image);
        assert_eq!(brightness.mean, 128.0);
        assert!(brightness.is_blank());
        image.rgb[30..33].fill(255);
        let brightness = Brightness::of(&image);
        assert_eq!((brightness.min, brightness.max), (128, 255));
        assert!(!brightness.is_blank());
        assert!((brightness.mean - (128.0 + 127.0 / 64.0)).abs() < 1e-9);
    }
}
