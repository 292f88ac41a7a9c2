//! Crossterm's backend, kept from trusting that a character is as wide as it is thought to be.
//!
//! After a character of several code points (an emoji with its variation selector, joined ones) terminals do not agree where
//! the cursor is. What comes after one is therefore put in its place by a move of its own; else the rest of the line would be
//! off by a column, and pieces of it would stay when the line changes.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

/// See the module.
pub struct Placing<W: Write>(CrosstermBackend<W>);

impl<W: Write> Placing<W> {
    pub fn new(writer: W) -> Self {
        Self(CrosstermBackend::new(writer))
    }
}

/// Whether terminals may not agree how wide it is.
fn is_doubtful(cell: &Cell) -> bool {
    cell.symbol().chars().nth(1).is_some()
}

impl<W: Write> Backend for Placing<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut cells = content.peekable();
        while cells.peek().is_some() {
            let mut ended = false;
            let run = std::iter::from_fn(|| {
                let cell = cells.next_if(|_| !ended)?;
                ended = is_doubtful(cell.2);
                Some(cell)
            });
            // Every call begins with a move.
            self.0.draw(run)?;
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

impl<W: Write> Write for Placing<W> {
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

    /// What is written where `before` is on the screen and `after` comes.
    fn written(before: &str, after: &str) -> String {
        let area = ratatui::layout::Rect::new(0, 0, 12, 1);
        let [mut old, mut new] = [Buffer::empty(area), Buffer::empty(area)];
        old.set_string(0, 0, before, Style::new());
        new.set_string(0, 0, after, Style::new());
        let mut bytes = Vec::new();
        let mut backend = Placing::new(&mut bytes);
        backend.draw(old.diff(&new).into_iter()).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_follows_a_doubtful_character_is_put_in_its_place() {
        let text = written("xxxxxxxxxx", "a\u{2764}\u{FE0F}bc");
        let rest = text.split_once("\u{2764}\u{FE0F}").unwrap().1;
        let moves = |column: u16| format!("\x1b[1;{column}H");
        // The second half of the heart is cleared, then b stands in the fourth column, whatever the heart's width.
        assert!(rest.contains(&moves(3)), "{text:?}");
        assert!(!rest.starts_with(['b', ' ']), "{text:?}");
    }

    #[test]
    fn plain_text_is_written_in_one_piece() {
        assert_eq!(written("", "abc").matches('H').count(), 1);
    }
}
