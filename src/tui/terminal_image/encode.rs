//! Encodes images for the terminal: kitty, iTerm2, sixel, or character cells. Slow: runs on a worker thread.

use image::{DynamicImage, Rgb, RgbImage};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::Widget;
use ratatui_image::Image as ImageWidget;
use ratatui_image::protocol::{Protocol, iterm2::Iterm2, kitty::Kitty, sixel::Sixel};

use super::cells::CellImage;
use super::outline::{number_points, outline_rgb};
use super::render::{Rendered, render};
use super::request::Request;
use rounds_imaging::{ColourDepth, Image};

/// The protocol that draws images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageProtocol {
    Kitty,
    Iterm2,
    Sixel,
    Cells,
    None,
}

impl ImageProtocol {
    /// Its name for the user.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kitty => "kitty",
            Self::Iterm2 => "iTerm2",
            Self::Sixel => "sixel",
            Self::Cells => "half-blocks",
            Self::None => "no images",
        }
    }
}

/// The terminal properties that encoding depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// The protocol that draws images.
    pub protocol: ImageProtocol,
    /// Width and height of a cell in pixels.
    pub cell: (u16, u16),
    /// Whether sequences must be wrapped to pass through tmux.
    pub tmux: bool,
    /// Number of colours.
    pub depth: ColourDepth,
}

/// An image ready to draw.
pub enum Encoded {
    Cells(CellImage),
    /// A terminal graphics image, with its kitty image id.
    Graphics {
        protocol: Box<Protocol>,
        kitty: Option<u32>,
        has_unplaced_boxes: bool,
    },
    /// Why the image cannot be shown.
    Failed(String),
}

impl Encoded {
    /// Its size in cells.
    pub fn size(&self) -> (u16, u16) {
        match self {
            Self::Cells(cells) => (cells.columns, cells.rows),
            Self::Graphics { protocol, .. } => {
                let size = protocol.size();
                (size.width, size.height)
            }
            Self::Failed(_) => (0, 0),
        }
    }

    /// Whether regions are marked, but in an image of another size, so that they are not drawn.
    pub fn has_unplaced_boxes(&self) -> bool {
        match self {
            Self::Cells(cells) => cells.has_unplaced_boxes,
            Self::Graphics {
                has_unplaced_boxes, ..
            } => *has_unplaced_boxes,
            Self::Failed(_) => false,
        }
    }

    /// Draws it centred in `area`.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let (columns, rows) = self.size();
        let left = area.width.saturating_sub(columns) / 2;
        let top = area.height.saturating_sub(rows) / 2;
        let target = Rect::new(
            area.x + left,
            area.y + top,
            columns.min(area.width),
            rows.min(area.height),
        );
        match self {
            Self::Cells(cells) => cells.draw(target, buffer),
            Self::Graphics { protocol, .. } => ImageWidget::new(protocol).render(target, buffer),
            Self::Failed(_) => {}
        }
    }
}

/// Encodes an image for the screen; `number` becomes its kitty image id.
pub fn encode(image: &Image, request: &Request, screen: Screen, number: u32) -> Encoded {
    let failed = || Encoded::Failed("this image cannot be drawn".into());
    let (columns, rows) = (request.columns, request.rows);
    if matches!(screen.protocol, ImageProtocol::Cells | ImageProtocol::None) {
        let cells = CellImage::new(image, &request.appearance, columns, rows, screen.depth);
        return cells.map_or_else(failed, Encoded::Cells);
    }
    let (cell_width, cell_height) = (screen.cell.0.max(1), screen.cell.1.max(1));
    let width = u32::from(columns) * u32::from(cell_width);
    let height = u32::from(rows) * u32::from(cell_height);
    let Some(rendered) = render(image, &request.appearance, width, height) else {
        return failed();
    };
    let has_unplaced_boxes = rendered.has_unplaced_boxes;
    let pixels = with_outlines(rendered);
    let cells = |length: u32, cell: u16, max: u16| {
        u16::try_from(length.div_ceil(u32::from(cell)))
            .unwrap_or(max)
            .clamp(1, max.max(1))
    };
    let size = Size::new(
        cells(pixels.width(), cell_width, columns),
        cells(pixels.height(), cell_height, rows),
    );
    graphics(pixels, size, screen, number).map_or_else(failed, |protocol| Encoded::Graphics {
        protocol: Box::new(protocol),
        kitty: (screen.protocol == ImageProtocol::Kitty).then_some(number),
        has_unplaced_boxes,
    })
}

/// Pixels of the shorter side per pixel of a line's width.
const SIDE_PER_LINE: u32 = 200;

/// Draws the marked regions over the image, each with its number.
fn with_outlines(rendered: Rendered) -> RgbImage {
    let Rendered {
        mut pixels,
        outlines,
        ..
    } = rendered;
    let (width, height) = pixels.dimensions();
    let thick = (width.min(height) / SIDE_PER_LINE).max(1);
    for outline in outlines {
        let colour = Rgb(outline_rgb(outline.kind));
        let mut points = outline.points(width, height, thick);
        if let Some((left, top)) = outline.corner(width, height) {
            let inside = thick * 3;
            let number = number_points(outline.kind, thick * 2).into_iter();
            points.extend(number.map(|(x, y)| (left + inside + x, top + inside + y)));
        }
        for (x, y) in points {
            if let Some(pixel) = pixels.get_pixel_mut_checked(x, y) {
                *pixel = colour;
            }
        }
    }
    pixels
}

fn graphics(pixels: RgbImage, size: Size, screen: Screen, number: u32) -> Option<Protocol> {
    let image = DynamicImage::ImageRgb8(pixels);
    Some(match screen.protocol {
        ImageProtocol::Kitty => {
            Protocol::Kitty(Kitty::new(image, size, number, screen.tmux, false).ok()?)
        }
        ImageProtocol::Iterm2 => Protocol::ITerm2(Iterm2::new(image, size, screen.tmux).ok()?),
        ImageProtocol::Sixel => Protocol::Sixel(Sixel::new(image, size, screen.tmux).ok()?),
        ImageProtocol::Cells | ImageProtocol::None => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::terminal_image::{Appearance, MarkedBox};
    use rounds_imaging::{PixelExtras, SourceInfo};

    fn drawn(protocol: ImageProtocol) -> (Encoded, Buffer) {
        let image = Image {
            width: 64,
            height: 32,
            rgb: vec![120; 64 * 32 * 3],
            extras: PixelExtras::default(),
            source: SourceInfo::unknown(),
        };
        let request = Request {
            appearance: Appearance::whole("x"),
            columns: 20,
            rows: 10,
        };
        let screen = Screen {
            protocol,
            cell: (8, 16),
            tmux: false,
            depth: ColourDepth::True,
        };
        let encoded = encode(&image, &request, screen, 7);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 30, 12));
        encoded.draw(Rect::new(0, 0, 20, 10), &mut buffer);
        (encoded, buffer)
    }

    #[test]
    fn each_protocol_writes_its_own_sequence_at_the_same_position() {
        for (protocol, begins) in [
            (ImageProtocol::Kitty, "\u{1b}_G"),
            (ImageProtocol::Iterm2, "]1337;File="),
            (ImageProtocol::Sixel, "\u{1b}P"),
        ] {
            let (encoded, buffer) = drawn(protocol);
            assert_eq!(encoded.size(), (20, 5), "{protocol:?}");
            let symbol = buffer[(0, 2)].symbol();
            assert!(
                symbol.contains(begins),
                "{protocol:?}: {:?}",
                &symbol[..60.min(symbol.len())]
            );
        }
        assert_eq!(drawn(ImageProtocol::Cells).0.size(), (20, 5));
    }

    #[test]
    fn marked_regions_are_drawn_into_graphics() {
        let image = Image {
            width: 64,
            height: 32,
            rgb: vec![0; 64 * 32 * 3],
            extras: PixelExtras::default(),
            source: SourceInfo::unknown(),
        };
        let marked = MarkedBox {
            left: 16,
            top: 8,
            width: 32,
            height: 16,
            kind: 0,
        };
        let shown = Appearance {
            boxes: vec![marked],
            ..Appearance::whole("x")
        };
        let pixels = with_outlines(render(&image, &shown, 64, 32).unwrap());
        assert_eq!(pixels.get_pixel(16, 20).0, outline_rgb(0));
        assert_eq!(pixels.get_pixel(48, 20).0, outline_rgb(0));
        assert_eq!(pixels.get_pixel(40, 20).0, [0; 3]);
    }
}
