//! Renders the visible part of an image at screen size, with brightness and contrast applied.

use image::imageops::{FilterType, resize, thumbnail};
use image::{GenericImageView, ImageBuffer, Rgb, RgbImage};

use super::outline::{Outline, all_inside};
use super::request::Appearance;
use rounds_imaging::Image;

/// Largest side rendered, in pixels: guards against a terminal that reports an absurd size.
const MAX_SIDE: u32 = 4096;

/// An image at screen size, and where its marked regions are.
pub struct Rendered {
    pub pixels: RgbImage,
    pub outlines: Vec<Outline>,
    /// Regions are marked, but in an image of another size.
    pub has_unplaced_boxes: bool,
}

/// The part of `image` selected by the transform, as large as fits into `width` by `height` pixels. `None` if the image has
/// no pixels.
pub fn render(image: &Image, shown: &Appearance, width: u32, height: u32) -> Option<Rendered> {
    let whole: ImageBuffer<Rgb<u8>, &[u8]> =
        ImageBuffer::from_raw(image.width, image.height, image.rgb.as_slice())?;
    if image.width == 0 || image.height == 0 {
        return None;
    }
    let (width, height) = (width.min(MAX_SIDE), height.min(MAX_SIDE));
    let transform = shown.transform;
    let part = transform.visible_part(image.width, image.height, width, height);
    let (across, down) = (part.across, part.down);
    let view = whole.view(part.left, part.top, across, down);
    let (width, height) = fit(across, down, width, height);
    // Averaging keeps thin lines visible when shrinking by 2 or more; otherwise interpolate.
    let mut small = if across >= width.saturating_mul(2) && down >= height.saturating_mul(2) {
        thumbnail(&*view, width, height)
    } else {
        resize(&*view, width, height, FilterType::Triangle)
    };
    if let Some(tones) = transform.tone_curve() {
        for value in small.iter_mut() {
            *value = tones.get(usize::from(*value)).copied().unwrap_or(*value);
        }
    }
    let has_unplaced_boxes = !all_inside(&shown.boxes, image.width, image.height);
    let boxes = shown.boxes.iter().filter(|_| !has_unplaced_boxes);
    let outlines = boxes.map(|marked| Outline::new(marked, part, width, height));
    Some(Rendered {
        outlines: outlines.collect(),
        pixels: small,
        has_unplaced_boxes,
    })
}

/// The largest size with the same aspect ratio inside `width` by `height`, at least 1 by 1.
fn fit(across: u32, down: u32, width: u32, height: u32) -> (u32, u32) {
    let (across, down) = (f64::from(across.max(1)), f64::from(down.max(1)));
    let scale = (f64::from(width) / across).min(f64::from(height) / down);
    let side = |length: f64, max: u32| ((length * scale).round() as u32).clamp(1, max.max(1));
    (side(across, width), side(down, height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::terminal_image::ViewTransform;
    use rounds_imaging::{PixelExtras, SourceInfo};

    fn image(width: u32, height: u32) -> Image {
        Image {
            width,
            height,
            rgb: (0..width * height * 3).map(|i| (i % 251) as u8).collect(),
            extras: PixelExtras::default(),
            source: SourceInfo::unknown(),
        }
    }

    fn size(image: &Image, zoom: i8, width: u32, height: u32) -> (u32, u32) {
        let mut transform = ViewTransform::default();
        transform.zoom(zoom);
        let shown = Appearance {
            transform,
            ..Appearance::whole("x")
        };
        let rendered = render(image, &shown, width, height).unwrap();
        rendered.pixels.dimensions()
    }

    #[test]
    fn an_image_keeps_its_aspect_ratio_in_any_area() {
        let wide = image(200, 100);
        assert_eq!(size(&wide, 0, 50, 50), (50, 25));
        assert_eq!(size(&wide, 0, 1000, 20), (40, 20));
        for (width, height) in [(0, 0), (1, 1), (1, 500)] {
            let shown = Appearance::whole("x");
            assert!(render(&wide, &shown, width, height).is_some());
        }
    }

    #[test]
    fn a_magnified_image_fills_the_area_instead_of_leaving_bars() {
        // Between, it grows in the one direction that has room.
        assert_eq!(size(&image(300, 300), 1, 118, 72), (90, 72));
        for (width, height) in [(300, 300), (200, 400)] {
            assert_eq!(size(&image(width, height), 6, 118, 72), (118, 72));
        }
    }

    #[test]
    fn an_image_with_missing_pixels_is_not_rendered() {
        let mut broken = image(20, 20);
        broken.rgb.truncate(7);
        assert!(render(&broken, &Appearance::whole("x"), 10, 10).is_none());
    }
}
