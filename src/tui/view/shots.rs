//! The shots of the selected answer, three lines each: modality and question, answer, similarity and source. Everything
//! else about them is in the window of the opened shot.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::tui::backend::image_hashes;
use crate::tui::state::{Focus, State};
use crate::tui::terminal_image::{Appearance, Source};
use rounds_assistant::retrieval::{Shot, Strategy};

use super::canvas::{Canvas, put_lines};
use super::panes::framed;
use super::shot_text::{lead, score_or_reason, strategy_score};
use super::text::{cut, width, wrapped};
use super::theme::Theme;

/// Rows per shot, at least and with room to spare.
const MIN_ROWS: u16 = 3;
const MAX_ROWS: u16 = 9;
/// Minimum width of a pane with images in it.
const MIN_WIDTH_FOR_IMAGES: u16 = 34;
/// Width of a score bar.
const BAR: usize = 8;

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
    let best = best_score(state, &shots);
    let spread = u16::try_from(shots.len()).unwrap_or(u16::MAX);
    // The last one needs no gap after it.
    let step = ((inside.height + 1) / spread.max(1)).clamp(MIN_ROWS, MAX_ROWS + 1);
    let rows = (step - 1).max(MIN_ROWS);
    let visible = usize::from((inside.height + step - rows) / step).max(1);
    let chosen = state.selection.shot.min(shots.len().saturating_sub(1));
    let first = (chosen + 1).saturating_sub(visible);
    for (number, shot) in shots.iter().enumerate().skip(first).take(visible + 1) {
        let down = u16::try_from(number - first)
            .unwrap_or(u16::MAX)
            .saturating_mul(step);
        let shot_area = Rect::new(inside.x, inside.y.saturating_add(down), inside.width, rows)
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
            (rows, best),
            state,
            canvas,
        );
    }
}

/// The score that fills a bar: 1, or the best one where scores are not cosines.
fn best_score(state: &State, shots: &[&Shot]) -> f32 {
    let turn = state.turn().and_then(|id| state.conversation.get(id));
    let fused = turn.is_some_and(|turn| turn.settings.strategy == Strategy::Hybrid);
    let least = if fused { f32::MIN_POSITIVE } else { 1.0 };
    let scores = shots.iter().filter_map(|shot| strategy_score(shot));
    scores.fold(least, f32::max)
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
    (rows, best): (u16, f32),
    state: &State,
    canvas: &mut Canvas,
) {
    let theme = canvas.theme;
    // Cells are twice as high as wide; a cut-off image would be worse than none.
    let thumb = (rows * 2 + 1).min(area.width / 3);
    let with_image = area.width >= MIN_WIDTH_FOR_IMAGES && area.height == rows;
    let [thumb, text] = Layout::horizontal([
        Constraint::Length(if with_image { thumb } else { 0 }),
        Constraint::Min(0),
    ])
    .areas(area);
    if with_image {
        thumbnail(frame, thumb, shot, canvas);
    }
    let room = usize::from(text.width);
    let mut lines = lead_lines(shot, chosen, text.width, rows, theme);
    let lead = u16::try_from(lines.len()).unwrap_or(rows);
    lines.push(answer_line(shot, state, room, theme));
    let left = usize::from(rows).saturating_sub(lines.len());
    let influence = state.influence(shot);
    lines.extend(score_lines(shot, best, influence, text.width, left, theme));
    put_lines(frame, text, &lines, 0);
    if chosen {
        let lead = Rect::new(text.x, text.y, text.width, lead).intersection(area);
        frame.buffer_mut().set_style(lead, theme.chosen);
    }
}

/// What the shot is about: one line, or more where there is room for them.
fn lead_lines(
    shot: &Shot,
    chosen: bool,
    width: u16,
    rows: u16,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let mark = if chosen { ">" } else { " " };
    let text = format!("{mark} {}. {}", shot.rank, lead(shot));
    let max = usize::from(rows.saturating_sub(MIN_ROWS)).max(1);
    let lines = wrapped(&text, width, 0, theme.text);
    match lines.len() <= max {
        true => lines,
        false => vec![Line::styled(cut(&text, usize::from(width)), theme.text)],
    }
}

/// The answer, and what the user decided about the shot.
fn answer_line(shot: &Shot, state: &State, room: usize, theme: &Theme) -> Line<'static> {
    let flag = match (
        state.pin_place(&shot.example.id),
        state.is_excluded(&shot.example.id),
    ) {
        (Some(position), _) => format!("  pinned {}", position + 1),
        (None, true) => "  excluded".into(),
        (None, false) => String::new(),
    };
    let answer = format!("  A: {}", shot.example.answer);
    Line::from(vec![
        Span::styled(
            cut(&answer, room.saturating_sub(width(&flag))),
            theme.strong,
        ),
        Span::styled(flag, theme.warning),
    ])
}

/// The score as a number, or else why it was chosen, and a bar: of its part of the match that steered the answer, where the learner has
/// one, otherwise of the score. Source and licence, on lines of their own if they don't
/// fit beside it and `rows` allows.
fn score_lines(
    shot: &Shot,
    best: f32,
    influence: Option<(f64, f64)>,
    columns: u16,
    rows: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let room = usize::from(columns);
    let bar = match (shot.match_share, strategy_score(shot)) {
        (Some(share), _) => format!("  match{} {:.0} %", bar(share), share * 100.0),
        (None, score) => score.map_or(String::new(), |score| bar(score / best)),
    };
    let why = influence.map_or(String::new(), why_bar);
    let score = format!("  {}", score_or_reason(shot));
    let fits = width(&score) + width(&bar) + width(&why) <= room;
    let (score, bar, below) = match (fits, rows > 1) {
        (true, _) => (score, format!("{bar}{why}"), None),
        (false, true) => (cut(&score, room), bar, Some(why)),
        // What the shot did says more than how alike it is.
        (false, false) if !why.is_empty() => (String::new(), why, None),
        (false, false) => (cut(&score, room), bar, None),
    };
    let left = room.saturating_sub(width(&score) + width(&bar) + 2);
    let example = &shot.example;
    let origin = format!("{}, {}", example.source, example.licence);
    let mut spans = vec![
        Span::styled(score, theme.text),
        Span::styled(bar, theme.bar),
    ];
    let below = below.filter(|below| !below.is_empty());
    let below = below.map(|below| Line::styled(below, theme.bar));
    if below.is_some() || width(&origin) > left && rows > 1 {
        let mut lines = vec![Line::from(spans)];
        lines.extend(below);
        lines.extend(wrapped(&origin, columns, 2, theme.dim));
        return lines;
    }
    spans.push(Span::styled(format!("  {}", cut(&origin, left)), theme.dim));
    vec![Line::from(spans)]
}

/// What a shot did to the answer's likelihood: a bar in parts of the largest, filled where it made the answer likelier, hatched where it
/// made it less likely.
fn why_bar((own, most): (f64, f64)) -> String {
    let full = (own.abs() / most.max(1e-9) * BAR as f64).round() as usize;
    let full = full.min(BAR);
    let letter = if own < 0.0 { "▒" } else { "█" };
    let rest = "░".repeat(BAR - full);
    format!("  why {}{rest} {own:+.2}", letter.repeat(full))
}

/// A bar, filled as far as `share`.
fn bar(share: f32) -> String {
    let full = (share.clamp(0.0, 1.0) * BAR as f32).round() as usize;
    let full = full.min(BAR);
    format!(" {}{}", "█".repeat(full), "░".repeat(BAR - full))
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
    let shown = Appearance::whole(&sha256);
    let missing = canvas
        .gallery
        .draw(area, frame.buffer_mut(), &shown, source);
    if let Some(missing) = missing {
        let message = cut(missing, usize::from(area.width));
        frame.render_widget(Span::styled(message, canvas.theme.dim), area);
    }
}
