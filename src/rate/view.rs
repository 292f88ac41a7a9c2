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
use crate::tui::view::panes::framed;
use crate::tui::view::text::{cut, width, wrapped};
use rounds_eval::rating::{Item, MAX_SCORE, Rating, letter};
use rounds_support::INTENDED_USE;

use super::state::{Overlay, Saving, Shown, State};

/// Smallest screen.
const MIN_SIZE: (u16, u16) = (60, 16);
/// Columns from which the image stands beside the text at almost half the width.
const WIDE: u16 = 110;

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
    if area.width < MIN_SIZE.0 || area.height < MIN_SIZE.1 {
        too_small(frame, area, theme);
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
    let shown = texts(frame, text, state, theme);
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
    hint_line(frame, hints, theme);
    status_line(frame, status, state, theme);
    if state.overlay == Some(Overlay::Help) {
        help(frame, body, theme);
    }
    shown
}

fn put_line(frame: &mut Frame, area: Rect, line: Line) {
    put_lines(frame, area, &[line], 0);
}

fn too_small(frame: &mut Frame, area: Rect, theme: &Theme) {
    let message = format!(
        "rating needs {} x {} cells; this terminal has {} x {}",
        MIN_SIZE.0, MIN_SIZE.1, area.width, area.height
    );
    put_lines(
        frame,
        area,
        &wrapped(&message, area.width, 0, theme.text),
        0,
    );
}

/// Who rates what, and how far.
fn head_line(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let (rated, all) = (state.rated(), state.set.answers());
    let name = format!(" Blinded rating by {}", state.rater);
    let place = format!("  item {} of {}", state.item + 1, state.set.items.len());
    let done = format!("  {rated} of {all} answers rated ");
    let used = width(&name) + width(&place) + width(&done) + 1;
    let room = usize::from(area.width).saturating_sub(used).min(30);
    let full = (room * rated).checked_div(all).unwrap_or(0);
    let line = Line::from(vec![
        Span::styled(name, theme.title),
        Span::styled(place, theme.accent),
        Span::styled(done, theme.text),
        Span::styled("█".repeat(full), theme.bar),
        Span::styled("·".repeat(room - full), theme.dim),
    ]);
    put_line(frame, area, line);
}

fn hint_line(frame: &mut Frame, area: Rect, theme: &Theme) {
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    for (key, what) in HINTS {
        let long = width(key) + width(what) + 3;
        // Help and the way out are never left out.
        let needed = if key == "?" || key == "q" { 0 } else { 17 };
        if used + long + needed > usize::from(area.width) {
            continue;
        }
        used += long;
        spans.push(Span::styled(key, theme.key));
        spans.push(Span::styled(format!(" {what}  "), theme.dim));
    }
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
    let keys = format!(
        " + - zoom  arrows move  b B brightness  c C contrast  r reset  m next image | {INTENDED_USE}"
    );
    put_line(
        frame,
        hints,
        Line::styled(cut(&keys, usize::from(hints.width)), theme.dim),
    );
}

fn help(frame: &mut Frame, area: Rect, theme: &Theme) {
    let wide = area.width.min(76);
    let high = area.height.min(HELP.len() as u16 + 2);
    let window = Rect::new(
        area.x + (area.width - wide) / 2,
        area.y + (area.height - high) / 2,
        wide,
        high,
    );
    frame.render_widget(Clear, window);
    let inside = framed(frame, window, "Keys (any key closes)", true, theme);
    let room = usize::from(inside.width);
    let line = |(key, what): &(&str, &str)| {
        Line::from(vec![
            Span::styled(format!(" {key:<15} "), theme.key),
            Span::styled(cut(what, room.saturating_sub(17)), theme.text),
        ])
    };
    let lines: Vec<Line> = HELP.iter().map(line).collect();
    put_lines(frame, inside, &lines, 0);
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
    }
}

/// Says in the last row that there is more below.
fn more(frame: &mut Frame, area: Rect, lines: usize, key: &str, theme: &Theme) {
    if lines == 0 || area.height == 0 {
        return;
    }
    let message = format!(" {lines} more: {key} ");
    let wide = u16::try_from(width(&message)).unwrap_or(0).min(area.width);
    let corner = Rect::new(area.right() - wide, area.bottom() - 1, wide, 1);
    frame.render_widget(Span::styled(message, theme.accent), corner);
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
