//! The two ways a picture becomes the square that a vision tower takes.
//!
//! Sizes and crop origins follow torchvision's `Resize` and `CenterCrop`, odd roundings included: one pixel of shift would
//! change every patch. Normalisation to floats is not done here, it belongs to the tower.

use super::Picture;
use super::resize::{Window, resize_bicubic, resize_bicubic_window};

/// torchvision's `Resize(size, bicubic)` on the shorter side, then `CenterCrop(size)`: `size * size * 3` bytes of 8-bit
/// RGB, row-major. CLIP and OpenFlamingo prepare pictures so.
pub fn clip_transform(picture: &Picture, size: usize) -> Vec<u8> {
    let (w, h) = (picture.width as usize, picture.height as usize);
    if w == 0 || h == 0 {
        return Vec::new();
    }
    let (new_w, new_h) = if w <= h {
        (size, long_side(size, h, w))
    } else {
        (long_side(size, w, h), size)
    };
    let window = Window {
        x: crop_origin(new_w, size),
        y: crop_origin(new_h, size),
        width: size,
        height: size,
    };
    resize_bicubic_window(&picture.rgb, w, h, new_w, new_h, window)
}

/// The whole picture squeezed to a square, whatever its shape: `size * size * 3` bytes of 8-bit RGB, row-major.
pub fn squash_transform(picture: &Picture, size: usize) -> Vec<u8> {
    resize_bicubic(
        &picture.rgb,
        picture.width as usize,
        picture.height as usize,
        size,
        size,
    )
}

/// `int(size * long / short)`, as Python computes it.
fn long_side(size: usize, long: usize, short: usize) -> usize {
    ((size * long) as f64 / short as f64) as usize
}

/// `int(round((length - size) / 2.0))` with Python's rounding of halves to even.
fn crop_origin(length: usize, size: usize) -> usize {
    let spare = length.saturating_sub(size);
    let half = spare / 2;
    if spare % 2 == 1 && half % 2 == 1 {
        half + 1
    } else {
        half
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_crop_origins_are_those_of_torchvision() {
        assert_eq!(long_side(224, 1000, 333), 672);
        assert_eq!(long_side(224, 512, 512), 224);
        let origins: Vec<usize> = (224..=232).map(|length| crop_origin(length, 224)).collect();
        assert_eq!(origins, [0, 0, 1, 2, 2, 2, 3, 4, 4]);
    }

    #[test]
    fn the_shorter_side_fills_the_square_and_the_middle_is_kept() {
        let (width, height) = (60_u32, 20_u32);
        let rgb: Vec<u8> = (0..width * height)
            .flat_map(|i| [(i % width * 4) as u8; 3])
            .collect();
        let picture = Picture {
            width,
            height,
            rgb,
            source: super::super::SourceInfo::unknown(),
        };
        let square = clip_transform(&picture, 20);
        assert_eq!(square.len(), 20 * 20 * 3);
        assert_eq!((square[0], square[19 * 3]), (80, 39 * 4));
        assert_eq!(squash_transform(&picture, 8).len(), 8 * 8 * 3);
    }

    #[test]
    fn a_long_strip_does_not_need_its_full_enlargement() {
        let picture = Picture {
            width: 1,
            height: 16_384,
            rgb: vec![9; 16_384 * 3],
            source: super::super::SourceInfo::unknown(),
        };
        assert_eq!(clip_transform(&picture, 224), vec![9; 224 * 224 * 3]);
    }
}
