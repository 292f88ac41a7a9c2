//! How bright a picture is, for those who do not see it.

use super::Picture;

/// Brightness of all pixels, from 0 (black) to 255 (white): the mean of their three channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brightness {
    pub mean: f64,
    pub least: u8,
    pub most: u8,
}

/// Pixels that differ by no more than this look alike to anybody.
const ALIKE: u8 = 4;

impl Brightness {
    pub fn of(picture: &Picture) -> Self {
        let (mut sum, mut count) = (0_u64, 0_u64);
        let (mut least, mut most) = (u8::MAX, 0);
        for pixel in picture.rgb.chunks_exact(3) {
            let channels: u16 = pixel.iter().map(|channel| u16::from(*channel)).sum();
            let bright = (channels / 3) as u8;
            sum += u64::from(channels);
            count += 3;
            least = least.min(bright);
            most = most.max(bright);
        }
        Self {
            mean: sum as f64 / count.max(1) as f64,
            least: least.min(most),
            most,
        }
    }

    /// Whether there is nothing to be seen.
    pub fn is_blank(self) -> bool {
        self.most - self.least <= ALIKE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_one_grey_is_blank_and_a_spot_on_it_is_not() {
        let mut picture = crate::blank(8);
        let brightness = Brightness::of(&picture);
        assert_eq!(brightness.mean, 128.0);
        assert!(brightness.is_blank());
        picture.rgb[30..33].fill(255);
        let brightness = Brightness::of(&picture);
        assert_eq!((brightness.least, brightness.most), (128, 255));
        assert!(!brightness.is_blank());
        assert!((brightness.mean - (128.0 + 127.0 / 64.0)).abs() < 1e-9);
    }
}
