//! Small JPEG copies of images, for lists, exports and the index.
//!
//! Thumbnails are for people. Never feed one to a model: it lacks detail that the model needs.

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::resize::resize_bicubic;
use super::{Image, ImagingError};
use rounds_support::sanitise;

/// A JPEG of `image` that fits in a square of `side` pixels, never enlarged. `quality` is 1 (worst) to 100.
pub fn thumbnail_jpeg(image: &Image, side: u32, quality: u8) -> Result<Vec<u8>, ImagingError> {
    let failed = |reason: &str| ImagingError::Encode {
        name: image.source.name.clone(),
        reason: sanitise::clean_line(reason),
    };
    let (width, height) = fit(image.width, image.height, side.max(1));
    let rgb = resize_bicubic(
        &image.rgb,
        image.width as usize,
        image.height as usize,
        width as usize,
        height as usize,
    );
    // The encoder panics on a buffer of the wrong length.
    if rgb.is_empty() || rgb.len() as u64 != u64::from(width) * u64::from(height) * 3 {
        return Err(failed("the image has no pixels"));
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, quality.clamp(1, 100))
        .encode(&rgb, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| failed(&error.to_string()))?;
    Ok(jpeg)
}

/// The largest size of the same aspect ratio with no side longer than `side`, at least 1 by 1, never enlarged.
fn fit(width: u32, height: u32, side: u32) -> (u32, u32) {
    let long = width.max(height).max(1);
    if long <= side {
        return (width, height);
    }
    let scaled = |length: u32| {
        ((u64::from(length) * u64::from(side) + u64::from(long) / 2) / u64::from(long)).max(1)
            as u32
    };
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceInfo, decode};

    #[test]
    fn a_thumbnail_fits_and_can_be_decoded() {
        let image = Image {
            extras: super::super::PixelExtras::default(),
            width: 300,
            height: 100,
            rgb: vec![90; 90_000],
            source: SourceInfo::unknown(),
        };
        let jpeg = thumbnail_jpeg(&image, 60, 85).unwrap();
        let again = decode(&jpeg, "thumbnail.jpg").unwrap();
        assert_eq!((again.width, again.height), (60, 20));
        assert!(again.rgb.iter().all(|&sample| sample.abs_diff(90) <= 2));
    }

    #[test]
    fn a_small_image_is_not_enlarged_and_an_empty_one_is_an_error() {
        assert_eq!(fit(20, 10, 60), (20, 10));
        assert_eq!(fit(16_000, 1, 60), (60, 1));
        let image = Image {
            extras: super::super::PixelExtras::default(),
            width: 2,
            height: 2,
            rgb: Vec::new(),
            source: SourceInfo::unknown(),
        };
        assert!(thumbnail_jpeg(&image, 60, 85).is_err());
    }
}
