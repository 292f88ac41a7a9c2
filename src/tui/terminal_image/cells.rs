//! Images drawn with character cells: two pixels per cell, or a brightness ramp of characters without colours.

use image::RgbImage;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::ViewTransform;
use super::render::render;
use rounds_imaging::{ColourDepth, Image};

/// Characters from dark to bright.
const RAMP: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];
/// Channel levels of the colour cube in the 256-colour palette.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];
/// Greys among the 16 colours, dark to bright: most medical images are grey.
const GREYS: [(u8, Color); 4] = [
    (0, Color::Black),
    (110, Color::DarkGray),
    (190, Color::Gray),
    (255, Color::White),
];
/// Hues among the 16 colours.
const HUES: [([u8; 3], Color); 6] = [
    ([200, 40, 40], Color::Red),
    ([40, 180, 40], Color::Green),
    ([200, 180, 40], Color::Yellow),
    ([50, 70, 210], Color::Blue),
    ([190, 50, 190], Color::Magenta),
    ([40, 180, 190], Color::Cyan),
];

/// An image as character cells, row by row: character, foreground, background.
#[derive(Clone, Debug, PartialEq)]
pub struct CellImage {
    pub columns: u16,
    pub rows: u16,
    cells: Vec<(char, Color, Color)>,
}

impl CellImage {
    /// The image as large as fits into `columns` by `rows`; `None` if it has no pixels or there is no room.
    pub fn new(
        image: &Image,
        transform: ViewTransform,
        columns: u16,
        rows: u16,
        depth: ColourDepth,
    ) -> Option<Self> {
        if columns == 0 || rows == 0 {
            return None;
        }
        let pixels = render(image, transform, u32::from(columns), u32::from(rows) * 2)?;
        let width = u16::try_from(pixels.width()).ok()?;
        let height = u16::try_from(pixels.height().div_ceil(2)).ok()?;
        let at = |x: u16, y: u32| pixel(&pixels, u32::from(x), y);
        let mut cells = Vec::with_capacity(usize::from(width) * usize::from(height));
        for row in 0..height {
            for x in 0..width {
                let upper = at(x, u32::from(row) * 2).unwrap_or_default();
                let lower = at(x, u32::from(row) * 2 + 1);
                cells.push(cell(upper, lower, depth));
            }
        }
        Some(Self {
            columns: width,
            rows: height,
            cells,
        })
    }

    /// Draws the cells into `area`, from its upper left corner.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        for (number, row) in self
            .cells
            .chunks(usize::from(self.columns.max(1)))
            .enumerate()
        {
            let Some(y) = u16::try_from(number).ok().filter(|y| *y < area.height) else {
                return;
            };
            for (x, (letter, front, back)) in (0..area.width).zip(row) {
                if let Some(cell) = buffer.cell_mut((area.x + x, area.y + y)) {
                    cell.set_char(*letter).set_fg(*front).set_bg(*back);
                }
            }
        }
    }
}

fn pixel(pixels: &RgbImage, x: u32, y: u32) -> Option<[u8; 3]> {
    pixels.get_pixel_checked(x, y).map(|p| p.0)
}

fn cell(upper: [u8; 3], lower: Option<[u8; 3]>, depth: ColourDepth) -> (char, Color, Color) {
    if depth == ColourDepth::None {
        let bright = (grey(upper) + grey(lower.unwrap_or(upper))) / 2;
        let step = bright as usize * (RAMP.len() - 1) / 255;
        return (
            RAMP.get(step).copied().unwrap_or(' '),
            Color::Reset,
            Color::Reset,
        );
    }
    let below = lower.map_or(Color::Reset, |l| colour(l, depth));
    ('\u{2580}', colour(upper, depth), below)
}

fn grey([red, green, blue]: [u8; 3]) -> u32 {
    (299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue)) / 1000
}

fn colour(pixel: [u8; 3], depth: ColourDepth) -> Color {
    let [red, green, blue] = pixel;
    match depth {
        ColourDepth::None => Color::Reset,
        ColourDepth::True => Color::Rgb(red, green, blue),
        ColourDepth::Ansi256 => Color::Indexed(palette256(pixel)),
        ColourDepth::Ansi16 => ansi16(pixel),
    }
}

/// Difference between the largest and smallest channel: small for greys.
fn chroma(pixel: [u8; 3]) -> u8 {
    let max = pixel.iter().max().copied().unwrap_or(0);
    max - pixel.iter().min().copied().unwrap_or(0)
}

fn palette256(pixel: [u8; 3]) -> u8 {
    if chroma(pixel) < 12 {
        // 24 greys from 8 to 238.
        let bright = grey(pixel);
        return match bright {
            0..4 => 16,
            247.. => 231,
            _ => 232 + ((bright.saturating_sub(3)) / 10).min(23) as u8,
        };
    }
    let step = |value: u8| {
        let nearest = CUBE
            .iter()
            .enumerate()
            .min_by_key(|(_, level)| level.abs_diff(value));
        nearest.map_or(0, |(at, _)| at as u8)
    };
    let [red, green, blue] = pixel.map(step);
    16 + 36 * red + 6 * green + blue
}

fn ansi16(pixel: [u8; 3]) -> Color {
    if chroma(pixel) < 60 {
        let bright = grey(pixel) as u8;
        let nearest = GREYS.iter().min_by_key(|(level, _)| level.abs_diff(bright));
        return nearest.map_or(Color::Reset, |(_, colour)| *colour);
    }
    let distance = |hue: &[u8; 3]| -> u32 {
        let parts = hue
            .iter()
            .zip(pixel)
            .map(|(h, p)| u32::from(h.abs_diff(p)).pow(2));
        parts.sum()
    };
    let nearest = HUES.iter().min_by_key(|(hue, _)| distance(hue));
    nearest.map_or(Color::Reset, |(_, colour)| *colour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_imaging::{PixelExtras, SourceInfo};

    fn halves() -> Image {
        let row = [[0_u8; 3], [255; 3]].concat();
        Image {
            width: 2,
            height: 2,
            rgb: [row.clone(), row].concat(),
            extras: PixelExtras::default(),
            source: SourceInfo::unknown(),
        }
    }

    #[test]
    fn every_colour_depth_distinguishes_dark_from_bright() {
        for depth in [
            ColourDepth::None,
            ColourDepth::Ansi16,
            ColourDepth::Ansi256,
            ColourDepth::True,
        ] {
            let cells = CellImage::new(&halves(), ViewTransform::default(), 2, 1, depth).unwrap();
            assert_eq!((cells.columns, cells.rows), (2, 1));
            assert_ne!(cells.cells[0], cells.cells[1], "{depth:?}");
        }
    }

    #[test]
    fn without_colours_every_cell_uses_the_default_colours() {
        let cells = CellImage::new(
            &halves(),
            ViewTransform::default(),
            20,
            9,
            ColourDepth::None,
        )
        .unwrap();
        assert!(
            cells
                .cells
                .iter()
                .all(|(_, front, back)| (*front, *back) == (Color::Reset, Color::Reset))
        );
    }

    #[test]
    fn drawing_is_clipped_to_the_buffer() {
        let cells = CellImage::new(
            &halves(),
            ViewTransform::default(),
            40,
            40,
            ColourDepth::True,
        )
        .unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 2));
        cells.draw(Rect::new(1, 1, 40, 40), &mut buffer);
        assert_eq!(buffer[(0, 0)].symbol(), " ");
        assert_eq!(buffer[(2, 1)].symbol(), "\u{2580}");
    }
}
