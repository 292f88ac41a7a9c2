//! What the modes beside the chat, study mode and rating, draw alike.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::canvas::put_lines;
use super::panes::framed;
use super::text::{cut, width, wrapped};
use super::theme::Theme;
use rounds_support::INTENDED_USE;

/// Smallest screen.
const MIN_SIZE: (u16, u16) = (60, 16);
/// Columns from which there is room for a large image beside the text.
pub const WIDE: u16 = 110;
/// Columns of a window.
const WINDOW: u16 = 76;
/// Columns of the names of keys in a window.
const KEY: usize = 15;

/// Draws one line.
pub fn put_line(frame: &mut Frame, area: Rect, line: Line) {
    put_lines(frame, area, &[line], 0);
}

/// Whether the screen is too small for `what`, which is said instead of drawing it.
pub fn is_too_small(frame: &mut Frame, what: &str, theme: &Theme) -> bool {
    let area = frame.area();
    let (columns, rows) = MIN_SIZE;
    if area.width >= columns && area.height >= rows {
        return false;
    }
    let message = format!(
        "{what} needs {columns} x {rows} cells; this terminal has {} x {}",
        area.width, area.height
    );
    let lines = wrapped(&message, area.width, 0, theme.text);
    put_lines(frame, area, &lines, 0);
    true
}

/// A bar of at most 30 columns of the `room`: how much of all is done.
pub fn progress(room: usize, done: usize, all: usize, theme: &Theme) -> [Span<'static>; 2] {
    let room = room.min(30);
    let full = (room * done).checked_div(all).unwrap_or(0).min(room);
    [
        Span::styled("█".repeat(full), theme.bar),
        Span::styled("·".repeat(room - full), theme.dim),
    ]
}

/// Keys and what they do, as many as fit. Help and the way out are never left out.
pub fn hint_line(frame: &mut Frame, area: Rect, hints: &[(&str, &str)], theme: &Theme) {
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    for (key, what) in hints {
        let long = width(key) + width(what) + 3;
        let needed = if matches!(*key, "?" | "q") { 0 } else { 17 };
        if used + long + needed > usize::from(area.width) {
            continue;
        }
        used += long;
        spans.push(Span::styled((*key).to_string(), theme.key));
        spans.push(Span::styled(format!(" {what}  "), theme.dim));
    }
    put_line(frame, area, Line::from(spans));
}

/// Says in the last row that there are more lines below, and which key shows them.
pub fn more(frame: &mut Frame, area: Rect, lines: usize, key: &str, theme: &Theme) {
    if lines == 0 || area.height == 0 {
        return;
    }
    let message = format!(" {lines} more: {key} ");
    let wide = u16::try_from(width(&message)).unwrap_or(0).min(area.width);
    let corner = Rect::new(area.right() - wide, area.bottom() - 1, wide, 1);
    frame.render_widget(Span::styled(message, theme.accent), corner);
}

/// The middle of an area, of at most this many cells.
pub fn centred(area: Rect, (wide, high): (u16, u16)) -> Rect {
    let (wide, high) = (area.width.min(wide), area.height.min(high));
    Rect::new(
        area.x + (area.width - wide) / 2,
        area.y + (area.height - high) / 2,
        wide,
        high,
    )
}

/// A window of lines from line `scroll` on; returns the largest first line.
pub fn window(
    frame: &mut Frame,
    area: Rect,
    title: &str,
    lines: &[Line],
    scroll: usize,
    theme: &Theme,
) -> usize {
    let high = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let place = centred(area, (WINDOW, high.saturating_add(2)));
    frame.render_widget(Clear, place);
    let inside = framed(frame, place, title, true, theme);
    let last = lines.len().saturating_sub(usize::from(inside.height));
    let first = scroll.min(last);
    put_lines(frame, inside, lines, first);
    more(frame, inside, last - first, "PageDown", theme);
    last
}

/// The window of all keys; returns its largest first line.
pub fn keys_window(
    frame: &mut Frame,
    area: Rect,
    keys: &[(&str, &str)],
    scroll: usize,
    theme: &Theme,
) -> usize {
    let room = usize::from(area.width.min(WINDOW)).saturating_sub(KEY + 4);
    let line = |(key, what): &(&str, &str)| {
        Line::from(vec![
            Span::styled(format!(" {key:<KEY$} "), theme.key),
            Span::styled(cut(what, room), theme.text),
        ])
    };
    let lines: Vec<Line> = keys.iter().map(line).collect();
    let title = "Keys (any other key closes)";
    window(frame, area, title, &lines, scroll, theme)
}

/// The keys of an image on the full screen.
pub fn image_hints(frame: &mut Frame, area: Rect, theme: &Theme) {
    let keys = format!(
        " + - zoom  arrows move  b B brightness  c C contrast  r reset  m next image | {INTENDED_USE}"
    );
    let keys = cut(&keys, usize::from(area.width));
    put_line(frame, area, Line::styled(keys, theme.dim));
}
