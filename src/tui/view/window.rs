//! A window in the middle of the screen, with a title, a line of hints, and text that scrolls.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::panes::framed;
use super::text::cut;
use super::{Canvas, put_lines};

/// Clears a place of at most `wide` by `high` cells in the middle and frames it. Returns what is inside, without the
/// line of hints at its foot.
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
    let place = Rect::new(
        area.x + (area.width - wide) / 2,
        area.y + (area.height - high) / 2,
        wide,
        high,
    );
    frame.render_widget(Clear, place);
    let inside = framed(frame, place, title, true, canvas.theme).inner(Margin::new(1, 0));
    let [body, _] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(inside);
    foot(frame, body, hints, canvas);
    body
}

/// The line of hints under the inside of a window.
pub fn foot(frame: &mut Frame, body: Rect, hints: &str, canvas: &Canvas) {
    let place = Rect::new(body.x, body.bottom(), body.width, 1).intersection(frame.area());
    let hints = cut(hints, usize::from(place.width));
    frame.render_widget(Line::from(Span::styled(hints, canvas.theme.dim)), place);
}

/// A window full of text. `make` gives the lines for a width.
pub fn text(
    frame: &mut Frame,
    area: Rect,
    size: (u16, u16),
    title: &str,
    hints: &str,
    scroll: usize,
    canvas: &mut Canvas,
    make: impl FnOnce(u16) -> Vec<Line<'static>>,
) {
    let body = open(frame, area, size, title, hints, canvas);
    let lines = make(body.width);
    scrolled(frame, body, &lines, scroll, canvas);
}

/// Text from line `scroll` on. Where there is more, the last row says so and holds no text.
pub fn scrolled(
    frame: &mut Frame,
    area: Rect,
    lines: &[Line<'static>],
    scroll: usize,
    canvas: &mut Canvas,
) {
    let told = lines.len() > usize::from(area.height) && area.width > 20 && area.height > 1;
    let text = Rect {
        height: area.height - u16::from(told),
        ..area
    };
    let most = lines.len().saturating_sub(usize::from(text.height));
    canvas.hits.overlay_most = most;
    let scroll = scroll.min(most);
    put_lines(frame, text, lines, scroll);
    if told {
        let said = match scroll {
            at if at == most => " end ".to_string(),
            at => format!(" {} more lines ", most - at),
        };
        let wide = u16::try_from(said.len()).unwrap_or(0).min(area.width);
        let place = Rect::new(area.right() - wide, area.bottom() - 1, wide, 1);
        frame.render_widget(Span::styled(said, canvas.theme.accent), place);
    }
}

/// A list: draws the rows around the chosen one and notes where they are. `row` makes the line of an item.
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
        let place = Rect::new(area.x, y, area.width, 1);
        let mark = if number == chosen { "> " } else { "  " };
        let mut line = row(item, area.width.saturating_sub(2));
        line.spans.insert(0, Span::raw(mark));
        frame.render_widget(line, place);
        if number == chosen {
            frame.buffer_mut().set_style(place, canvas.theme.chosen);
        }
        canvas.hits.rows.push((place, number));
    }
}
