//! A whole example, and the exact prompt of an answer.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use crate::retrieval::Shot;
use crate::tui::house::{pictures_of, tags_of};
use crate::tui::keys::Action;
use crate::tui::picture::{Look, Source};
use crate::tui::state::{State, TurnId};

use super::lists::with_preview;
use super::text::wrapped;
use super::theme::Theme;
use super::{Canvas, pictures, window};

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
    let (words, preview) = with_preview(body);
    let lines = lines(state, shot, words.width, canvas.theme);
    window::scrolled(frame, words, &lines, scroll, canvas);
    if let Some(preview) = preview {
        all_pictures(frame, preview, shot, canvas);
    }
}

/// Most pictures of one example that are drawn, one above the other.
const MOST_PICTURES: usize = 4;

fn all_pictures(frame: &mut Frame, area: Rect, shot: &Shot, canvas: &mut Canvas) {
    let pictures = pictures_of(&shot.example);
    let shown = pictures.iter().take(MOST_PICTURES);
    let rooms = Layout::vertical(shown.clone().map(|_| Constraint::Fill(1))).split(area);
    canvas.gallery.covered = false;
    for (number, (sha256, room)) in shown.zip(rooms.iter()).enumerate() {
        let source = || Source::Example {
            example: Box::new(shot.example.clone()),
            sha256: sha256.clone(),
        };
        let name = match pictures.len() {
            1 => shot.example.id.clone(),
            all => format!("{} of {all}: {}", number + 1, shot.example.id),
        };
        let look = Look::default();
        pictures::one(frame, *room, sha256, look, source, &name, canvas);
    }
}

fn lines(state: &State, shot: &Shot, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let example = &shot.example;
    let pinned = match (state.pin_place(&example.id), state.is_excluded(&example.id)) {
        (Some(place), _) => format!("pinned, place {}", place + 1),
        (None, true) => "excluded".into(),
        (None, false) => String::new(),
    };
    let chosen = format!(
        "shot {}, score {:.4}: {}",
        shot.rank, shot.score, shot.reason
    );
    let mut lines = Vec::new();
    for (name, text) in [
        ("Question", example.question.as_str()),
        ("Answer", &example.answer),
        ("Rationale", &example.rationale),
        ("Why it was chosen", &chosen),
        ("For the next question", &pinned),
        ("Tags", &tags_of(example)),
        ("Source", &example.source),
        ("Licence", &example.licence),
        ("Patient", &example.patient),
        ("Study", &example.study),
    ] {
        if !text.is_empty() {
            lines.push(Line::styled(name, theme.dim));
            lines.extend(wrapped(text, width, 2, theme.text));
        }
    }
    lines
}

/// The prompt, as the model sees it.
pub fn prompt(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    turn: TurnId,
    scroll: usize,
    canvas: &mut Canvas,
) {
    let theme = canvas.theme;
    let prompt = state.talk.get(turn).and_then(|turn| turn.prompt.clone());
    let prompt = prompt.unwrap_or_else(|| "The prompt of this answer is not known (it was opened from the store, or nothing was asked yet).".into());
    let size = (120, area.height);
    let hints = "Up and Down scroll   Esc closes";
    window::text(
        frame,
        area,
        size,
        "The exact prompt",
        hints,
        scroll,
        canvas,
        |width| wrapped(&prompt, width, 0, theme.text),
    );
}
