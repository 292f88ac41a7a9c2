//! Draws the state of a rating. Nothing here changes it, reads files or encodes images.
//!
//! Every function must cope with any area, even an empty one.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use crate::tui::terminal_image::{Appearance, Gallery, ImageProtocol, Source};
use crate::tui::view::Theme;
use crate::tui::view::canvas::put_lines;
use crate::tui::view::mode::{
    WIDE, hint_line, image_hints, is_too_small, keys_window, more, progress, put_line,
};
use crate::tui::view::panes::framed;
use crate::tui::view::text::{cut, width, wrapped};
use rounds_eval::rating::{Item, MAX_SCORE, Rating, letter};
use rounds_support::INTENDED_USE;

use super::state::{Overlay, Saving, Shown, State};

const HINTS: [(&str, &str); 9] = [
    ("0-9, 1 0", "points"),
    ("h", "hallucination"),
    ("u", "unsafe"),
    ("s", "unsupported"),
    ("Down", "next answer"),
    ("Enter", "next unrated"),
    ("z", "undo"),
    ("?", "help"),
    ("q", "leave"),
];

const HELP: [(&str, &str); 16] = [
    ("0 to 9", "points for the chosen answer; 1 and then 0 is 10"),
    ("t", "10 points"),
    ("Left Right", "one point less or more"),
    ("Backspace", "no points"),
    ("h", "flag: hallucination, states what is not there"),
    ("u", "flag: unsafe, acting on it could harm a patient"),
    ("s", "flag: unsupported, its rationale does not support it"),
    ("z", "undo, also after a restart"),
    ("Up Down Tab", "choose an answer"),
    ("Enter", "on to the next answer without points"),
    ("n p", "next and previous item"),
    (
        "PageUp PageDown",
        "scroll the answers; [ and ] scroll the question",
    ),
    (
        "i",
        "image on the full screen: + - zoom, arrows, b B c C, r",
    ),
    ("m", "next image of the item"),
    ("w", "try again to save"),
    ("q Ctrl-D", "leave; everything is saved at once"),
];

/// Draws the whole screen.
pub fn draw(frame: &mut Frame, state: &State, gallery: &mut Gallery, theme: &Theme) -> Shown {
    let area = frame.area();
    gallery.covered = state.overlay == Some(Overlay::Help);
    if is_too_small(frame, "rating", theme) {
        return state.shown;
    }
    if state.overlay == Some(Overlay::Image) {
        full_image(frame, area, state, gallery, theme);
        return state.shown;
    }
    let [head, body, notice, hints, status] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    head_line(frame, head, state, theme);
    let image_share = if area.width >= WIDE { 45 } else { 38 };
    let [image, text] = Layout::horizontal([
        Constraint::Percentage(image_share),
        Constraint::Percentage(100 - image_share),
    ])
    .areas(body);
    let inside = framed(frame, image, &image_title(state), false, theme);
    draw_image(frame, inside, state, gallery, theme);
    let mut shown = texts(frame, text, state, theme);
    let line = state.notice.as_deref().unwrap_or_default();
    let style = match state.saving {
        Saving::Failed(_) => theme.error,
        Saving::Saved | Saving::Busy => theme.warning,
    };
    put_line(
        frame,
        notice,
        Line::styled(cut(line, usize::from(notice.width)), style),
    );
    hint_line(frame, hints, &HINTS, theme);
    status_line(frame, status, state, theme);
    if state.overlay == Some(Overlay::Help) {
        shown.window_last = keys_window(frame, body, &HELP, state.window_scroll, theme);
    }
    shown
}

/// Who rates what, and how far.
fn head_line(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let (rated, all) = (state.rated(), state.set.answers());
    let name = format!(" Blinded rating by {}", state.rater);
    let place = format!("  item {} of {}", state.item + 1, state.set.items.len());
    let done = format!("  {rated} of {all} answers rated ");
    let used = width(&name) + width(&place) + width(&done) + 1;
    let room = usize::from(area.width).saturating_sub(used);
    let mut spans = vec![
        Span::styled(name, theme.title),
        Span::styled(place, theme.accent),
        Span::styled(done, theme.text),
    ];
    spans.extend(progress(room, rated, all, theme));
    put_line(frame, area, Line::from(spans));
}

fn status_line(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let (saving, style) = match &state.saving {
        Saving::Saved => ("all saved".to_string(), theme.good),
        Saving::Busy => ("saving …".to_string(), theme.dim),
        Saving::Failed(_) => (format!("{} NOT SAVED", state.unsaved()), theme.error),
    };
    let seal: String = state.set.seal.chars().take(12).collect();
    let line = Line::from(vec![
        // First, so that a narrow screen cuts the seal.
        Span::styled(format!(" {INTENDED_USE} | "), theme.dim),
        Span::styled(saving, style),
        Span::styled(format!(" | seal {seal}"), theme.dim),
    ]);
    put_line(frame, area, line);
}

fn image_title(state: &State) -> String {
    match state.chosen().map_or(0, |item| item.images.len()) {
        0 | 1 => "Image".into(),
        images => format!("Image {} of {images}", state.image + 1),
    }
}

fn draw_image(frame: &mut Frame, area: Rect, state: &State, gallery: &mut Gallery, theme: &Theme) {
    let image = state.chosen().and_then(|item| item.images.get(state.image));
    let hidden = gallery.screen().protocol == ImageProtocol::None;
    let message = match image {
        None => Some("this item has no image".to_string()),
        Some(_) if hidden => Some("images are off".into()),
        Some(image) => {
            let appearance = Appearance {
                transform: state.look,
                ..Appearance::whole(&image.sha256)
            };
            let source = || Source::File(state.set.image_path(image));
            let missing = gallery.draw(area, frame.buffer_mut(), &appearance, source);
            missing.map(str::to_string)
        }
    };
    if let Some(message) = message {
        put_lines(frame, area, &wrapped(&message, area.width, 1, theme.dim), 0);
    }
}

fn full_image(frame: &mut Frame, area: Rect, state: &State, gallery: &mut Gallery, theme: &Theme) {
    frame.render_widget(Clear, area);
    let [body, hints] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(area);
    let title = format!("{} (Esc closes)", image_title(state));
    let inside = framed(frame, body, &title, true, theme);
    draw_image(frame, inside, state, gallery, theme);
    image_hints(frame, hints, theme);
}

/// The question with its reference answer, and the answers below.
fn texts(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) -> Shown {
    let Some(item) = state.chosen() else {
        return Shown::default();
    };
    let inner = area.width.saturating_sub(2);
    let question = wrapped(&item.question, inner, 1, theme.strong);
    let mut reference = vec![Line::styled(" Reference answer", theme.dim)];
    reference.extend(wrapped(&item.reference, inner, 1, theme.answer));
    let most = area.height / 2;
    let long = |lines: usize| u16::try_from(lines).unwrap_or(u16::MAX);
    let asked = long(question.len() + reference.len())
        .saturating_add(2)
        .min(most);
    let [above, below] =
        Layout::vertical([Constraint::Length(asked), Constraint::Min(0)]).areas(area);

    let title = format!("{} {}", item.dataset, item.item);
    let inside = framed(frame, above, &title, false, theme);
    // The reference answer always stays, as far as half of the pane holds it.
    let kept = long(reference.len()).min((inside.height / 2).max(2));
    let [asks, right] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(kept)]).areas(inside);
    let question_last = question.len().saturating_sub(usize::from(asks.height));
    put_lines(
        frame,
        asks,
        &question,
        state.question_scroll.min(question_last),
    );
    more(
        frame,
        asks,
        question_last.saturating_sub(state.question_scroll),
        "]",
        theme,
    );
    put_lines(frame, right, &reference, 0);

    let inside = framed(frame, below, "Answers", true, theme);
    let (lines, chosen) = answers(item, state, inside.width, theme);
    let height = usize::from(inside.height);
    let last = lines.len().saturating_sub(height);
    let follow = match chosen.end <= height {
        true => 0,
        false => chosen.start.min(chosen.end.saturating_sub(height)).max(
            // A long answer is shown from its start.
            if chosen.len() > height {
                chosen.start
            } else {
                0
            },
        ),
    };
    let first = state.answers_scroll.unwrap_or(follow).min(last);
    put_lines(frame, inside, &lines, first);
    more(frame, inside, last - first, "PageDown", theme);
    Shown {
        answers_first: first,
        answers_last: last,
        answers_height: height,
        question_last,
        window_last: 0,
    }
}

/// The lines of all answers, and which of them are the chosen answer's.
fn answers(
    item: &Item,
    state: &State,
    wide: u16,
    theme: &Theme,
) -> (Vec<Line<'static>>, std::ops::Range<usize>) {
    let mut lines = Vec::new();
    let mut chosen = 0..0;
    for (at, answer) in item.answers.iter().enumerate() {
        let start = lines.len();
        let is_chosen = at == state.answer;
        let rating = state.rating(state.item, at);
        lines.extend(answer_head(at, rating, is_chosen, wide, theme));
        let text = match answer.answer.as_str() {
            "" => "(no answer)",
            text => text,
        };
        lines.extend(wrapped(text, wide, 4, theme.text));
        if let Some(rationale) = &answer.rationale {
            lines.extend(wrapped(rationale, wide, 4, theme.dim));
        }
        if is_chosen {
            chosen = start..lines.len();
        }
        lines.push(Line::default());
    }
    lines.pop();
    (lines, chosen)
}

/// `> A   7 of 10 ███████···  ! unsafe`; the flags have a line of their own where they do not fit beside the points.
fn answer_head(
    at: usize,
    rating: Rating,
    chosen: bool,
    wide: u16,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let mark = if chosen { '>' } else { ' ' };
    let points = match rating.score {
        Some(score) => format!("{score:>2} of {MAX_SCORE}"),
        None => "not rated".into(),
    };
    let full = usize::from(rating.score.unwrap_or(0));
    let flags: Vec<&str> = rating.flags.iter().map(|flag| flag.name()).collect();
    let mut head = Line::from(vec![
        Span::styled(format!("{mark} {}  {points:9} ", letter(at)), theme.accent),
        Span::styled("█".repeat(full), theme.bar),
        Span::styled("·".repeat(usize::from(MAX_SCORE) - full), theme.dim),
    ]);
    let mut below = None;
    if !flags.is_empty() {
        let flags = Span::styled(format!("  ! {}", flags.join(", ")), theme.warning);
        match head.width() + flags.width() <= usize::from(wide) {
            true => head.spans.push(flags),
            false => below = Some(Line::from(vec![Span::raw("  "), flags])),
        }
    }
    let mut lines: Vec<Line> = [head].into_iter().chain(below).collect();
    if chosen {
        for line in &mut lines {
            let rest = usize::from(wide).saturating_sub(line.width());
            line.spans.push(Span::raw(" ".repeat(rest)));
            *line = std::mem::take(line).patch_style(theme.chosen);
        }
    }
    lines
}
