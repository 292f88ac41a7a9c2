//! Dialogs: export a session, confirm what cannot be undone.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use crate::tui::journal::ExportFormat;
use crate::tui::state::ExportDialog;
use rounds_assistant::INTENDED_USE;

use super::canvas::{Canvas, put_lines};
use super::lists::labelled_field;
use super::text::wrapped;
use super::window;

/// Draws the export dialog.
pub fn export(frame: &mut Frame, area: Rect, dialog: &ExportDialog, canvas: &mut Canvas) {
    let hints = "Enter saves   Tab changes the format   Esc closes";
    let body = window::open(frame, area, (76, 14), "Export this session", hints, canvas);
    let [formats, path, rest] = Layout::vertical([
        Constraint::Length(4),
        Constraint::Length(2),
        Constraint::Min(0),
    ])
    .areas(body);
    let at = ExportFormat::ALL
        .iter()
        .position(|f| *f == dialog.format)
        .unwrap_or(0);
    window::list(
        frame,
        formats,
        &ExportFormat::ALL,
        at,
        canvas,
        |format, _| Line::raw(format.description()),
    );
    // These rows are not a list of the state, so clicks must not select them.
    canvas.hits.rows.clear();
    labelled_field(frame, path, "File: ", &dialog.path, canvas.theme);
    let mut lines = wrapped(
        &format!("The file will state: {INTENDED_USE}."),
        rest.width,
        0,
        canvas.theme.dim,
    );
    if let Some(error) = &dialog.error {
        lines.extend(wrapped(
            &format!("error: {}", error.message),
            rest.width,
            0,
            canvas.theme.error,
        ));
        if let Some(hint) = &error.hint {
            lines.extend(wrapped(
                &format!("hint: {hint}"),
                rest.width,
                0,
                canvas.theme.warning,
            ));
        }
    }
    put_lines(frame, rest, &lines, 0);
}

/// Draws a question before something that cannot be undone; `verb` is what `y` does.
pub fn confirm(
    frame: &mut Frame,
    area: Rect,
    (question, (title, verb)): (&str, (&str, &str)),
    canvas: &mut Canvas,
) {
    let hints = format!("y {verb}   n or Esc cancels");
    let body = window::open(frame, area, (64, 8), title, &hints, canvas);
    put_lines(
        frame,
        body,
        &wrapped(question, body.width, 0, canvas.theme.warning),
        0,
    );
}
