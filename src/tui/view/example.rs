//! Windows for a whole example, the exact prompt of an answer, and pages of text.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::tui::backend::{image_hashes, marked_boxes, region_names};
use crate::tui::keys::Action;
use crate::tui::state::{Page, State, TurnId};
use crate::tui::terminal_image::{Appearance, Source, outline_colour, outline_letter};
use rounds_assistant::retrieval::Shot;

use super::canvas::{Canvas, put_lines};
use super::lists::with_preview;
use super::text::{cut, wrapped};
use super::theme::Theme;
use super::{images, window};

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
            1 => String::new(),
            all => format!("{} of {all}", number + 1),
        };
        let mut shown = Appearance::whole(sha256);
        let mut cell = *cell;
        if number == 0 {
            // Data sets mark regions in the first image.
            shown.boxes = marked_boxes(&shot.example);
            cell = legend(frame, cell, shot, &shown, canvas);
        }
        images::one(frame, cell, &shown, source, &name, canvas);
    }
}

/// Maximum rows of a legend.
const MAX_LEGEND: usize = 6;

/// Draws the names of the marked regions at the foot of an area, each with its number; returns the area above.
fn legend(frame: &mut Frame, area: Rect, shot: &Shot, shown: &Appearance, canvas: &Canvas) -> Rect {
    let lines = match canvas.gallery.has_unplaced_boxes(shown) {
        true => wrapped(
            "The regions were marked in an image of another size, so they are not drawn.",
            area.width,
            0,
            canvas.theme.dim,
        ),
        false => named_regions(shot, area.width, canvas),
    };
    let height = u16::try_from(lines.len()).unwrap_or(0);
    let [above, below] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(height)]).areas(area);
    put_lines(frame, below, &lines, 0);
    above
}

fn named_regions(shot: &Shot, width: u16, canvas: &Canvas) -> Vec<Line<'static>> {
    let depth = canvas.gallery.screen().depth;
    let names = region_names(&shot.example);
    let named = names.iter().take(MAX_LEGEND).enumerate();
    let line = |(kind, name): (usize, &String)| {
        let colour = Style::new().fg(outline_colour(kind, depth));
        Line::from(vec![
            Span::styled(format!("{} ", outline_letter(kind)), colour),
            Span::styled(cut(name, usize::from(width)), canvas.theme.dim),
        ])
    };
    named.map(line).collect()
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
