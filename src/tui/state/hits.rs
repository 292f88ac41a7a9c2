//! Where the last frame drew things, for the mouse and for scrolling.

use ratatui::layout::Rect;

use super::conversation::TurnId;
use super::focus::Focus;

/// Where the last frame drew things.
#[derive(Clone, Debug, Default)]
pub struct Hits {
    pub panes: Vec<(Rect, Focus)>,
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
