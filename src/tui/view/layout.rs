//! The screen layout, from 40 by 10 cells up. Panes that don't fit become tabs.

use ratatui::layout::{Constraint, Layout, Rect};

use crate::tui::state::{Focus, State};

use super::input;
use super::notice;

/// Minimum size of the screen (columns, rows).
pub const MIN_SIZE: (u16, u16) = (40, 10);

/// Minimum height of the screen for a line of hints.
const MIN_ROWS_FOR_HINTS: u16 = 16;

/// The areas of a screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Areas {
    pub tabs: Option<Rect>,
    pub conversation: Option<Rect>,
    pub images: Option<Rect>,
    pub shots: Option<Rect>,
    pub notice: Rect,
    pub input: Rect,
    pub status: Rect,
    pub hints: Rect,
}

/// Lays out a screen; `None` if it is too small.
pub fn areas(area: Rect, state: &State) -> Option<Areas> {
    if area.width < MIN_SIZE.0 || area.height < MIN_SIZE.1 {
        return None;
    }
    let hints = u16::from(area.height >= MIN_ROWS_FOR_HINTS);
    let input = input::height(state, area.width, area.height);
    let notice = if hints == 1 && notice::in_one_line(state, area.width) {
        0
    } else {
        notice::height(state, area.width).min(area.height / 4)
    };
    let [main, notice, input, status, hints] = Layout::vertical([
        Constraint::Min(3),
        Constraint::Length(notice),
        Constraint::Length(input),
        Constraint::Length(1),
        Constraint::Length(hints),
    ])
    .areas(area);
    let mut areas = Areas {
        notice,
        input,
        status,
        hints,
        ..Areas::default()
    };
    if area.width >= 150 && main.height >= 16 {
        three(main, &mut areas);
    } else if area.width >= 100 && main.height >= 16 {
        two(main, &mut areas);
    } else {
        one(main, state.front, &mut areas);
    }
    Some(areas)
}

/// Images, conversation and shots side by side.
fn three(main: Rect, areas: &mut Areas) {
    let [images, conversation, shots] = Layout::horizontal([
        Constraint::Percentage(34),
        Constraint::Percentage(36),
        Constraint::Percentage(30),
    ])
    .areas(main);
    areas.images = Some(images);
    areas.conversation = Some(conversation);
    areas.shots = Some(shots);
}

/// The conversation on the left, images above shots on the right.
fn two(main: Rect, areas: &mut Areas) {
    let [conversation, right] =
        Layout::horizontal([Constraint::Percentage(52), Constraint::Percentage(48)]).areas(main);
    let [images, shots] =
        Layout::vertical([Constraint::Percentage(52), Constraint::Percentage(48)]).areas(right);
    areas.conversation = Some(conversation);
    areas.images = Some(images);
    areas.shots = Some(shots);
}

/// One pane, with tabs for the others.
fn one(main: Rect, front: Focus, areas: &mut Areas) {
    let [tabs, pane] = Layout::vertical([Constraint::Length(1), Constraint::Min(1)]).areas(main);
    areas.tabs = Some(tabs);
    match front {
        Focus::Images => areas.images = Some(pane),
        Focus::Shots => areas.shots = Some(pane),
        Focus::Input | Focus::Conversation => areas.conversation = Some(pane),
    }
}
