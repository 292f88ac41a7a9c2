//! A message in place of the key hints, or above the input if it is longer: what happened, and what to do about it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::tui::state::State;

use super::canvas::put_lines;
use super::text::wrapped;
use super::theme::Theme;

fn lines(state: &State, width: u16, theme: Option<&Theme>) -> Vec<Line<'static>> {
    let Some(notice) = &state.notice else {
        return Vec::new();
    };
    let style = |error: bool| {
        theme.map_or_else(
            Default::default,
            |t| if error { t.error } else { t.warning },
        )
    };
    let message = if notice.is_error {
        format!("error: {}", notice.error.message)
    } else {
        notice.error.message.clone()
    };
    let mut lines = wrapped(&message, width, 1, style(notice.is_error));
    if let Some(hint) = &notice.error.hint {
        lines.extend(wrapped(&format!("hint: {hint}"), width, 1, style(false)));
    }
    lines
}

/// Whether the message fits into the line of hints, so that the layout doesn't change.
pub fn in_one_line(state: &State, width: u16) -> bool {
    state.notice.is_some() && lines(state, width, None).len() == 1
}

/// Rows the message needs.
pub fn height(state: &State, width: u16) -> u16 {
    u16::try_from(lines(state, width, None).len()).unwrap_or(u16::MAX)
}

/// Draws the message.
pub fn draw(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    put_lines(frame, area, &lines(state, area.width, Some(theme)), 0);
}
