//! The two ways of turning an image into the square that a vision tower takes.
//!
//! Sizes and crop origins follow torchvision's `Resize` and `CenterCrop`, odd rounding included: a shift of one pixel would
//! change every patch. Normalisation to floats is left to the tower.
//!
//! [`HighBitDepth`] decides how grey of more than 8 bits is converted. Chats scale it; only a check against a reference asks for
//! Pillow's clipped values.

use std::borrow::Cow;

use super::high_bit_grey::resize_grey_window;
use super::pixels::{cmyk_to_rgb, mul_div_255, unmultiply};
use super::resize::{Window, resize_bicubic, resize_bicubic_window};
use super::{HighBitDepth, Image};

/// torchvision's `Resize(size, bicubic)` on the shorter side, then `CenterCrop(size)`: `size * size * 3` bytes of 8-bit
/// RGB, row-major, as CLIP and OpenFlamingo prepare images. Colours are converted after the crop. Where the reference refuses a
/// file (16-bit grey TIFF), [`HighBitDepth::AsReference`] treats it like the same image in a PNG.
pub fn clip_transform(image: &Image, size: usize, depth: HighBitDepth) -> Vec<u8> {
    let (w, h) = (image.width as usize, image.height as usize);
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
    if let (HighBitDepth::AsReference, Some(grey)) = (depth, &image.extras.high_bit_grey) {
        let grey = resize_grey_window(grey, (w, h), (new_w, new_h), window);
        return grey.into_iter().flat_map(|sample| [sample; 3]).collect();
    }
    if let Some(cmyk) = &image.extras.cmyk {
        return cmyk_to_rgb(&resize_bicubic_window::<4>(
            cmyk, w, h, new_w, new_h, window,
        ));
    }
    if image.extras.indexed {
        return nearest(&image.rgb, (w, h), (new_w, new_h), window);
    }
    // Pillow skips a resize to the same size, and with it the weighting by alpha.
    let is_weighted = image.extras.alpha_is_channel && (new_w, new_h) != (w, h);
    let (Some(alpha), true) = (&image.extras.alpha, is_weighted) else {
        return resize_bicubic_window::<3>(&image.rgb, w, h, new_w, new_h, window);
    };
    // Colours are multiplied by alpha before the resize and divided by it afterwards; alpha itself is then dropped.
    let weighted: Vec<u8> = pixels(&image.rgb, alpha)
        .flat_map(|(pixel, a)| [0, 1, 2].map(|c| mul_div_255(pixel[c], a)))
        .collect();
    let alphas: Vec<u8> = alpha.iter().flat_map(|&a| [a; 3]).collect();
    let mut out = resize_bicubic_window::<3>(&weighted, w, h, new_w, new_h, window);
    let alphas = resize_bicubic_window::<3>(&alphas, w, h, new_w, new_h, window);
    for (colour, &a) in out.iter_mut().zip(&alphas) {
        if !matches!(a, 0 | 255) {
            *colour = unmultiply(*colour, a);
        }
    }
    out
}

fn pixels<'a>(rgb: &'a [u8], alpha: &'a [u8]) -> impl Iterator<Item = (&'a [u8], u8)> {
    rgb.chunks_exact(3).zip(alpha.iter().copied())
}

/// Pillow's nearest-neighbour resize: source positions accumulate the scale, starting at half a step.
fn nearest(
    rgb: &[u8],
    (w, h): (usize, usize),
    (new_w, new_h): (usize, usize),
    window: Window,
) -> Vec<u8> {
    let sources = |from: usize, to: usize, first: usize, count: usize| -> Vec<usize> {
        let scale = from as f64 / to as f64;
        let mut at = scale * 0.5;
        let all = (0..first + count).map(|_| {
            let source = at as usize;
            at += scale;
            source.min(from - 1)
        });
        all.skip(first).collect()
    };
    let columns = sources(w, new_w, window.x, window.width);
    let mut out = Vec::with_capacity(3 * window.width * window.height);
    for row in sources(h, new_h, window.y, window.height) {
        for &column in &columns {
            let at = 3 * (row * w + column);
            out.extend_from_slice(&rgb[at..at + 3]);
        }
    }
    out
}

/// Composites onto white like Pillow's `alpha_composite`.
fn on_white(rgb: &[u8], alpha: &[u8]) -> Vec<u8> {
    pixels(rgb, alpha)
        .flat_map(|(pixel, a)| {
            let a = u32::from(a);
            [0, 1, 2].map(|c| {
                let x = 128 * (u32::from(pixel[c]) * a + 255 * (255 - a) + 128);
                ((((x >> 8) + x) >> 8) >> 7) as u8
            })
        })
        .collect()
}

/// The whole image squeezed into a square, whatever its shape, transparent parts white: `size * size * 3` bytes of 8-bit RGB,
/// row-major, as IDEFICS prepares images.
pub fn squash_transform(image: &Image, size: usize, depth: HighBitDepth) -> Vec<u8> {
    let (w, h) = (image.width as usize, image.height as usize);
    let rgb = match (depth, &image.extras.high_bit_grey, &image.extras.alpha) {
        (HighBitDepth::AsReference, Some(grey), _) => Cow::Owned(grey.clipped_rgb()),
        (_, _, Some(alpha)) => Cow::Owned(on_white(&image.rgb, alpha)),
        _ => Cow::Borrowed(&image.rgb),
    };
    resize_bicubic(&rgb, w, h, size, size)
}

/// [`squash_transform`] of the colours alone: those of transparent parts stay as they are, as Pillow's `convert("RGB")` leaves them and
/// MedVInT prepares images.
pub fn squash_opaque_transform(image: &Image, size: usize, depth: HighBitDepth) -> Vec<u8> {
    let (w, h) = (image.width as usize, image.height as usize);
    let rgb = match (depth, &image.extras.high_bit_grey) {
        (HighBitDepth::AsReference, Some(grey)) => Cow::Owned(grey.clipped_rgb()),
        _ => Cow::Borrowed(&image.rgb),
    };
    resize_bicubic(&rgb, w, h, size, size)
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
        let image = Image {
            extras: super::super::PixelExtras::default(),
            width,
            height,
            rgb,
            source: super::super::SourceInfo::unknown(),
        };
        let square = clip_transform(&image, 20, HighBitDepth::Scaled);
        assert_eq!(square.len(), 20 * 20 * 3);
        assert_eq!((square[0], square[19 * 3]), (80, 39 * 4));
        assert_eq!(
            squash_transform(&image, 8, HighBitDepth::Scaled).len(),
            8 * 8 * 3
        );
    }

    #[test]
    fn a_long_strip_does_not_need_its_full_enlargement() {
        let image = Image {
            extras: super::super::PixelExtras::default(),
            width: 1,
            height: 16_384,
            rgb: vec![9; 16_384 * 3],
            source: super::super::SourceInfo::unknown(),
        };
        assert_eq!(
            clip_transform(&image, 224, HighBitDepth::Scaled),
            vec![9; 224 * 224 * 3]
        );
    }
}
