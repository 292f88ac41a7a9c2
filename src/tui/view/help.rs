//! Help on all keys and commands, generated from the tables that define them.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::tui::keys::{KeyContext, TABLE};
use crate::tui::state::{COMMANDS, Editor, State, has_words};

use super::canvas::Canvas;
use super::lists::labelled_field;
use super::text::wrapped;
use super::theme::Theme;
use super::window;

const PLACES: [KeyContext; 5] = [
    KeyContext::Anywhere,
    KeyContext::Input,
    KeyContext::Conversation,
    KeyContext::Images,
    KeyContext::Shots,
];

/// Draws the help: all of it, or the lines that match the filter.
pub fn draw(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    (scroll, filter): (usize, &Editor),
    canvas: &mut Canvas,
) {
    let theme = canvas.theme;
    let hints = "type to filter   ↑↓ PageUp PageDown scroll   Esc closes";
    let size = (96, area.height);
    let body = window::open(frame, area, size, "Keys and commands", hints, canvas);
    let [field, rest] = Layout::vertical([Constraint::Length(2), Constraint::Min(0)]).areas(body);
    labelled_field(frame, field, "Filter: ", filter, theme);
    let lines = lines(state, filter.text(), rest.width, theme);
    window::scrolled(frame, rest, &lines, scroll, canvas);
}

/// The rows of a section of which both columns together match the filter, under their title.
fn section(
    lines: &mut Vec<Line<'static>>,
    title: &'static str,
    rows: &[(String, String)],
    (filter, width): (&str, u16),
    theme: &Theme,
) {
    let matching = |row: &&(String, String)| has_words(&format!("{} {}", row.0, row.1), filter);
    let mut rows = rows.iter().filter(matching).peekable();
    if rows.peek().is_none() {
        return;
    }
    if !lines.is_empty() {
        lines.push(Line::raw(""));
    }
    lines.push(Line::styled(title, theme.title));
    for (left, right) in rows {
        lines.extend(pair(left, right, width, theme));
    }
}

fn lines(state: &State, filter: &str, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if filter.trim().is_empty() {
        lines.extend(wrapped(
            "Type commands into the input. The name in brackets after a key is its name in the settings file, where you can change it.",
            width,
            0,
            theme.dim,
        ));
    }
    let commands = COMMANDS.iter().map(|row| {
        let left = format!("{} {}", row.name, row.argument_hint);
        (left, row.help.to_string())
    });
    let commands: Vec<(String, String)> = commands.collect();
    section(&mut lines, "Commands", &commands, (filter, width), theme);
    for place in PLACES {
        let rows = TABLE.iter().filter(|row| row.context == place);
        let rows: Vec<(String, String)> = rows
            .map(|row| {
                let keys = state.keymap.keys(row.action);
                let keys = if keys.is_empty() { "(no key)" } else { keys };
                (keys.to_string(), format!("{}  [{}]", row.help, row.name))
            })
            .collect();
        section(&mut lines, place.title(), &rows, (filter, width), theme);
    }
    let mouse = [
        (
            "click",
            "select a pane, a shot or a row; click again to open it",
        ),
        ("wheel", "scroll; over an image: zoom, or slices of a scan"),
        (
            "click on the image",
            "cross-hair: value and place under it (in the image pane or on the full screen)",
        ),
        (
            "drag on a scan",
            "window: to the right wider, down a higher level",
        ),
        ("Shift-drag", "select text with the terminal"),
    ];
    let mouse = mouse.map(|(what, help)| (what.to_string(), help.to_string()));
    section(&mut lines, "Mouse", &mouse, (filter, width), theme);
    if lines.is_empty() {
        lines.extend(wrapped(
            "no key or command has these words",
            width,
            1,
            theme.dim,
        ));
    }
    lines
}

/// Two columns, or one above the other if they don't fit.
fn pair(left: &str, right: &str, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    const LEFT: usize = 30;
    let wide = usize::from(width) > LEFT * 2;
    if !wide || super::text::width(left) + 3 > LEFT {
        let mut lines = wrapped(left, width, 2, theme.key);
        lines.extend(wrapped(
            right,
            width,
            if wide { LEFT } else { 4 },
            theme.text,
        ));
        return lines;
    }
    let mut lines = wrapped(right, width, LEFT, theme.text);
    if let Some(first) = lines.first_mut() {
        let blanks = " ".repeat(LEFT - 2 - super::text::width(left));
        let text = first.spans.pop().unwrap_or_default();
        *first = Line::from(vec![
            Span::styled(format!("  {left}"), theme.key),
            Span::raw(blanks),
            text,
        ]);
    }
    lines
}
