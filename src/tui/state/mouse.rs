//! Mouse and scrolling, using the positions of the last frame.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::{Position, Rect};

use crate::tui::keys::{Action, Press};

use super::focus::Focus;
use super::machine::State;
use super::overlay::Overlay;

fn hit<T: Copy>(areas: &[(Rect, T)], column: u16, row: u16) -> Option<T> {
    let found = areas
        .iter()
        .rev()
        .find(|(area, _)| area.contains(Position::new(column, row)));
    found.map(|(_, what)| *what)
}

/// The action of the mouse wheel over an image.
fn zoom(lines: isize) -> Action {
    if lines < 0 {
        Action::ZoomIn
    } else {
        Action::ZoomOut
    }
}

impl State {
    pub(super) fn on_click(&mut self, column: u16, row: u16) {
        if self.overlay.is_some() {
            if let Some(number) = hit(&self.hits.rows, column, row) {
                self.select_row(number);
            }
            return;
        }
        if let Some(shot) = hit(&self.hits.shots, column, row) {
            let again = self.focus == Focus::Shots && self.selection.shot == shot;
            self.go(Focus::Shots);
            self.selection.shot = shot;
            if again {
                self.shot_action(Action::ShotOpen);
            }
            return;
        }
        if let Some(focus) = hit(&self.hits.panes, column, row) {
            self.go(focus);
        }
    }

    /// A click selects a row; on the selected row it acts like Enter.
    fn select_row(&mut self, number: usize) {
        let selected = match &mut self.overlay {
            Some(
                Overlay::Cases { selected }
                | Overlay::Problems { selected }
                | Overlay::Welcome { selected, .. },
            ) => selected,
            Some(Overlay::Picker(picker)) => &mut picker.selected,
            // Not while typing a title, which belongs to the selected session.
            Some(Overlay::Sessions(list)) if list.renaming.is_none() => &mut list.selected,
            _ => return,
        };
        if *selected == number {
            let enter = Press::new(KeyCode::Enter, KeyModifiers::NONE);
            return self.on_overlay_key(enter);
        }
        *selected = number;
    }

    pub(super) fn on_scroll(&mut self, column: u16, row: u16, lines: isize) {
        if let Some(scroll) = self.overlay.as_mut().and_then(Overlay::scroll) {
            *scroll = scroll
                .saturating_add_signed(lines)
                .min(self.hits.max_overlay_scroll);
            return;
        }
        if matches!(self.overlay, Some(Overlay::Image)) {
            return self.turn_or_zoom(lines);
        }
        if self.overlay.is_some() {
            let code = if lines < 0 {
                KeyCode::Up
            } else {
                KeyCode::Down
            };
            let arrow = Press::new(code, KeyModifiers::NONE);
            return self.on_overlay_key(arrow);
        }
        match hit(&self.hits.panes, column, row) {
            Some(Focus::Shots) => {
                let last = self.shot_list().len().saturating_sub(1);
                self.selection.shot = self
                    .selection
                    .shot
                    .saturating_add_signed(lines.signum())
                    .min(last);
            }
            Some(Focus::Images) => self.turn_or_zoom(lines),
            _ => self.scroll_conversation(lines),
        }
    }

    /// The wheel over an image: slices of a scan, otherwise the zoom.
    fn turn_or_zoom(&mut self, lines: isize) {
        let action = match (self.has_slices(), lines < 0) {
            (true, true) => Action::PreviousSlice,
            (true, false) => Action::NextSlice,
            (false, _) => zoom(lines),
        };
        self.image_action(action);
    }

    /// Lines per page.
    pub(super) fn page(&self) -> isize {
        self.hits.height.saturating_sub(2).max(1) as isize
    }

    pub(super) fn scroll_conversation(&mut self, lines: isize) {
        let most = self.hits.lines.saturating_sub(self.hits.height);
        let from = self.selection.scroll.unwrap_or(most).min(most);
        let to = from.saturating_add_signed(lines);
        // At the end the view follows new text.
        self.selection.scroll = (to < most).then_some(to);
    }
}
