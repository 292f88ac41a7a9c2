//! An image as lines of text for a command, which prints them where the cursor is and goes on.

use ratatui::style::Color;

use super::cells::CellImage;
use super::request::Appearance;
use rounds_imaging::{ColourDepth, Image};

/// An image as lines with escape sequences for colours.
pub struct Lines {
    /// From top to bottom; each ends with a reset.
    pub lines: Vec<String>,
    /// Columns that they take.
    pub width: usize,
}

/// The image as large as fits into `columns` by `rows` cells; no lines if there is no room.
pub fn lines(image: &Image, columns: u16, rows: u16, depth: ColourDepth) -> Lines {
    let cells = CellImage::new(image, &Appearance::whole(""), columns, rows, depth);
    let Some(cells) = cells else {
        return Lines {
            lines: Vec::new(),
            width: 0,
        };
    };
    let line = |row: &[(char, Color, Color)]| {
        let mut line = String::new();
        let mut current = (Color::Reset, Color::Reset);
        for (letter, front, back) in row {
            if depth != ColourDepth::None && current != (*front, *back) {
                current = (*front, *back);
                line.push_str(&format!("\u{1b}[{};{}m", code(*front, 0), code(*back, 10)));
            }
            line.push(*letter);
        }
        if depth != ColourDepth::None {
            line.push_str("\u{1b}[0m");
        }
        line
    };
    Lines {
        lines: cells.rows().map(line).collect(),
        width: usize::from(cells.columns),
    }
}

/// The parameters of a colour; `ground` is 10 for the background.
fn code(colour: Color, ground: u8) -> String {
    let named = |dark: u8| (dark + ground).to_string();
    match colour {
        Color::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", 38 + ground),
        Color::Indexed(number) => format!("{};5;{number}", 38 + ground),
        Color::Black => named(30),
        Color::Red => named(31),
        Color::Green => named(32),
        Color::Yellow => named(33),
        Color::Blue => named(34),
        Color::Magenta => named(35),
        Color::Cyan => named(36),
        Color::Gray => named(37),
        Color::DarkGray => named(90),
        Color::LightRed => named(91),
        Color::LightGreen => named(92),
        Color::LightYellow => named(93),
        Color::LightBlue => named(94),
        Color::LightMagenta => named(95),
        Color::LightCyan => named(96),
        Color::White => named(97),
        Color::Reset => named(39),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_imaging::{PixelExtras, SourceInfo};

    #[test]
    fn lines_fill_the_room_and_have_no_colours_where_there_are_none() {
        let image = Image {
            width: 4,
            height: 4,
            rgb: (0..48).map(|n| n * 5).collect(),
            extras: PixelExtras::default(),
            source: SourceInfo::unknown(),
        };
        let coloured = lines(&image, 20, 10, ColourDepth::True);
        assert_eq!((coloured.width, coloured.lines.len()), (20, 10));
        assert!(
            coloured
                .lines
                .iter()
                .all(|line| line.ends_with("\u{1b}[0m"))
        );
        assert!(coloured.lines[0].starts_with("\u{1b}[38;2;"));
        let plain = lines(&image, 20, 10, ColourDepth::None);
        assert!(plain.lines.iter().all(|line| !line.contains('\u{1b}')));
        assert_eq!(lines(&image, 0, 10, ColourDepth::True).lines.len(), 0);
    }
}
