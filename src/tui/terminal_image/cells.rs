//! Images drawn with character cells: two pixels per cell, or a brightness ramp of characters without colours.

use image::RgbImage;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::outline::{Outline, outline_colour, outline_letter};
use super::palette::{colours, grey};
use super::render::render;
use super::request::Appearance;
use rounds_imaging::{ColourDepth, Image};

/// Characters from dark to bright.
const RAMP: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];
/// The upper half of a cell in the foreground colour.
const HALF_BLOCK: char = '\u{2580}';

/// An image as character cells, row by row: character, foreground, background.
#[derive(Clone, Debug, PartialEq)]
pub struct CellImage {
    pub columns: u16,
    pub rows: u16,
    /// Regions are marked, but in an image of another size.
    pub has_unplaced_boxes: bool,
    cells: Vec<Cell>,
}

impl CellImage {
    /// The image as large as fits into `columns` by `rows`; `None` if it has no pixels or there is no room.
    pub fn new(
        image: &Image,
        shown: &Appearance,
        columns: u16,
        rows: u16,
        depth: ColourDepth,
    ) -> Option<Self> {
        if columns == 0 || rows == 0 {
            return None;
        }
        let rendered = render(image, shown, u32::from(columns), u32::from(rows) * 2)?;
        let pixels = &rendered.pixels;
        let (width, height) = (pixels.width(), pixels.height().div_ceil(2));
        let colours = colours(pixels, depth);
        let places = (0..height).flat_map(|row| (0..width).map(move |x| (x, row)));
        let mut cells: Vec<Cell> = places
            .map(|(x, row)| cell_at(pixels, &colours, x, row, depth))
            .collect();
        for outline in &rendered.outlines {
            draw_outline(&mut cells, outline, pixels, depth);
        }
        Some(Self {
            columns: u16::try_from(width).ok()?,
            rows: u16::try_from(height).ok()?,
            has_unplaced_boxes: rendered.has_unplaced_boxes,
            cells,
        })
    }

    /// The cells, row by row.
    pub fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunks(usize::from(self.columns.max(1)))
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

type Cell = (char, Color, Color);

/// Two pixels in one cell, or their brightness as a character.
fn cell_at(rendered: &RgbImage, colours: &[Color], x: u32, row: u32, depth: ColourDepth) -> Cell {
    let at = |y: u32| rendered.get_pixel_checked(x, y).map(|p| p.0);
    let (upper, lower) = (at(row * 2).unwrap_or_default(), at(row * 2 + 1));
    if depth == ColourDepth::None {
        let bright = (grey(upper) + grey(lower.unwrap_or(upper))) / 2;
        let step = bright as usize * (RAMP.len() - 1) / 255;
        let letter = RAMP.get(step).copied().unwrap_or(' ');
        return (letter, Color::Reset, Color::Reset);
    }
    let colour = |y: u32| {
        let number = (y * rendered.width() + x) as usize;
        colours.get(number).copied().unwrap_or(Color::Reset)
    };
    (HALF_BLOCK, colour(row * 2), colour(row * 2 + 1))
}

/// Draws a line over the cells: in colour, half a cell wide; otherwise as the number of what it surrounds.
fn draw_outline(cells: &mut [Cell], outline: &Outline, rendered: &RgbImage, depth: ColourDepth) {
    let (width, height) = rendered.dimensions();
    let colour = outline_colour(outline.kind, depth);
    let letter = outline_letter(outline.kind);
    for (x, y) in outline.points(width, height, 1) {
        let Some(cell) = cells.get_mut((y / 2 * width + x) as usize) else {
            continue;
        };
        match (depth, y % 2) {
            (ColourDepth::None, _) => *cell = (letter, Color::Reset, Color::Reset),
            // The number in the corner stays.
            (_, _) if cell.0 != HALF_BLOCK => {}
            (_, 0) => cell.1 = colour,
            (_, _) => cell.2 = colour,
        }
    }
    if let Some((x, y)) = outline.corner(width, height)
        && let Some(cell) = cells.get_mut((y / 2 * width + x) as usize)
        && depth != ColourDepth::None
    {
        *cell = (letter, Color::Black, colour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::terminal_image::MarkedBox;
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

    fn cells(columns: u16, rows: u16, depth: ColourDepth) -> CellImage {
        CellImage::new(&halves(), &Appearance::whole("x"), columns, rows, depth).unwrap()
    }

    #[test]
    fn every_colour_depth_distinguishes_dark_from_bright() {
        for depth in [
            ColourDepth::None,
            ColourDepth::Ansi16,
            ColourDepth::Ansi256,
            ColourDepth::True,
        ] {
            let cells = cells(2, 1, depth);
            assert_eq!((cells.columns, cells.rows), (2, 1));
            assert_ne!(cells.cells[0], cells.cells[1], "{depth:?}");
        }
    }

    #[test]
    fn without_colours_every_cell_uses_the_default_colours() {
        let cells = cells(20, 9, ColourDepth::None);
        assert!(
            cells
                .cells
                .iter()
                .all(|(_, front, back)| (*front, *back) == (Color::Reset, Color::Reset))
        );
    }

    #[test]
    fn drawing_is_clipped_to_the_buffer() {
        let cells = cells(40, 40, ColourDepth::True);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 2));
        cells.draw(Rect::new(1, 1, 40, 40), &mut buffer);
        assert_eq!(buffer[(0, 0)].symbol(), " ");
        assert_eq!(buffer[(2, 1)].symbol(), "\u{2580}");
    }

    #[test]
    fn a_marked_region_is_outlined_and_numbered_at_every_colour_depth() {
        let shown = Appearance {
            boxes: vec![MarkedBox {
                left: 0,
                top: 0,
                width: 1,
                height: 2,
                kind: 1,
            }],
            ..Appearance::whole("x")
        };
        for depth in [
            ColourDepth::None,
            ColourDepth::Ansi16,
            ColourDepth::Ansi256,
            ColourDepth::True,
        ] {
            let marked = CellImage::new(&halves(), &shown, 20, 10, depth).unwrap();
            assert_eq!(marked.cells[0].0, '2', "{depth:?}");
            let row = &marked.cells[5 * 20..6 * 20];
            let plain = cells(20, 10, depth);
            let changed = |x: usize| row[x] != plain.cells[5 * 20 + x];
            assert!(changed(0) && changed(10), "{depth:?}: both sides");
            assert!(
                !changed(5) && !changed(15),
                "{depth:?}: not what is between"
            );
        }
    }
}
