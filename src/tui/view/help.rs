//! Help on all keys and commands, generated from the tables that define them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::tui::keys::{KeyContext, TABLE};
use crate::tui::state::{COMMANDS, State};

use super::Canvas;
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

/// Draws the help.
pub fn draw(frame: &mut Frame, area: Rect, state: &State, scroll: usize, canvas: &mut Canvas) {
    let theme = canvas.theme;
    window::text(
        frame,
        area,
        (96, area.height),
        "Keys and commands",
        "↑↓ PageUp PageDown scroll   Esc closes",
        scroll,
        canvas,
        |width| lines(state, width, theme),
    );
}

fn lines(state: &State, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    lines.extend(wrapped(
        "Type commands into the input. The name in brackets after a key is its name in the settings file, where you can change it.",
        width,
        0,
        theme.dim,
    ));
    lines.push(Line::raw(""));
    lines.push(Line::styled("Commands", theme.title));
    for row in COMMANDS {
        let left = format!("{} {}", row.name, row.argument_hint);
        lines.extend(pair(&left, row.help, width, theme));
    }
    for place in PLACES {
        lines.push(Line::raw(""));
        lines.push(Line::styled(place.title(), theme.title));
        for row in TABLE.iter().filter(|row| row.context == place) {
            let keys = state.keymap.keys(row.action);
            let keys = if keys.is_empty() { "(no key)" } else { keys };
            lines.extend(pair(
                keys,
                &format!("{}  [{}]", row.help, row.name),
                width,
                theme,
            ));
        }
    }
    lines.push(Line::raw(""));
    lines.push(Line::styled("Mouse", theme.title));
    for (what, help) in [
        (
            "click",
            "select a pane, a shot or a row; click again to open it",
        ),
        ("wheel", "scroll; over an image: zoom"),
        ("Shift-drag", "select text with the terminal"),
    ] {
        lines.extend(pair(what, help, width, theme));
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
