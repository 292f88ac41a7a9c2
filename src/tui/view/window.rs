//! Windows in the middle of the screen, with a title, key hints, and scrolling text or a list.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::canvas::{Canvas, put_lines};
use super::panes::framed;
use super::text::cut;

/// Clears and frames an area of at most `wide` by `high` cells in the middle. Returns the area inside, without the line of
/// hints at its foot.
pub fn open(
    frame: &mut Frame,
    area: Rect,
    (wide, high): (u16, u16),
    title: &str,
    hints: &str,
    canvas: &Canvas,
) -> Rect {
    let wide = wide.min(area.width);
    let high = high.min(area.height);
    let window = Rect::new(
        area.x + (area.width - wide) / 2,
        area.y + (area.height - high) / 2,
        wide,
        high,
    );
    frame.render_widget(Clear, window);
    let inside = framed(frame, window, title, true, canvas.theme).inner(Margin::new(1, 0));
    let [body, _] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(inside);
    foot(frame, body, hints, canvas);
    body
}

/// Draws the line of hints at the foot of a window.
pub fn foot(frame: &mut Frame, body: Rect, hints: &str, canvas: &Canvas) {
    let foot_area = Rect::new(body.x, body.bottom(), body.width, 1).intersection(frame.area());
    let hints = cut(hints, usize::from(foot_area.width));
    frame.render_widget(Line::from(Span::styled(hints, canvas.theme.dim)), foot_area);
}

/// Draws a window of text. `wrap` makes the lines for a width.
pub fn text(
    frame: &mut Frame,
    area: Rect,
    size: (u16, u16),
    title: &str,
    hints: &str,
    scroll: usize,
    canvas: &mut Canvas,
    wrap: impl FnOnce(u16) -> Vec<Line<'static>>,
) {
    let body = open(frame, area, size, title, hints, canvas);
    let lines = wrap(body.width);
    scrolled(frame, body, &lines, scroll, canvas);
}

/// Draws text from line `scroll` on. If it doesn't fit, the last row shows how much more there is.
pub fn scrolled(
    frame: &mut Frame,
    area: Rect,
    lines: &[Line<'static>],
    scroll: usize,
    canvas: &mut Canvas,
) {
    let overflows = lines.len() > usize::from(area.height) && area.width > 20 && area.height > 1;
    let text = Rect {
        height: area.height - u16::from(overflows),
        ..area
    };
    let max_scroll = lines.len().saturating_sub(usize::from(text.height));
    canvas.hits.max_overlay_scroll = max_scroll;
    let scroll = scroll.min(max_scroll);
    put_lines(frame, text, lines, scroll);
    if overflows {
        let message = match max_scroll - scroll {
            0 => " end ".to_string(),
            1 => " 1 more line ".to_string(),
            rest => format!(" {rest} more lines "),
        };
        let wide = u16::try_from(message.len()).unwrap_or(0).min(area.width);
        let message_area = Rect::new(area.right() - wide, area.bottom() - 1, wide, 1);
        frame.render_widget(Span::styled(message, canvas.theme.accent), message_area);
    }
}

/// Draws the part of a list around the selected row, and records where the rows are. `row` makes the line of an item.
pub fn list<T>(
    frame: &mut Frame,
    area: Rect,
    items: &[T],
    chosen: usize,
    canvas: &mut Canvas,
    row: impl Fn(&T, u16) -> Line<'static>,
) {
    let height = usize::from(area.height).max(1);
    let chosen = chosen.min(items.len().saturating_sub(1));
    let first = (chosen + 1).saturating_sub(height);
    for ((number, item), y) in items
        .iter()
        .enumerate()
        .skip(first)
        .zip(area.y..area.bottom())
    {
        let row_area = Rect::new(area.x, y, area.width, 1);
        let mark = if number == chosen { "> " } else { "  " };
        let mut line = row(item, area.width.saturating_sub(2));
        line.spans.insert(0, Span::raw(mark));
        frame.render_widget(line, row_area);
        if number == chosen {
            frame.buffer_mut().set_style(row_area, canvas.theme.chosen);
        }
        canvas.hits.rows.push((row_area, number));
    }
}
