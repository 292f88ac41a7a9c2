//! A wrapper around crossterm's backend that copes with characters of ambiguous width.
//!
//! Terminals disagree about the width of characters made of several code points (emoji with a variation selector or
//! joiners). The cursor is therefore positioned explicitly after each of them; otherwise the rest of the line would be off by
//! a column and leave remnants when it changes. The cells it may cover are blanked first: if it turns out narrow, nothing
//! old remains beside it; if it turns out wide, nothing is written into its second half.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use unicode_width::UnicodeWidthStr;

/// Positions the cursor explicitly after characters of ambiguous width; see the module.
pub struct PositioningBackend<W: Write>(CrosstermBackend<W>);

impl<W: Write> PositioningBackend<W> {
    pub fn new(writer: W) -> Self {
        Self(CrosstermBackend::new(writer))
    }

    /// Writes a character of ambiguous width over blanks; returns the column after it.
    fn put(&mut self, (x, y, cell): (u16, u16, &Cell)) -> io::Result<u16> {
        let mut blank = cell.clone();
        blank.set_symbol(" ");
        let next = x.saturating_add(u16::try_from(cell.symbol().width()).unwrap_or(1));
        self.0.draw((x..next).map(|column| (column, y, &blank)))?;
        self.0.draw(std::iter::once((x, y, cell)))?;
        Ok(next)
    }
}

/// Whether terminals may disagree about its width.
fn has_ambiguous_width(cell: &Cell) -> bool {
    cell.symbol().chars().nth(1).is_some()
}

impl<W: Write> Backend for PositioningBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut cells = content.peekable();
        while cells.peek().is_some() {
            // Every call starts by moving the cursor.
            let plain =
                std::iter::from_fn(|| cells.next_if(|(_, _, cell)| !has_ambiguous_width(cell)));
            self.0.draw(plain)?;
            while let Some(one) = cells.next_if(|(_, _, cell)| has_ambiguous_width(cell)) {
                let next = self.put(one)?;
                let covered = |(x, y, _): &(u16, u16, &Cell)| *y == one.1 && *x < next;
                while cells.next_if(covered).is_some() {}
            }
        }
        Ok(())
    }

    fn append_lines(&mut self, lines: u16) -> io::Result<()> {
        self.0.append_lines(lines)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.0.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.0.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.0.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.0.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.0.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        self.0.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.0.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.0)
    }
}

impl<W: Write> Write for PositioningBackend<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::buffer::Buffer;
    use ratatui::style::Style;

    /// The bytes written when the screen changes from `before` to `after`.
    fn written(before: &str, after: &str) -> String {
        let area = ratatui::layout::Rect::new(0, 0, 12, 1);
        let [mut old, mut new] = [Buffer::empty(area), Buffer::empty(area)];
        old.set_string(0, 0, before, Style::new());
        new.set_string(0, 0, after, Style::new());
        let mut bytes = Vec::new();
        let mut backend = PositioningBackend::new(&mut bytes);
        backend.draw(old.diff(&new).into_iter()).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn text_after_an_ambiguous_character_is_positioned_explicitly() {
        let moved = |column: u16| format!("\x1b[1;{column}H");
        let text = written("xxxxxxxxxx", "a\u{2764}\u{FE0F}bc");
        let (before, after) = text.split_once("\u{2764}\u{FE0F}").unwrap();
        assert!(before.contains(&format!("{}  ", moved(2))), "{text:?}");
        assert!(after.contains(&format!("{}bc", moved(4))), "{text:?}");
        assert!(
            !after.contains(&moved(3)),
            "wrote into its second half: {text:?}"
        );
    }

    #[test]
    fn consecutive_ambiguous_characters_are_each_positioned() {
        let text = written("", "\u{2764}\u{FE0F}\u{2764}\u{FE0F}x");
        for column in [1, 3, 5] {
            assert!(text.contains(&format!("\x1b[1;{column}H")), "{text:?}");
        }
    }

    #[test]
    fn plain_text_is_written_in_one_piece() {
        assert_eq!(written("", "abc").matches('H').count(), 1);
    }
}
