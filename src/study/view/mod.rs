//! Draws the state of study mode. Nothing here changes it, reads files or encodes images.
//!
//! Every function must cope with any area, even an empty one.

mod card;
mod windows;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use crate::tui::terminal_image::{Gallery, ImageProtocol, Placed, Source, ViewTransform};
use crate::tui::view::Theme;
use crate::tui::view::canvas::put_lines;
use crate::tui::view::input::text_field;
use crate::tui::view::mode::{
    WIDE, centred, hint_line, image_hints, is_too_small, progress, put_line,
};
use crate::tui::view::panes::framed;
use crate::tui::view::text::{cut, width, wrapped};
use rounds_study::card::Kind;
use rounds_support::INTENDED_USE;
use rounds_support::errors::count;

use super::exchanged::Picture;
use super::state::{Drawing, Overlay, Scene, Shown, Stage, State, Turn};
use super::words;

/// Draws the whole screen.
pub fn draw(frame: &mut Frame, state: &State, gallery: &mut Gallery, theme: &Theme) -> Shown {
    let area = frame.area();
    let full = matches!(state.overlay, Some(Overlay::Image | Overlay::Draw));
    gallery.covered = state.overlay.is_some() && !full;
    if is_too_small(frame, "study mode", theme) {
        // Nothing that could be clicked is on the screen.
        return Shown::default();
    }
    if let (true, Some(turn)) = (full, state.turn()) {
        let placed = full_image(frame, area, (state, turn), gallery, theme);
        let mut shown = state.shown.clone();
        if turn.drawing.is_some() {
            shown.image = placed;
        }
        return shown;
    }
    let line = Constraint::Length(1);
    let [head, body, notice, hints, status] =
        Layout::vertical([line, Constraint::Min(0), line, line, line]).areas(area);
    head_line(frame, head, state, theme);
    let mut shown = match &state.scene {
        Scene::Waiting => {
            let text = match state.busy {
                true => "Looking for the first card …",
                false => "The cards could not be opened. Enter tries again, q leaves.",
            };
            middle(frame, body, &[text.to_string()], theme);
            Shown::default()
        }
        Scene::Card(turn) => on_card(frame, body, state, turn, gallery, theme),
        Scene::Finished { due } => {
            middle(frame, body, &finished(state, *due), theme);
            Shown::default()
        }
    };
    notice_line(frame, notice, state, theme);
    hint_line(frame, hints, &self::hints(state), theme);
    status_line(frame, status, state, theme);
    shown.window_last = windows::draw(frame, body, state, gallery, theme);
    shown
}

/// The deck, what is to be done, and how far it is done.
fn head_line(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let counts = state.counts;
    let what = if state.cram { "Cram" } else { "Study" };
    let name = format!(" {what}: {}", cut(&state.deck, usize::from(area.width) / 4));
    let left = match state.cram {
        true => format!("  {} left ", counts.new + counts.learning + counts.review),
        false => format!(
            "  new {}  learning {}  review {} ",
            counts.new, counts.learning, counts.review
        ),
    };
    let (done, rest) = (state.graded(), counts.new + counts.learning + counts.review);
    let said = format!(" {done} done ");
    let used = width(&name) + width(&left) + width(&said) + 1;
    let room = usize::from(area.width).saturating_sub(used);
    let mut spans = vec![
        Span::styled(name, theme.title),
        Span::styled(left, theme.accent),
    ];
    spans.extend(progress(room, done, done + rest, theme));
    spans.push(Span::styled(said, theme.text));
    put_line(frame, area, Line::from(spans));
}

fn notice_line(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    if let Some(notice) = &state.notice {
        let style = if notice.is_error {
            theme.error
        } else {
            theme.warning
        };
        let text = cut(&notice.text, usize::from(area.width).saturating_sub(1));
        put_line(frame, area, Line::styled(format!(" {text}"), style));
    }
}

/// The keys that matter now.
fn hints(state: &State) -> Vec<(&'static str, &'static str)> {
    let end = [("?", "help"), ("q", "leave")];
    let mut keys = match &state.scene {
        Scene::Waiting => Vec::new(),
        Scene::Finished { .. } => vec![("u", "undo"), ("t", "statistics")],
        Scene::Card(turn) if turn.turned => vec![
            ("1-4", "grade"),
            ("Space", turn.suggested().name()),
            ("e", "look-alikes"),
            ("i", "image"),
            ("u", "undo"),
            ("b", "bury"),
            ("s", "suspend"),
            ("t", "statistics"),
        ],
        Scene::Card(turn) => {
            let enter = match turn.next_stage() {
                Some(Stage::Image) => "show the image",
                Some(Stage::Laboratory) => "laboratory",
                _ => "turn",
            };
            if turn.typing {
                return vec![
                    ("Enter", enter),
                    ("Esc", "keys"),
                    ("F1", "help"),
                    ("Ctrl-D", "leave"),
                ];
            }
            let mut keys = Vec::new();
            if turn.takes_choice() {
                keys.push(("a b c", "choose"));
            }
            if turn.takes_mark() {
                keys.push(("Arrows, click", "mark"));
            }
            keys.push(("Enter", enter));
            if turn.takes_text() {
                keys.push(("Tab", "type"));
            }
            keys.extend([("i", "image"), ("u", "undo"), ("s", "suspend")]);
            // A letter that chooses does nothing else.
            keys.retain(|(key, _)| !turn.chooses(key));
            keys
        }
    };
    keys.extend(end);
    keys
}

fn status_line(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let (saved, style) = match state.busy {
        true => ("saving …", theme.dim),
        false => ("all saved", theme.good),
    };
    let mut spans = vec![
        // First, so that a narrow screen cuts the rest.
        Span::styled(format!(" {INTENDED_USE} | "), theme.dim),
        Span::styled(saved, style),
    ];
    if state.cram {
        spans.push(Span::styled(" | not rescheduled", theme.dim));
    }
    put_line(frame, area, Line::from(spans));
}

/// Lines in the middle of an area; the first one stands out.
fn middle(frame: &mut Frame, area: Rect, lines: &[String], theme: &Theme) {
    let wide = area.width.saturating_sub(4).min(72);
    let mut drawn = Vec::new();
    for (at, text) in lines.iter().enumerate() {
        let style = if at == 0 { theme.strong } else { theme.text };
        drawn.extend(wrapped(text, wide, 0, style));
    }
    let high = u16::try_from(drawn.len())
        .unwrap_or(u16::MAX)
        .min(area.height);
    put_lines(frame, centred(area, (wide, high)), &drawn, 0);
}

/// What the end says.
fn finished(state: &State, due: Option<i64>) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(match state.graded() {
        0 => "Nothing is due now.".to_string(),
        _ => "Well done: that is all for now.".to_string(),
    });
    lines.push(String::new());
    if state.graded() > 0 {
        let share = 100 * state.known() / state.graded();
        let cards = count(state.graded(), "card");
        lines.push(format!("{cards} graded, {share} % of them known."));
    }
    lines.push(match due {
        Some(due) => {
            let away = due.saturating_sub(state.now);
            format!("The next card is due {}.", words::due_in(away))
        }
        None if state.cram => "You have seen every card of this choice.".to_string(),
        None => "No card is waiting.".to_string(),
    });
    if due.is_some_and(|due| due.saturating_sub(state.now) < 3_600_000) {
        lines.push("It comes by itself if you wait.".to_string());
    }
    lines
}

/// The images beside the text.
fn on_card(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    turn: &Turn,
    gallery: &mut Gallery,
    theme: &Theme,
) -> Shown {
    let pictures = turn.dealt.pictures.len();
    let share = match (pictures, area.width >= WIDE) {
        (0, _) => 0,
        (_, true) => 58,
        (_, false) => 50,
    };
    let [left, right] = Layout::horizontal([
        Constraint::Percentage(share),
        Constraint::Percentage(100 - share),
    ])
    .areas(area);
    let mut image = None;
    if pictures > 0 {
        image = images(frame, left, turn, gallery, theme);
    }
    let (choices, text_last) = card::draw(frame, right, state, turn, theme);
    Shown {
        image,
        choices,
        text_last,
        window_last: 0,
    }
}

/// The images side by side; where the first one is.
fn images(
    frame: &mut Frame,
    area: Rect,
    turn: &Turn,
    gallery: &mut Gallery,
    theme: &Theme,
) -> Option<Placed> {
    let number = turn.dealt.pictures.len();
    let side_by_side = match turn.card().kind {
        Kind::Compare => number.min(2),
        _ => 1,
    };
    if !turn.shows(Stage::Image) {
        let inside = framed(frame, area, "Image", false, theme);
        let text = "The image comes next.";
        put_lines(frame, inside, &wrapped(text, inside.width, 1, theme.dim), 0);
        return None;
    }
    let share = u32::try_from(side_by_side).unwrap_or(1);
    let parts = Layout::horizontal(vec![Constraint::Ratio(1, share); side_by_side]).split(area);
    let mut placed = None;
    for (at, part) in parts.iter().enumerate() {
        let title = match (turn.card().kind, number, at) {
            (Kind::Compare, _, 0) => "Left".to_string(),
            (Kind::Compare, _, _) => "Right".to_string(),
            (_, 1, _) => "Image".to_string(),
            (_, number, _) => format!("Image 1 of {number}; i and m show the others"),
        };
        let inside = framed(frame, *part, &title, false, theme);
        let drawn = one_image(
            frame,
            inside,
            turn,
            at,
            ViewTransform::default(),
            gallery,
            theme,
        );
        if at == 0 {
            placed = drawn;
        }
    }
    placed
}

fn one_image(
    frame: &mut Frame,
    area: Rect,
    turn: &Turn,
    at: usize,
    look: ViewTransform,
    gallery: &mut Gallery,
    theme: &Theme,
) -> Option<Placed> {
    let message = match (turn.picture(at), turn.appearance(at, look)) {
        (Some(Ok(picture)), Some(appearance)) => {
            if gallery.screen().protocol == ImageProtocol::None {
                Some("images are off".to_string())
            } else {
                let source = || Source::Image(picture.image.clone());
                let missing = gallery.draw(area, frame.buffer_mut(), &appearance, source);
                missing.map(str::to_string)
            }
        }
        (Some(Err(reason)), _) => Some(reason.to_string()),
        _ => Some("there is no such image".to_string()),
    };
    if let Some(message) = message {
        put_lines(frame, area, &wrapped(&message, area.width, 1, theme.dim), 0);
    }
    let picture = turn.picture(at)?.ok()?;
    place(area, gallery, look, picture)
}

fn place(area: Rect, gallery: &Gallery, look: ViewTransform, picture: &Picture) -> Option<Placed> {
    let size = (picture.image.width, picture.image.height);
    Placed::new(area, gallery.screen(), look, size)
}

/// An image on the full screen; where it is.
fn full_image(
    frame: &mut Frame,
    area: Rect,
    (state, turn): (&State, &Turn),
    gallery: &mut Gallery,
    theme: &Theme,
) -> Option<Placed> {
    frame.render_widget(Clear, area);
    let [body, foot] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(area);
    let number = turn.dealt.pictures.len();
    let title = match (&turn.drawing, number) {
        (Some(_), _) => "Draw a rectangle around a place (Esc leaves)".to_string(),
        (None, 0 | 1) => "Image (Esc closes)".to_string(),
        (None, _) => format!("Image {} of {number} (Esc closes)", turn.image + 1),
    };
    let inside = framed(frame, body, &title, true, theme);
    let look = match turn.drawing {
        Some(_) => ViewTransform::default(),
        None => turn.look,
    };
    let mut placed = None;
    if turn.shows(Stage::Image) {
        placed = one_image(frame, inside, turn, turn.image, look, gallery, theme);
    }
    match &turn.drawing {
        Some(drawing) => drawing_foot(frame, foot, state, drawing, theme),
        None => image_hints(frame, foot, theme),
    }
    placed
}

/// The keys of a drawing, or the field for its name; above all, why it could not be saved.
fn drawing_foot(frame: &mut Frame, area: Rect, state: &State, drawing: &Drawing, theme: &Theme) {
    if state.notice.is_some() {
        return notice_line(frame, area, state, theme);
    }
    if !drawing.naming {
        let keys = format!(
            " arrows (Shift: far), Enter at both corners, or drag  Backspace begins anew | {INTENDED_USE}"
        );
        let keys = cut(&keys, usize::from(area.width));
        return put_line(frame, area, Line::styled(keys, theme.dim));
    }
    let asks = " What is it? (Enter saves, Esc goes back) ";
    put_line(frame, area, Line::styled(asks, theme.key));
    let wide = u16::try_from(width(asks)).unwrap_or(0).min(area.width);
    let field = Rect::new(area.x + wide, area.y, area.width - wide, area.height);
    if let Some(cursor) = text_field(frame, field, &drawing.label, theme) {
        frame.set_cursor_position(cursor);
    }
}
