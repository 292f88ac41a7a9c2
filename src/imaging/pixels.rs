//! Any decoded pixels to 8-bit RGB, as PIL's `convert("RGB")` does it.
//!
//! Alpha is dropped, never blended: blending would invent a background the reference pipeline does not have. 16-bit
//! colour keeps its high byte, as PIL's unpackers do. One departure: PIL clips 16-bit grey at 255, which turns a film
//! white, so here it is scaled by 1/257 instead. Floats count 0 to 1 as black to white; when any lie outside, their
//! range is stretched to fit.

use image::DynamicImage;

/// The 8-bit RGB samples of `decoded`, row-major.
pub(super) fn to_rgb(decoded: DynamicImage) -> Vec<u8> {
    match decoded {
        DynamicImage::ImageLuma8(buffer) => grey(buffer.as_raw(), 1, |sample| sample),
        DynamicImage::ImageLumaA8(buffer) => grey(buffer.as_raw(), 2, |sample| sample),
        DynamicImage::ImageLuma16(buffer) => grey(buffer.as_raw(), 1, scaled),
        // Pillow opens 16-bit grey with alpha as 8-bit: the high byte.
        DynamicImage::ImageLumaA16(buffer) => grey(buffer.as_raw(), 2, high_byte),
        DynamicImage::ImageRgb8(buffer) => buffer.into_raw(),
        DynamicImage::ImageRgba8(buffer) => colour(buffer.as_raw(), 4, |sample| sample),
        DynamicImage::ImageRgb16(buffer) => colour(buffer.as_raw(), 3, high_byte),
        DynamicImage::ImageRgba16(buffer) => colour(buffer.as_raw(), 4, high_byte),
        DynamicImage::ImageRgb32F(buffer) => floats(buffer.as_raw(), 3),
        DynamicImage::ImageRgba32F(buffer) => floats(buffer.as_raw(), 4),
        other => other.to_rgb8().into_raw(),
    }
}

/// Opacity of every pixel, where the decoder gave any.
pub(super) fn alpha(decoded: &DynamicImage) -> Option<Vec<u8>> {
    fn last<T: Copy>(samples: &[T], channels: usize, convert: impl Fn(T) -> u8) -> Vec<u8> {
        let pixels = samples.chunks_exact(channels);
        pixels.map(|pixel| convert(pixel[channels - 1])).collect()
    }
    match decoded {
        DynamicImage::ImageLumaA8(buffer) => Some(last(buffer.as_raw(), 2, |sample| sample)),
        DynamicImage::ImageRgba8(buffer) => Some(last(buffer.as_raw(), 4, |sample| sample)),
        DynamicImage::ImageLumaA16(buffer) => Some(last(buffer.as_raw(), 2, high_byte)),
        DynamicImage::ImageRgba16(buffer) => Some(last(buffer.as_raw(), 4, high_byte)),
        _ => None,
    }
}

fn grey<T: Copy>(samples: &[T], channels: usize, convert: impl Fn(T) -> u8) -> Vec<u8> {
    samples
        .iter()
        .step_by(channels)
        .flat_map(|&sample| [convert(sample); 3])
        .collect()
}

fn colour<T: Copy>(samples: &[T], channels: usize, convert: impl Fn(T) -> u8) -> Vec<u8> {
    samples
        .chunks_exact(channels)
        .flat_map(|pixel| [convert(pixel[0]), convert(pixel[1]), convert(pixel[2])])
        .collect()
}

fn floats(samples: &[f32], channels: usize) -> Vec<u8> {
    let colours = samples
        .chunks_exact(channels)
        .flat_map(|pixel| pixel.iter().take(3))
        .filter(|sample| sample.is_finite());
    let (low, high) = colours.fold((0.0_f32, 1.0_f32), |(low, high), &sample| {
        (low.min(sample), high.max(sample))
    });
    // Half of each, so that their difference cannot overflow.
    let span = high / 2.0 - low / 2.0;
    colour(samples, channels, |sample| {
        let share = if sample.is_nan() {
            0.0
        } else {
            (sample / 2.0 - low / 2.0) / span
        };
        (share.clamp(0.0, 1.0) * 255.0).round() as u8
    })
}

fn scaled(sample: u16) -> u8 {
    ((u32::from(sample) + 128) / 257) as u8
}

fn high_byte(sample: u16) -> u8 {
    (sample >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_is_replicated_and_alpha_dropped_without_blending() {
        assert_eq!(
            grey(&[7_u8, 0, 9, 255], 2, |sample| sample),
            [7, 7, 7, 9, 9, 9]
        );
        assert_eq!(colour(&[1_u8, 2, 3, 0], 4, |sample| sample), [1, 2, 3]);
    }

    #[test]
    fn sixteen_bit_grey_is_scaled_and_colour_keeps_its_high_byte() {
        assert_eq!([0, 128, 129, 257, 65_535].map(scaled), [0, 0, 1, 1, 255]);
        assert_eq!([0, 0x1234, 0xFFFF].map(high_byte), [0, 0x12, 255]);
    }

    #[test]
    fn floats_outside_zero_to_one_are_stretched_and_not_a_number_is_black() {
        assert_eq!(floats(&[0.0, 0.5, 1.0], 3), [0, 128, 255]);
        assert_eq!(floats(&[-100.0, 0.0, 100.0], 3), [0, 128, 255]);
        assert_eq!(
            floats(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY], 3),
            [0, 255, 0]
        );
        assert_eq!(floats(&[f32::MIN, f32::MAX, 0.0], 3), [0, 255, 128]);
    }
}
