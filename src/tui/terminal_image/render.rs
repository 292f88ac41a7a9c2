//! Renders the visible part of an image at screen size, with brightness and contrast applied.

use image::imageops::{FilterType, resize, thumbnail};
use image::{GenericImageView, ImageBuffer, Rgb, RgbImage};

use ratatui::layout::{Position, Rect};

use super::encode::{ImageProtocol, Screen};
use super::outline::{Outline, all_inside};
use super::request::{Appearance, Cross};
use super::view_transform::{ViewTransform, VisiblePart};
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
    if let Some(cross) = shown.cross {
        draw_cross(&mut small, cross, part);
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

/// The colour of a cross-hair, which stands out from any grey.
const CROSS: Rgb<u8> = Rgb([255, 220, 0]);

/// Draws a cross-hair with a gap in its middle, and the line of a distance.
fn draw_cross(pixels: &mut RgbImage, cross: Cross, part: VisiblePart) {
    let (width, height) = pixels.dimensions();
    let scale = |at: u32, start: u32, from: u32, to: u32| {
        let share = (f64::from(at) + 0.5 - f64::from(start)) / f64::from(from.max(1));
        (share * f64::from(to)).floor() as i64
    };
    let place = |[x, y]: [u32; 2]| {
        (
            scale(x, part.left, part.across, width),
            scale(y, part.top, part.down, height),
        )
    };
    let mut put = |x: i64, y: i64| {
        if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
            && let Some(pixel) = pixels.get_pixel_mut_checked(x, y)
        {
            *pixel = CROSS;
        }
    };
    let (x, y) = place(cross.at);
    // The pixel itself stays visible.
    let gap = i64::from(width.min(height) / 40).max(1);
    let arm = i64::from(width.min(height) / 8).max(gap + 2);
    for step in gap + 1..=arm {
        for (dx, dy) in [(step, 0), (-step, 0), (0, step), (0, -step)] {
            put(x + dx, y + dy);
        }
    }
    if let Some(from) = cross.from {
        let (from_x, from_y) = place(from);
        let steps = (x - from_x).abs().max((y - from_y).abs()).max(1);
        for step in 0..=steps {
            let along = |from: i64, to: i64| from + (to - from) * step / steps;
            put(along(from_x, x), along(from_y, y));
        }
    }
}

/// Where an image is drawn: its cells, the part of it that is seen, and the pixels of the screen that show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    pub area: Rect,
    part: VisiblePart,
    /// Pixels of the screen, and how many a cell has.
    pixels: (u32, u32),
    cell: (u32, u32),
}

impl Placed {
    /// An image of `width` by `height` pixels in an area of the screen, as [`render`] and the encoders place it.
    pub fn new(
        area: Rect,
        screen: Screen,
        transform: ViewTransform,
        (width, height): (u32, u32),
    ) -> Option<Self> {
        let cell = match screen.protocol {
            ImageProtocol::None => return None,
            ImageProtocol::Cells => (1, 2),
            _ => (
                u32::from(screen.cell.0.max(1)),
                u32::from(screen.cell.1.max(1)),
            ),
        };
        if area.is_empty() || width == 0 || height == 0 {
            return None;
        }
        let room = (
            (u32::from(area.width) * cell.0).min(MAX_SIDE),
            (u32::from(area.height) * cell.1).min(MAX_SIDE),
        );
        let part = transform.visible_part(width, height, room.0, room.1);
        let pixels = fit(part.across, part.down, room.0, room.1);
        let cells = |length: u32, cell: u32, most: u16| {
            u16::try_from(length.div_ceil(cell))
                .unwrap_or(most)
                .clamp(1, most)
        };
        let columns = cells(pixels.0, cell.0, area.width);
        let rows = cells(pixels.1, cell.1, area.height);
        Some(Self {
            area: Rect::new(
                area.x + (area.width - columns) / 2,
                area.y + (area.height - rows) / 2,
                columns,
                rows,
            ),
            part,
            pixels,
            cell,
        })
    }

    /// The pixel of the image that is in the middle of a cell.
    pub fn pixel(&self, column: u16, row: u16) -> Option<[u32; 2]> {
        if !self.area.contains(Position::new(column, row)) {
            return None;
        }
        let at = |cells: u16, cell: u32, pixels: u32, from: u32, across: u32| {
            let middle = (f64::from(cells) + 0.5) * f64::from(cell);
            let share = (middle / f64::from(pixels.max(1))).clamp(0.0, 1.0);
            from + ((share * f64::from(across)) as u32).min(across.saturating_sub(1))
        };
        let part = self.part;
        Some([
            at(
                column - self.area.x,
                self.cell.0,
                self.pixels.0,
                part.left,
                part.across,
            ),
            at(
                row - self.area.y,
                self.cell.1,
                self.pixels.1,
                part.top,
                part.down,
            ),
        ])
    }
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
    fn a_cell_of_the_screen_shows_the_pixel_that_is_drawn_there() {
        let cells = Screen {
            protocol: ImageProtocol::Cells,
            cell: (10, 20),
            tmux: false,
            depth: rounds_imaging::ColourDepth::True,
        };
        let graphics = Screen {
            protocol: ImageProtocol::Kitty,
            ..cells
        };
        let area = Rect::new(5, 3, 40, 10);
        for screen in [cells, graphics] {
            let whole = ViewTransform::default();
            // 20 rows of pixels, or 200, are the limit.
            let placed = Placed::new(area, screen, whole, (200, 100)).unwrap();
            assert_eq!(placed.area, Rect::new(5, 3, 40, 10), "{screen:?}");
            assert_eq!(placed.pixel(5, 3), Some([2, 5]));
            assert_eq!(placed.pixel(44, 12), Some([197, 95]));
            assert_eq!(placed.pixel(45, 12), None);
            let square = Placed::new(area, screen, whole, (50, 50)).unwrap();
            assert_eq!(square.area, Rect::new(15, 3, 20, 10));
            assert_eq!(square.pixel(14, 3), None);
            let mut zoomed = ViewTransform::default();
            zoomed.zoom(8);
            let part = Placed::new(area, screen, zoomed, (200, 100)).unwrap();
            let [x, y] = part.pixel(25, 8).unwrap();
            assert!((95..106).contains(&x) && (47..54).contains(&y), "{x} {y}");
        }
        assert_eq!(
            Placed::new(Rect::default(), cells, ViewTransform::default(), (9, 9)),
            None
        );
    }

    #[test]
    fn a_cross_hair_leaves_its_own_pixel_visible() {
        let plain = image(100, 100);
        let draw = |cross| {
            let shown = Appearance {
                cross,
                ..Appearance::whole("x")
            };
            render(&plain, &shown, 100, 100).unwrap().pixels
        };
        let cross = Cross {
            at: [50, 40],
            from: None,
        };
        let (without, with) = (draw(None), draw(Some(cross)));
        assert_eq!(with.get_pixel(50, 40), without.get_pixel(50, 40));
        assert_eq!(with.get_pixel(55, 40), &CROSS);
        assert_eq!(with.get_pixel(50, 45), &CROSS);
        let line = draw(Some(Cross {
            from: Some([10, 10]),
            ..cross
        }));
        assert_eq!(line.get_pixel(10, 10), &CROSS);
        // Outside of what is seen nothing is drawn, and nothing fails.
        draw(Some(Cross {
            at: [5000, 9],
            from: Some([0, 7000]),
        }));
    }

    #[test]
    fn an_image_with_missing_pixels_is_not_rendered() {
        let mut broken = image(20, 20);
        broken.rgb.truncate(7);
        assert!(render(&broken, &Appearance::whole("x"), 10, 10).is_none());
    }
}
