//! Windows for a whole example, the exact prompt of an answer, and pages of text.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use crate::tui::backend::image_hashes;
use crate::tui::keys::Action;
use crate::tui::state::{Page, State, TurnId};
use crate::tui::terminal_image::{Source, ViewTransform};
use rounds_assistant::retrieval::Shot;

use super::lists::with_preview;
use super::text::wrapped;
use super::theme::Theme;
use super::{Canvas, images, window};

/// Draws a whole example.
pub fn draw(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    shot: &Shot,
    scroll: usize,
    canvas: &mut Canvas,
) {
    let key = |action| state.keymap.hint(action).to_string();
    let hints = format!(
        "{} pins   {} excludes   {} asks without it   Esc closes",
        key(Action::ShotPin),
        key(Action::ShotExclude),
        key(Action::AskWithout)
    );
    let title = format!("Example {}", shot.example.id);
    let size = (140, area.height);
    let body = window::open(frame, area, size, &title, &hints, canvas);
    let (text, preview) = with_preview(body);
    let lines = lines(state, shot, text.width, canvas.theme);
    window::scrolled(frame, text, &lines, scroll, canvas);
    if let Some(preview) = preview {
        draw_images(frame, preview, shot, canvas);
    }
}

/// Maximum images drawn of one example, one above the other.
const MAX_IMAGES: usize = 4;

fn draw_images(frame: &mut Frame, area: Rect, shot: &Shot, canvas: &mut Canvas) {
    let images = image_hashes(&shot.example);
    let visible = images.iter().take(MAX_IMAGES);
    let cells = Layout::vertical(visible.clone().map(|_| Constraint::Fill(1))).split(area);
    canvas.gallery.covered = false;
    for (number, (sha256, cell)) in visible.zip(cells.iter()).enumerate() {
        let source = || Source::Example {
            example: Box::new(shot.example.clone()),
            sha256: sha256.clone(),
        };
        let name = match images.len() {
            1 => shot.example.id.clone(),
            all => format!("{} of {all}: {}", number + 1, shot.example.id),
        };
        let transform = ViewTransform::default();
        images::one(frame, *cell, sha256, transform, source, &name, canvas);
    }
}

fn lines(state: &State, shot: &Shot, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (name, text) in state.shot_details(shot) {
        lines.push(Line::styled(name, theme.dim));
        lines.extend(wrapped(&text, width, 2, theme.text));
    }
    lines
}

/// Draws the prompt exactly as the model sees it.
pub fn prompt(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    turn: TurnId,
    scroll: usize,
    canvas: &mut Canvas,
) {
    let theme = canvas.theme;
    let turn = state.conversation.get(turn);
    let prompt = turn.map_or("", |turn| turn.prompt_text());
    let size = (120, area.height);
    let hints = "↑↓ scroll   Esc closes";
    window::text(
        frame,
        area,
        size,
        "The exact prompt",
        hints,
        scroll,
        canvas,
        |width| wrapped(prompt, width, 0, theme.text),
    );
}

/// Draws a page of text, the same as the line mode prints.
pub fn page(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    page: Page,
    scroll: usize,
    canvas: &mut Canvas,
) {
    let theme = canvas.theme;
    let hints = "↑↓ scroll   Esc closes";
    window::text(
        frame,
        area,
        (100, area.height),
        page.title(),
        hints,
        scroll,
        canvas,
        |width| {
            let lines = state.page_lines(page);
            let wrapped = |line: String| wrapped(&line, width, 0, theme.text);
            lines.into_iter().flat_map(wrapped).collect()
        },
    );
}
