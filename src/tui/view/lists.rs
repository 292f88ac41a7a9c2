//! Windows with a list: sample cases, problems, files, sessions.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::tui::journal::SessionSummary;
use crate::tui::state::{Entry, Picker, SessionList, State};
use crate::tui::terminal_image::{Appearance, Source};
use rounds_support::errors::{bytes, count};
use rounds_support::sanitise::clean_line;

use super::canvas::{Canvas, put_lines};
use super::input::text_field;
use super::text::{cut, width, wrapped};
use super::theme::Theme;
use super::{images, window};

/// Splits an area into a list and, if there is room, an image preview beside it.
pub fn with_preview(area: Rect) -> (Rect, Option<Rect>) {
    if area.width < 60 {
        return (area, None);
    }
    let [list, _, preview] = Layout::horizontal([
        Constraint::Percentage(50),
        Constraint::Length(1),
        Constraint::Percentage(50),
    ])
    .areas(area);
    (list, Some(preview))
}

/// Draws the window of sample cases.
pub fn cases(frame: &mut Frame, area: Rect, state: &State, selected: usize, canvas: &mut Canvas) {
    let body = window::open(
        frame,
        area,
        (100, 26),
        "Sample cases",
        "Enter attaches (nothing is sent)   Esc closes",
        canvas,
    );
    case_list(frame, body, state, selected, canvas);
}

/// Draws the sample cases with a preview.
pub fn case_list(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    selected: usize,
    canvas: &mut Canvas,
) {
    let (list, preview) = with_preview(area);
    window::list(frame, list, &state.cases, selected, canvas, |case, _| {
        Line::raw(case.title.clone())
    });
    if let (Some(preview), Some(case)) = (
        preview,
        state
            .cases
            .get(selected.min(state.cases.len().saturating_sub(1))),
    ) {
        let id = format!("case {}", case.file);
        let source = || Source::Case(case.file.clone());
        canvas.gallery.covered = false;
        images::one(
            frame,
            preview,
            &Appearance::whole(id),
            source,
            &case.title,
            canvas,
        );
    }
}

/// Rows below the list of problems for the whole question of the selected one.
const PROBLEM_ROWS: u16 = 4;

/// Draws the window of problems: their subjects and questions, which do not give the answers away.
pub fn problems(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    selected: usize,
    canvas: &mut Canvas,
) {
    let hints = "Enter opens (nothing is sent)   Esc closes";
    let body = window::open(frame, area, (110, 30), "Problems", hints, canvas);
    let [list, below] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(PROBLEM_ROWS)]).areas(body);
    window::list(
        frame,
        list,
        &state.problems,
        selected,
        canvas,
        |problem, room| {
            let line = format!("{}: {}", problem.id, problem.words);
            Line::raw(cut(&line, usize::from(room)))
        },
    );
    let last = state.problems.len().saturating_sub(1);
    if let Some(problem) = state.problems.get(selected.min(last)) {
        let mut lines = vec![Line::default()];
        lines.extend(wrapped(&problem.words, below.width, 2, canvas.theme.dim));
        put_lines(frame, below, &lines, 0);
    }
}

/// Draws the file picker.
pub fn picker(frame: &mut Frame, area: Rect, picker: &Picker, canvas: &mut Canvas) {
    let body = window::open(
        frame,
        area,
        (120, area.height),
        "Attach an image",
        "Enter attaches or opens   ← parent folder   type to filter   Esc closes",
        canvas,
    );
    let [folder, filter, rest] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Min(0),
    ])
    .areas(body);
    let name = clean_line(&picker.folder.to_string_lossy());
    frame.render_widget(
        Span::styled(tail(&name, usize::from(folder.width)), canvas.theme.title),
        folder,
    );
    labelled_field(frame, filter, "Filter: ", &picker.filter, canvas.theme);
    let (list, preview) = with_preview(rest);
    let visible = picker.visible();
    if visible.is_empty() {
        let message = match (&picker.error, picker.is_reading()) {
            (Some(error), _) => format!("error: {}", error.message),
            (None, true) => "reading …".into(),
            (None, false) => "no folders or images here".into(),
        };
        put_lines(
            frame,
            list,
            &wrapped(&message, list.width, 1, canvas.theme.dim),
            0,
        );
    }
    let theme = canvas.theme;
    window::list(
        frame,
        list,
        &visible,
        picker.selected,
        canvas,
        |entry, room| file(entry, room, theme),
    );
    if let (Some(preview), Some(entry)) = (preview, picker.entry().filter(|entry| !entry.folder)) {
        let shown = Appearance::whole(entry.path.to_string_lossy());
        let source = || Source::File(entry.path.clone());
        canvas.gallery.covered = false;
        images::one(frame, preview, &shown, source, &entry.name, canvas);
    }
}

fn file(entry: &Entry, room: u16, theme: &Theme) -> Line<'static> {
    let length = if entry.folder {
        String::new()
    } else {
        bytes(entry.length)
    };
    let name = if entry.folder {
        format!("{}/", entry.name)
    } else {
        entry.name.clone()
    };
    let space = usize::from(room).saturating_sub(width(&length) + 1);
    let name = cut(&name, space);
    let blanks = " ".repeat(space.saturating_sub(width(&name)));
    let style = if entry.folder { theme.key } else { theme.text };
    Line::from(vec![
        Span::styled(name, style),
        Span::raw(blanks),
        Span::styled(length, theme.dim),
    ])
}

/// The end of a text: for a path more useful than its beginning.
fn tail(text: &str, room: usize) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if letters.len() > room && room > 0 {
        letters = letters.split_off(letters.len() - (room - 1));
        letters.insert(0, '…');
    }
    letters.into_iter().collect()
}

/// Draws a labelled text field, which gets the cursor.
pub fn labelled_field(
    frame: &mut Frame,
    area: Rect,
    label: &str,
    editor: &crate::tui::state::Editor,
    theme: &Theme,
) {
    let wide = u16::try_from(width(label)).unwrap_or(0);
    let [front, field] =
        Layout::horizontal([Constraint::Length(wide), Constraint::Min(0)]).areas(area);
    frame.render_widget(Span::styled(label.to_string(), theme.dim), front);
    let field = Rect::new(field.x, field.y, field.width, field.height.min(1));
    if let Some(cursor) = text_field(frame, field, editor, theme) {
        frame.set_cursor_position(cursor);
    }
}

/// Draws the list of sessions.
pub fn sessions(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    list: &SessionList,
    canvas: &mut Canvas,
) {
    let hints = match &list.renaming {
        Some(_) => "Enter saves the title   Esc cancels",
        None => "Enter opens   type to search   Ctrl-R renames   Ctrl-X deletes   Esc closes",
    };
    let body = window::open(frame, area, (110, area.height), "Sessions", hints, canvas);
    let [field, rest] = Layout::vertical([Constraint::Length(2), Constraint::Min(0)]).areas(body);
    match &list.renaming {
        Some(renaming) => {
            labelled_field(frame, field, "New title: ", &renaming.title, canvas.theme)
        }
        None => labelled_field(frame, field, "Search: ", &list.words, canvas.theme),
    }
    if list.items().is_empty() {
        let message = match (&list.error, list.is_reading(), list.words.is_empty()) {
            (Some(error), _, _) => format!("error: {}", error.message),
            (None, true, _) => "reading …".into(),
            (None, false, true) => "no saved sessions yet: ask a question to start one".into(),
            (None, false, false) => "no session matches these words".into(),
        };
        return put_lines(
            frame,
            rest,
            &wrapped(&message, rest.width, 1, canvas.theme.dim),
            0,
        );
    }
    let theme = canvas.theme;
    let current = state.session.id().map(str::to_string);
    window::list(
        frame,
        rest,
        list.items(),
        list.selected,
        canvas,
        |item, room| {
            let here = current.as_deref() == Some(item.id.as_str());
            session(item, here, room, theme)
        },
    );
}

/// Minimum width of a title in the list of sessions.
const MIN_TITLE_COLUMNS: usize = 20;

fn session(item: &SessionSummary, here: bool, room: u16, theme: &Theme) -> Line<'static> {
    let turns = count(item.turns, "turn");
    // The title matters most; the rest is dropped if it doesn't fit, the time last.
    let room = usize::from(room);
    let right = [
        format!("{}  {turns}  {}", item.id, item.when),
        format!("{turns}  {}", item.when),
        item.when.clone(),
    ];
    let fits = |text: &&String| width(text) + MIN_TITLE_COLUMNS < room;
    let right = right.iter().find(fits).cloned().unwrap_or_default();
    let mark = if here { "* " } else { "" };
    let space = room.saturating_sub(width(&right) + 1);
    let title = cut(&format!("{mark}{}", item.title), space);
    // What was found, or else what tells it apart from sessions of the same title.
    let about = item.snippet.clone().unwrap_or_else(|| item.about());
    let about = match about.is_empty() {
        true => String::new(),
        false => cut(&format!("  {about}"), space.saturating_sub(width(&title))),
    };
    let blanks = " ".repeat(space.saturating_sub(width(&title) + width(&about)) + 1);
    Line::from(vec![
        Span::styled(title, theme.text),
        Span::styled(about, theme.dim),
        Span::raw(blanks),
        Span::styled(right, theme.dim),
    ])
}
