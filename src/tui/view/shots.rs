//! The shots of the selected answer: image, score, reason, question and answer, source and licence.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use crate::tui::backend::image_hashes;
use crate::tui::state::{Focus, State};
use crate::tui::terminal_image::{Source, ViewTransform};
use rounds_assistant::retrieval::{Shot, Strategy};

use super::panes::framed;
use super::text::{cut, width, wrapped};
use super::theme::Theme;
use super::{Canvas, put_lines};

/// Rows per shot.
const ROWS: u16 = 5;
/// Columns of its image, with a gap.
const THUMB: u16 = 9;
/// Minimum width of a pane with images in it.
const MIN_WIDTH_FOR_IMAGES: u16 = 34;
/// Width of a score bar.
const BAR: usize = 10;

/// Draws the shots pane.
pub fn draw(frame: &mut Frame, area: Rect, state: &State, canvas: &mut Canvas) {
    let shots = state.shot_list();
    let inside = framed(
        frame,
        area,
        &title(state, shots.len()),
        state.focus == Focus::Shots,
        canvas.theme,
    );
    if shots.is_empty() {
        return put_lines(
            frame,
            inside,
            &wrapped(&empty_message(state), inside.width, 1, canvas.theme.dim),
            0,
        );
    }
    let best = shots.iter().map(|shot| shot.score).fold(1.0_f32, f32::max);
    let visible = usize::from(inside.height / ROWS).max(1);
    let chosen = state.shot.min(shots.len().saturating_sub(1));
    let first = (chosen + 1).saturating_sub(visible);
    for (number, shot) in shots.iter().enumerate().skip(first).take(visible + 1) {
        let down = u16::try_from(number - first)
            .unwrap_or(u16::MAX)
            .saturating_mul(ROWS);
        let shot_area = Rect::new(inside.x, inside.y.saturating_add(down), inside.width, ROWS)
            .intersection(inside);
        if shot_area.height == 0 {
            break;
        }
        canvas.hits.shots.push((shot_area, number));
        one(
            frame,
            shot_area,
            shot,
            number == chosen,
            best,
            state,
            canvas,
        );
    }
}

fn title(state: &State, count: usize) -> String {
    let turn = state.turn().and_then(|id| state.conversation.get(id));
    let mut title = match turn {
        Some(turn) if count > 0 => format!("Shots: {count} of {}", turn.asked.max(count)),
        _ => "Shots".into(),
    };
    for (list, word) in [
        (&state.settings.pinned, "pinned"),
        (&state.settings.excluded, "excluded"),
    ] {
        if !list.is_empty() {
            title = format!("{title}, {} {word}", list.len());
        }
    }
    title
}

fn empty_message(state: &State) -> String {
    match state.turn().and_then(|id| state.conversation.get(id)) {
        None => "The worked examples shown to the model appear here, with their score and source."
            .into(),
        Some(turn) if turn.settings.strategy == Strategy::None || turn.settings.shots == 0 => {
            "This answer was given without shots. /k and /strategy change that.".into()
        }
        Some(_) => "No matching examples found.".into(),
    }
}

fn one(
    frame: &mut Frame,
    area: Rect,
    shot: &Shot,
    chosen: bool,
    best: f32,
    state: &State,
    canvas: &mut Canvas,
) {
    let theme = canvas.theme;
    let head = Rect::new(area.x, area.y, area.width, 1.min(area.height));
    let line = head_line(shot, chosen, best, state, usize::from(area.width), theme);
    if chosen {
        frame.buffer_mut().set_style(head, theme.chosen);
    }
    frame.render_widget(line, head);
    let below = Rect::new(
        area.x,
        area.y + head.height,
        area.width,
        area.height - head.height,
    );
    // A cut-off image would be worse than none.
    let with_image = area.width >= MIN_WIDTH_FOR_IMAGES && below.height == ROWS - 1;
    let [thumb, text] = Layout::horizontal([
        Constraint::Length(if with_image { THUMB } else { 2 }),
        Constraint::Min(0),
    ])
    .areas(below);
    if with_image {
        thumbnail(frame, thumb, shot, canvas);
    }
    let lines = text_lines(shot, usize::from(text.width), canvas.theme);
    put_lines(frame, text, &lines, 0);
}

fn head_line(
    shot: &Shot,
    chosen: bool,
    best: f32,
    state: &State,
    room: usize,
    theme: &Theme,
) -> Line<'static> {
    let mark = if chosen { "> " } else { "  " };
    let flag = match (
        state.pin_place(&shot.example.id),
        state.is_excluded(&shot.example.id),
    ) {
        (Some(position), _) => format!("  pinned {}", position + 1),
        (None, true) => "  excluded".into(),
        (None, false) => String::new(),
    };
    let share = (shot.score / best).clamp(0.0, 1.0);
    let full = if share.is_finite() {
        (share * BAR as f32).round() as usize
    } else {
        0
    };
    let bar = format!(
        "{}{}",
        "█".repeat(full.min(BAR)),
        "░".repeat(BAR - full.min(BAR))
    );
    let score = format!(" {:.3} ", shot.score);
    let taken = mark.len() + 3 + score.len() + BAR + width(&flag);
    let id = cut(&shot.example.id, room.saturating_sub(taken).max(4));
    Line::from(vec![
        Span::raw(format!("{mark}{}. ", shot.rank)),
        Span::styled(id, theme.strong),
        Span::raw(score),
        // Reversed, the full part would look empty.
        Span::styled(bar, theme.bar.remove_modifier(Modifier::REVERSED)),
        Span::styled(flag, theme.warning),
    ])
}

fn text_lines(shot: &Shot, room: usize, theme: &Theme) -> Vec<Line<'static>> {
    let example = &shot.example;
    let reason = match example.images.len() {
        0 | 1 => shot.reason.clone(),
        number => format!("{number} images; {}", shot.reason),
    };
    // One line each, so that source and licence are always visible.
    [
        (format!("Q: {}", example.question), theme.text),
        (format!("A: {}", example.answer), theme.strong),
        (reason, theme.dim),
        (
            format!("{}, {}", example.source, example.licence),
            theme.dim,
        ),
    ]
    .map(|(text, style)| Line::styled(cut(&text, room), style))
    .to_vec()
}

fn thumbnail(frame: &mut Frame, area: Rect, shot: &Shot, canvas: &mut Canvas) {
    let area = Rect::new(area.x, area.y, area.width.saturating_sub(1), area.height);
    let Some(sha256) = image_hashes(&shot.example).into_iter().next() else {
        return;
    };
    let source = || Source::Example {
        example: Box::new(shot.example.clone()),
        sha256: sha256.clone(),
    };
    let missing = canvas.gallery.draw(
        area,
        frame.buffer_mut(),
        &sha256,
        ViewTransform::default(),
        source,
    );
    if let Some(missing) = missing {
        let message = cut(missing, usize::from(area.width));
        frame.render_widget(Span::styled(message, canvas.theme.dim), area);
    }
}
