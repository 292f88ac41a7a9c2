//! Where the last frame drew things, for the mouse and for scrolling.

use ratatui::layout::Rect;

use crate::tui::terminal_image::Placed;

use super::conversation::TurnId;
use super::focus::Focus;

/// An attached image as it was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawnImage {
    /// Which of the images in view.
    pub number: usize,
    /// Where it was drawn, and which part of it.
    pub placed: Placed,
}

impl DrawnImage {
    /// The pixel of the image that a cell of the screen shows.
    pub fn pixel(&self, column: u16, row: u16) -> Option<[u32; 2]> {
        self.placed.pixel(column, row)
    }
}

/// Where the last frame drew things.
#[derive(Clone, Debug, Default)]
pub struct Hits {
    pub panes: Vec<(Rect, Focus)>,
    /// The attached images.
    pub images: Vec<DrawnImage>,
    /// Rows of a list of shots.
    pub shots: Vec<(Rect, usize)>,
    /// Rows of the list in the open window.
    pub rows: Vec<(Rect, usize)>,
    /// First line of every turn in the conversation.
    pub turns: Vec<(TurnId, usize)>,
    /// Lines of the conversation, and how many are visible.
    pub lines: usize,
    pub height: usize,
    /// Largest scroll offset of the open window.
    pub max_overlay_scroll: usize,
}

impl Hits {
    /// The first line of a turn.
    pub fn first_line(&self, turn: TurnId) -> Option<usize> {
        let found = self.turns.iter().find(|(id, _)| *id == turn);
        found.map(|(_, line)| (*line).min(self.lines.saturating_sub(self.height)))
    }
}
