//! What drawing needs besides the state.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::memo::Memo;
use super::theme::Theme;
use crate::tui::state::Hits;
use crate::tui::terminal_image::Gallery;

/// What drawing needs besides the state.
pub struct Canvas<'a> {
    /// The cache of images ready to draw.
    pub gallery: &'a mut Gallery,
    /// The cache of wrapped lines.
    pub memo: &'a mut Memo,
    /// The colours and styles.
    pub theme: &'a Theme,
    /// What was drawn where.
    pub hits: Hits,
}

/// Draws prepared lines into an area, from line `from` on.
pub fn put_lines(frame: &mut Frame, area: Rect, lines: &[Line<'_>], from: usize) {
    let visible = lines.iter().skip(from).take(usize::from(area.height));
    for (line, y) in visible.zip(area.y..area.bottom()) {
        frame.render_widget(line, Rect::new(area.x, y, area.width, 1));
    }
}
