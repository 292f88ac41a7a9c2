//! A rectangle that is drawn on an image of a card, with keys or the mouse, and then named.

use crossterm::event::{KeyCode, KeyModifiers};

use crate::tui::keys::Press;
use crate::tui::state::Editor;

use super::keys::edit;
use super::turn::stepped;

/// What a key does to a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// It goes on.
    Going,
    /// The rectangle has its name.
    Done,
    Left,
}

/// A rectangle on an image, in its pixels.
#[derive(Debug)]
pub struct Drawing {
    size: [u32; 2],
    pub cross: [u32; 2],
    /// The first corner; the cross-hair is the other.
    from: Option<[u32; 2]>,
    /// What lies in it is being typed.
    pub naming: bool,
    pub label: Editor,
}

impl Drawing {
    /// Before the first corner, on an image of this width and height.
    pub fn new(size: [u32; 2]) -> Self {
        Self {
            size,
            cross: size.map(|side| side / 2),
            from: None,
            naming: false,
            label: Editor::line(""),
        }
    }

    /// Left, top, width and height, both corners inside; `None` before the first corner.
    pub fn rectangle(&self) -> Option<[u32; 4]> {
        let [x, y] = self.cross;
        let [from_x, from_y] = self.from?;
        let (left, top) = (x.min(from_x), y.min(from_y));
        Some([
            left,
            top,
            x.abs_diff(from_x).saturating_add(1),
            y.abs_diff(from_y).saturating_add(1),
        ])
    }

    pub(super) fn key(&mut self, press: Press) -> Drawn {
        if self.naming {
            match press.code {
                KeyCode::Enter if !self.label.text().trim().is_empty() => return Drawn::Done,
                KeyCode::Enter => {}
                KeyCode::Esc => self.naming = false,
                _ => edit(&mut self.label, press),
            }
            return Drawn::Going;
        }
        let far = press.modifiers.contains(KeyModifiers::SHIFT);
        match press.code {
            KeyCode::Left => self.step([-1, 0], far),
            KeyCode::Right => self.step([1, 0], far),
            KeyCode::Up => self.step([0, -1], far),
            KeyCode::Down => self.step([0, 1], far),
            KeyCode::Enter | KeyCode::Char(' ') if self.from.is_none() => {
                self.from = Some(self.cross);
            }
            KeyCode::Enter | KeyCode::Char(' ') => self.naming = true,
            KeyCode::Backspace => self.from = None,
            KeyCode::Esc => return Drawn::Left,
            _ => {}
        }
        Drawn::Going
    }

    fn step(&mut self, by: [i64; 2], far: bool) {
        self.cross = stepped(self.cross, self.size, by, far);
    }

    /// The button of the mouse went down on a pixel: a rectangle begins there.
    pub(super) fn press(&mut self, pixel: [u32; 2]) {
        self.naming = false;
        self.from = Some(pixel);
        self.cross = pixel;
    }

    /// The mouse moved there with its button down.
    pub(super) fn drag(&mut self, pixel: [u32; 2]) {
        if self.from.is_some() && !self.naming {
            self.cross = pixel;
        }
    }

    /// The button went up: a rectangle that was dragged wants its name.
    pub(super) fn release(&mut self) {
        self.naming |= self.from.is_some_and(|from| from != self.cross);
    }
}
