//! The frame around a pane, and the tabs shown if only one pane fits.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Borders};

use crate::tui::state::{Focus, State};

use super::canvas::Canvas;
use super::text::{cut, width};
use super::theme::Theme;

/// Draws a frame with a title and returns the area inside. The focused pane has a double line, not only another colour.
pub fn framed(frame: &mut Frame, area: Rect, title: &str, focused: bool, theme: &Theme) -> Rect {
    let (style, lines) = if focused {
        (theme.border_focus, BorderType::Double)
    } else {
        (theme.border, BorderType::Plain)
    };
    let room = usize::from(area.width).saturating_sub(4);
    let title_style = if focused { theme.accent } else { theme.title };
    let block = Block::new()
        .borders(Borders::ALL)
        .border_type(lines)
        .border_style(style)
        .title(Span::styled(format!(" {} ", cut(title, room)), title_style));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}

const TABS: [Focus; 3] = [Focus::Conversation, Focus::Images, Focus::Shots];

/// The name of a pane with its key, and the number of items if `counted`.
fn name(focus: Focus, state: &State, counted: bool) -> String {
    let (name, count) = match focus {
        Focus::Images => ("2 Images", state.images_in_view().len()),
        Focus::Shots => ("3 Shots", state.shot_list().len()),
        Focus::Input | Focus::Conversation => return "1 Conversation".into(),
    };
    match counted {
        true => format!("{name} ({count})"),
        false => name.into(),
    }
}

/// Draws the row of tabs, with the selected one in brackets.
pub fn tabs(frame: &mut Frame, area: Rect, state: &State, canvas: &mut Canvas) {
    let all = TABS
        .iter()
        .map(|focus| width(&name(*focus, state, true)) + 3);
    let counted = all.sum::<usize>() <= usize::from(area.width);
    let mut x = area.x;
    let mut spans = Vec::new();
    for focus in TABS {
        let front =
            state.front == focus || (focus == Focus::Conversation && state.front == Focus::Input);
        let label = name(focus, state, counted);
        let (label, style) = if front {
            (format!("[{label}]"), canvas.theme.accent)
        } else {
            (format!(" {label} "), canvas.theme.dim)
        };
        let wide = u16::try_from(width(&label)).unwrap_or(u16::MAX);
        let tab = Rect::new(x, area.y, wide, 1).intersection(area);
        canvas.hits.panes.push((tab, focus));
        x = x.saturating_add(wide).saturating_add(1);
        spans.push(Span::styled(label, style));
        spans.push(Span::raw(" "));
    }
    frame.render_widget(Line::from(spans), area);
}
