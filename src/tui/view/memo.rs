//! A cache of wrapped lines: wrapping all text again for every frame would get slower as the session grows.

use std::collections::HashMap;
use std::rc::Rc;

use ratatui::text::Line;

use super::theme::Theme;
use crate::tui::state::TurnId;

/// Cached lines by turn.
#[derive(Default)]
pub struct Memo {
    lines: HashMap<TurnId, (u64, Rc<Vec<Line<'static>>>)>,
    /// The theme of the lines.
    theme: Option<Theme>,
}

impl Memo {
    /// The lines of a turn, wrapped anew unless they were cached with the same stamp.
    pub fn lines(
        &mut self,
        turn: TurnId,
        stamp: u64,
        wrap: impl FnOnce() -> Vec<Line<'static>>,
    ) -> Rc<Vec<Line<'static>>> {
        if let Some((cached, lines)) = self.lines.get(&turn)
            && *cached == stamp
        {
            return lines.clone();
        }
        let lines = Rc::new(wrap());
        self.lines.insert(turn, (stamp, lines.clone()));
        lines
    }

    /// Forgets lines of another theme.
    pub fn follow(&mut self, theme: &Theme) {
        if self.theme.as_ref() != Some(theme) {
            self.lines.clear();
            self.theme = Some(theme.clone());
        }
    }
}
