//! Vignette and laboratory values in the conversation: before the first question about them, and before the next question.

use ratatui::text::Line;

use crate::tui::state::{State, Turn};
use rounds_assistant::Background;

use super::text::wrapped;
use super::theme::Theme;

/// What stands above a question: its background, unless the question before it had the same.
pub fn of_turn(turn: &Turn, state: &State) -> Option<Background> {
    let before = turn.parent.and_then(|id| state.conversation.get(id));
    shown(&turn.subject.background, before)
}

/// What stands at the end of the conversation: the background of the next question, unless the last one had the same.
pub fn of_next(state: &State) -> Option<Background> {
    let last = state.conversation.leaf();
    let last = last.and_then(|id| state.conversation.get(id));
    shown(&state.case.subject.background, last)
}

fn shown(background: &Background, before: Option<&Turn>) -> Option<Background> {
    let same = before.is_some_and(|turn| turn.subject.background == *background);
    (!same && !background.is_empty()).then(|| background.clone())
}

/// The lines of a background; a value outside its range has a word beside it as well as a colour.
pub fn lines(background: &Background, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = wrapped("Case", width, 0, theme.accent);
    if !background.vignette.is_empty() {
        lines.extend(wrapped(&background.vignette, width, 2, theme.text));
    }
    if !background.labs.is_empty() {
        lines.push(Line::raw(""));
        for (number, row) in background.table().into_iter().enumerate() {
            let style = match (number, row.marked) {
                (0, _) => theme.dim,
                (_, true) => theme.warning,
                (_, false) => theme.text,
            };
            lines.extend(wrapped(&row.text, width, 2, style));
        }
    }
    lines.push(Line::raw(""));
    lines
}
