//! Keys that cannot be bound: of an image that fills the screen, and of a window, in the modes beside the chat.

use crossterm::event::KeyCode;

use crate::tui::terminal_image::ViewTransform;

/// Lines of a window that Page Up and Page Down move.
const PAGE: usize = 8;

/// Zooms, moves or changes the tone of an image; whether the key does any of it.
pub(crate) fn image_key(look: &mut ViewTransform, code: KeyCode) -> bool {
    match code {
        KeyCode::Char('+' | '=') => look.zoom(1),
        KeyCode::Char('-') => look.zoom(-1),
        KeyCode::Char('b') => look.brighten(1),
        KeyCode::Char('B') => look.brighten(-1),
        KeyCode::Char('c') => look.contrast(1),
        KeyCode::Char('C') => look.contrast(-1),
        KeyCode::Char('r') => *look = ViewTransform::default(),
        KeyCode::Left => look.pan(-1, 0),
        KeyCode::Right => look.pan(1, 0),
        KeyCode::Up => look.pan(0, -1),
        KeyCode::Down => look.pan(0, 1),
        _ => return false,
    }
    true
}

/// Where a key leads in a window of lines whose largest first line is `last`; `None` for any other key, which closes it.
pub(crate) fn window_key(scroll: usize, last: usize, code: KeyCode) -> Option<usize> {
    let scroll = scroll.min(last);
    Some(match code {
        KeyCode::Down => (scroll + 1).min(last),
        KeyCode::PageDown => (scroll + PAGE).min(last),
        KeyCode::Up => scroll.saturating_sub(1),
        KeyCode::PageUp => scroll.saturating_sub(PAGE),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_scrolls_to_its_ends_and_other_keys_close_it() {
        assert_eq!(window_key(0, 3, KeyCode::PageDown), Some(3));
        // The window may have become larger since.
        assert_eq!(window_key(9, 3, KeyCode::Up), Some(2));
        assert_eq!(window_key(0, 3, KeyCode::PageUp), Some(0));
        assert_eq!(window_key(0, 3, KeyCode::Esc), None);
    }
}
