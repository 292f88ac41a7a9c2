//! A cache of wrapped lines: wrapping all text again for every frame would get slower as the session grows.

use std::collections::HashMap;
use std::rc::Rc;

use ratatui::text::Line;

use crate::tui::state::TurnId;

/// Cached lines by turn.
#[derive(Default)]
pub struct Memo {
    lines: HashMap<TurnId, (u64, Rc<Vec<Line<'static>>>)>,
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

    /// Empties the cache, after a change of theme.
    pub fn clear(&mut self) {
        self.lines.clear();
    }
}
