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

/// Rows of the shots pane while there are none.
const ROWS_WITHOUT_SHOTS: u16 = 4;
/// Rows of a shot, with a gap.
const ROWS_PER_SHOT: u16 = 4;

/// Lays out a screen; `None` if it is too small. `short_length` is the number of lines of the conversation in a pane of a
/// given width, if it is short.
pub fn areas(
    area: Rect,
    state: &State,
    short_length: impl Fn(u16) -> Option<usize>,
) -> Option<Areas> {
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
        three(main, short_length, &mut areas);
    } else if area.width >= 100 && main.height >= 16 {
        let shots = match u16::try_from(state.shot_list().len()).unwrap_or(u16::MAX) {
            0 => ROWS_WITHOUT_SHOTS,
            count => count.saturating_mul(ROWS_PER_SHOT).saturating_add(1),
        };
        two(main, shots.min(main.height / 2), short_length, &mut areas);
    } else {
        one(main, state.front, &mut areas);
    }
    Some(areas)
}

/// Images, conversation and shots side by side; the images are wider while the conversation is mostly empty.
fn three(main: Rect, short_length: impl Fn(u16) -> Option<usize>, areas: &mut Areas) {
    let columns = |shares: [u16; 3]| -> [Rect; 3] {
        Layout::horizontal(shares.map(Constraint::Percentage)).areas(main)
    };
    let [images, conversation, shots] = columns([44, 30, 26]);
    let half = usize::from(main.height / 2);
    let is_short = short_length(conversation.width).is_some_and(|lines| lines <= half);
    let [images, conversation, shots] = match is_short {
        true => [images, conversation, shots],
        false => columns([34, 36, 30]),
    };
    areas.images = Some(images);
    areas.conversation = Some(conversation);
    areas.shots = Some(shots);
}

/// The conversation on the left, images on the right, shots below one of them: below the conversation while it fits above
/// them, so that the images have a whole column.
fn two(
    main: Rect,
    shots_height: u16,
    short_length: impl Fn(u16) -> Option<usize>,
    areas: &mut Areas,
) {
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(52), Constraint::Percentage(48)]).areas(main);
    let above = usize::from(main.height.saturating_sub(shots_height + 2));
    if short_length(left.width).is_some_and(|lines| lines <= above) {
        let [conversation, shots] =
            Layout::vertical([Constraint::Min(0), Constraint::Length(shots_height)]).areas(left);
        areas.conversation = Some(conversation);
        areas.images = Some(right);
        areas.shots = Some(shots);
    } else {
        let [images, shots] =
            Layout::vertical([Constraint::Percentage(52), Constraint::Percentage(48)]).areas(right);
        areas.conversation = Some(left);
        areas.images = Some(images);
        areas.shots = Some(shots);
    }
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
