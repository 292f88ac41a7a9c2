//! The input, which grows with its text, and the list of completions above it.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use crate::tui::keys::Action;
use crate::tui::state::{Editor, Focus, State};

use super::panes::framed;
use super::text::{break_lines, cut, width};
use super::theme::Theme;

/// On a lower screen the input has no frame.
const MIN_ROWS_FOR_FRAME: u16 = 14;
/// Maximum completions listed at once.
const MAX_COMPLETIONS: usize = 10;

/// Rows the input needs.
pub fn height(state: &State, columns: u16, rows: u16) -> u16 {
    let (field_width, frame) = if rows >= MIN_ROWS_FOR_FRAME {
        (columns.saturating_sub(4), 2)
    } else {
        (columns.saturating_sub(2), 0)
    };
    let lines = lay_out(&state.composer.input, usize::from(field_width))
        .0
        .len();
    let max = (rows / 3).max(1);
    u16::try_from(lines).unwrap_or(max).clamp(1, max) + frame
}

/// The wrapped lines of a text, and the cursor's position (column, line).
fn lay_out(editor: &Editor, room: usize) -> (Vec<Range<usize>>, (usize, usize)) {
    let text = editor.text();
    // One column stays free for the cursor after the last character.
    let lines = break_lines(text, room.saturating_sub(1));
    let cursor = editor.cursor();
    let row = lines
        .iter()
        .rposition(|line| line.start <= cursor)
        .unwrap_or(0);
    let start = lines.get(row).map_or(0, |line| line.start);
    let column = width(text.get(start..cursor).unwrap_or_default()).min(room.saturating_sub(1));
    (lines, (column, row))
}

/// The title of the input says what Enter does.
fn title(state: &State) -> String {
    match (
        &state.composer.editing,
        state.composer.input.text().starts_with('/'),
    ) {
        (Some(_), _) => "Edit the question (the old version is kept)".into(),
        (None, true) => "Command".into(),
        (None, false) => match state.case.images.len() {
            0 => "Question".into(),
            1 => format!("Question about {}", name(state, 0)),
            number => format!("Question about {number} images"),
        },
    }
}

fn name(state: &State, at: usize) -> &str {
    state
        .case
        .images
        .get(at)
        .map_or("", |a| a.image.source.name.as_str())
}

/// Draws the input.
pub fn draw(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let focused = state.focus == Focus::Input && state.overlay.is_none();
    let inside = if area.height > 2 {
        framed(frame, area, &title(state), focused, theme)
    } else {
        area
    };
    let [mark, field] = ratatui::layout::Layout::horizontal([
        ratatui::layout::Constraint::Length(2),
        ratatui::layout::Constraint::Min(0),
    ])
    .areas(inside);
    frame.render_widget(Span::styled(">", theme.accent), mark);
    if state.composer.input.is_empty() {
        let hint = format!(
            "Ask a question.  {} attaches an image, / shows commands, ? shows keys.",
            state.keymap.hint(Action::PickFile)
        );
        frame.render_widget(
            Span::styled(cut(&hint, usize::from(field.width)), theme.dim),
            field,
        );
    }
    let cursor = text_field(frame, field, &state.composer.input, theme);
    if focused && let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

/// Draws editable text, scrolled so that the cursor is visible; returns the cursor's position.
pub fn text_field(
    frame: &mut Frame,
    area: Rect,
    editor: &Editor,
    theme: &Theme,
) -> Option<Position> {
    if area.width == 0 || area.height == 0 {
        return None;
    }
    let (lines, (column, row)) = lay_out(editor, usize::from(area.width));
    let first = (row + 1).saturating_sub(usize::from(area.height));
    for (line, y) in lines.iter().skip(first).zip(area.y..area.bottom()) {
        let text = editor.text().get(line.clone()).unwrap_or_default();
        frame.render_widget(
            Line::styled(text.to_string(), theme.text),
            Rect::new(area.x, y, area.width, 1),
        );
    }
    let x = area.x + u16::try_from(column).unwrap_or(0).min(area.width - 1);
    let y = area.y + u16::try_from(row - first).unwrap_or(0).min(area.height - 1);
    Some(Position::new(x, y))
}

/// Draws the list of completions above the input.
pub fn completion(frame: &mut Frame, input: Rect, state: &State, theme: &Theme) {
    let Some(completion) = &state.composer.completion else {
        return;
    };
    let room = usize::from(input.y.saturating_sub(frame.area().y));
    let rows = completion
        .items
        .len()
        .min(MAX_COMPLETIONS)
        .min(room.saturating_sub(2));
    if rows == 0 {
        return;
    }
    let chosen = completion.chosen.unwrap_or(0);
    let first = (chosen + 1).saturating_sub(rows);
    let names = completion
        .items
        .iter()
        .map(|item| width(&item.text))
        .max()
        .unwrap_or(0)
        .min(40);
    let wide = input.width.min(100);
    let high = u16::try_from(rows).unwrap_or(0) + 2;
    let area =
        Rect::new(input.x, input.y.saturating_sub(high), wide, high).intersection(frame.area());
    frame.render_widget(Clear, area);
    let title = format!(
        "{} of {}   Tab accepts, ↑↓ select",
        chosen + 1,
        completion.items.len()
    );
    let inside = framed(frame, area, &title, false, theme);
    for ((number, item), y) in completion
        .items
        .iter()
        .enumerate()
        .skip(first)
        .zip(inside.y..inside.bottom())
    {
        let is_chosen = completion.chosen == Some(number);
        let mark = if is_chosen { "> " } else { "  " };
        let name = cut(&item.text, names);
        let blanks = " ".repeat(names.saturating_sub(width(&name)) + 2);
        let line = Line::from(vec![
            Span::raw(mark),
            Span::styled(name, theme.key),
            Span::raw(blanks),
            Span::styled(item.note.clone(), theme.dim),
        ]);
        let row = Rect::new(inside.x, y, inside.width, 1);
        frame.render_widget(line, row);
        if is_chosen {
            frame.buffer_mut().set_style(row, theme.chosen);
        }
    }
}
