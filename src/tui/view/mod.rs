//! Draws a state on the full screen. Nothing here changes the state, reads files or encodes images; where things were drawn
//! is returned as hits.
//!
//! Every function must cope with any area, even an empty one.

mod background;
pub(crate) mod canvas;
mod compare;
mod conversation;
mod dialogs;
mod example;
mod help;
mod images;
pub(crate) mod input;
mod layout;
mod lists;
mod memo;
pub(crate) mod mode;
mod notice;
pub(crate) mod panes;
mod shot_text;
mod shots;
mod status;
pub(crate) mod text;
mod theme;
mod welcome;
mod window;

pub use layout::MIN_SIZE;
pub use memo::Memo;
pub use theme::Theme;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::state::{Focus, Hits, Overlay, State};
use super::terminal_image::{Gallery, ImageProtocol};
use canvas::Canvas;

/// Draws the whole screen.
pub fn draw(
    frame: &mut Frame,
    state: &State,
    gallery: &mut Gallery,
    memo: &mut Memo,
    theme: &Theme,
) -> Hits {
    memo.follow(theme);
    let mut canvas = Canvas {
        gallery,
        memo,
        theme,
        hits: Hits::default(),
    };
    // Kitty's images consist of cells that can be covered one by one; other graphics must be hidden as a whole.
    let uncoverable = matches!(
        canvas.gallery.screen().protocol,
        ImageProtocol::Sixel | ImageProtocol::Iterm2
    );
    canvas.gallery.covered =
        state.overlay.is_some() || (uncoverable && state.composer.completion.is_some());
    let area = frame.area();
    let lines = |width| conversation::short_length(state, width, theme);
    match layout::areas(area, state, lines) {
        None => too_small(frame, area, theme),
        Some(areas) => {
            draw_panes(frame, state, &areas, &mut canvas);
            // The status line with the intended use is never covered.
            let above = Rect::new(
                area.x,
                area.y,
                area.width,
                areas.status.y.saturating_sub(area.y),
            );
            draw_overlay(frame, above, state, &mut canvas);
        }
    }
    canvas.hits
}

fn too_small(frame: &mut Frame, area: Rect, theme: &Theme) {
    let (columns, rows) = layout::MIN_SIZE;
    let message = format!(
        "rounds needs {columns} x {rows} cells; this terminal has {} x {}",
        area.width, area.height
    );
    let lines = text::wrapped(&message, area.width, 0, theme.text);
    frame.render_widget(ratatui::text::Text::from(lines), area);
}

fn draw_panes(frame: &mut Frame, state: &State, areas: &layout::Areas, canvas: &mut Canvas) {
    if let Some(tabs) = areas.tabs {
        panes::tabs(frame, tabs, state, canvas);
    }
    if let Some(area) = areas.conversation {
        canvas.hits.panes.push((area, Focus::Conversation));
        conversation::draw(frame, area, state, canvas);
    }
    if let Some(area) = areas.images {
        canvas.hits.panes.push((area, Focus::Images));
        images::draw(frame, area, state, canvas);
    }
    if let Some(area) = areas.shots {
        canvas.hits.panes.push((area, Focus::Shots));
        shots::draw(frame, area, state, canvas);
    }
    canvas.hits.panes.push((areas.input, Focus::Input));
    notice::draw(frame, areas.notice, state, canvas.theme);
    input::draw(frame, areas.input, state, canvas.theme);
    status::draw(frame, areas.status, state, canvas);
    if areas.notice.height == 0 && state.notice.is_some() {
        notice::draw(frame, areas.hints, state, canvas.theme);
    } else if state.overlay.is_none() {
        status::hints(frame, areas.hints, state, canvas.theme);
    }
    if state.overlay.is_none() {
        input::completion(frame, areas.input, state, canvas.theme);
    }
}

fn draw_overlay(frame: &mut Frame, area: Rect, state: &State, canvas: &mut Canvas) {
    match &state.overlay {
        None => {}
        Some(Overlay::Welcome {
            step,
            selected,
            scroll,
        }) => welcome::draw(frame, area, state, (*step, *selected, *scroll), canvas),
        Some(Overlay::Help { scroll, filter }) => {
            help::draw(frame, area, state, (*scroll, filter), canvas)
        }
        Some(Overlay::Cases { selected }) => lists::cases(frame, area, state, *selected, canvas),
        Some(Overlay::Problems { selected }) => {
            lists::problems(frame, area, state, *selected, canvas)
        }
        Some(Overlay::Picker(picker)) => lists::picker(frame, area, picker, canvas),
        Some(Overlay::Sessions(list)) => lists::sessions(frame, area, state, list, canvas),
        Some(Overlay::Example { shot, scroll }) => {
            example::draw(frame, area, state, shot, *scroll, canvas)
        }
        Some(Overlay::Prompt { turn, scroll }) => {
            example::prompt(frame, area, state, *turn, *scroll, canvas)
        }
        Some(Overlay::Page { page, scroll }) => {
            example::page(frame, area, state, *page, *scroll, canvas)
        }
        Some(Overlay::Export(dialog)) => dialogs::export(frame, area, dialog, canvas),
        Some(Overlay::Image) => images::full(frame, area, state, canvas),
        Some(Overlay::Compare {
            left,
            right,
            scroll,
        }) => compare::draw(frame, area, state, (*left, *right), *scroll, canvas),
        Some(Overlay::Confirm {
            question,
            confirmed,
        }) => dialogs::confirm(frame, area, (question, confirmed.verb()), canvas),
    }
}
