//! Two answers to one question, side by side.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use crate::tui::state::{
    Activity, Reply, State, Turn, TurnId, describe_shots, opposites, same_answer,
};
use rounds_assistant::retrieval::Strategy;
use rounds_support::errors::count;

use super::canvas::{Canvas, put_lines};
use super::conversation::answer_lines;
use super::shot_text::{lead, score_or_reason};
use super::text::wrapped;
use super::theme::Theme;
use super::window;

/// Draws two answers side by side, with the settings and shots of each.
pub fn draw(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    (left, right): (TurnId, TurnId),
    scroll: usize,
    canvas: &mut Canvas,
) {
    let size = (area.width, area.height);
    let hints = "↑↓ scroll   Esc closes (both answers stay as branches)";
    let body = window::open(frame, area, size, "Two answers", hints, canvas);
    let (Some(one), Some(two)) = (state.conversation.get(left), state.conversation.get(right))
    else {
        return;
    };
    let opposed = match opposites(one, two).join(", ") {
        none if none.is_empty() => Vec::new(),
        found => wrapped(&format!("! {found}"), body.width, 0, canvas.theme.error),
    };
    let head = 3 + opposed.len() as u16;
    let [head, rest] = Layout::vertical([Constraint::Length(head), Constraint::Min(0)]).areas(body);
    let mut top = wrapped(&one.question, head.width, 0, canvas.theme.strong);
    top.truncate(1);
    top.push(verdict(one, two, canvas.theme));
    top.extend(opposed);
    put_lines(frame, head, &top, 0);
    let [first, _, second] = Layout::horizontal([
        Constraint::Fill(1),
        Constraint::Length(3),
        Constraint::Fill(1),
    ])
    .areas(rest);
    let lines = [(left, one, first), (right, two, second)]
        .map(|(id, turn, area)| (side(state, id, turn, area.width, canvas.theme), area));
    // Both sides scroll together, up to the end of the longer one.
    let line_count = lines
        .iter()
        .map(|(lines, _)| lines.len())
        .max()
        .unwrap_or(0);
    let max_scroll = line_count.saturating_sub(usize::from(rest.height));
    canvas.hits.max_overlay_scroll = max_scroll;
    for (lines, area) in &lines {
        put_lines(frame, *area, lines, scroll.min(max_scroll));
    }
}

/// Whether the answers agree.
fn verdict(one: &Turn, two: &Turn, theme: &Theme) -> Line<'static> {
    match same_answer(one, two) {
        Some(true) => Line::styled("= the same answer", theme.good),
        Some(false) => Line::styled("! different answers", theme.warning),
        None if [one, two]
            .iter()
            .any(|turn| matches!(turn.reply, Reply::Pending)) =>
        {
            Line::styled("…", theme.dim)
        }
        None => Line::styled("no two answers to compare", theme.dim),
    }
}

fn side(state: &State, id: TurnId, turn: &Turn, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let settings = describe_shots(&turn.settings);
    let zero_shot = turn.settings.shots == 0 || turn.settings.strategy == Strategy::None;
    let unlabelled = if zero_shot {
        "without shots"
    } else {
        "with shots"
    };
    let name = turn.label.clone().unwrap_or_else(|| unlabelled.into());
    let mut lines = wrapped(&name, width, 0, theme.accent);
    lines.extend(wrapped(&settings, width, 0, theme.dim));
    lines.push(Line::raw(""));
    match &turn.reply {
        Reply::Answered(done) => {
            lines.extend(answer_lines(done, width, 0, theme));
            let missing = "(the model gave no rationale)";
            let missing = Some(missing).filter(|_| done.lacks_rationale());
            if let Some(rationale) = done.rationale.as_deref().or(missing) {
                lines.extend(wrapped(rationale, width, 0, theme.text));
            }
            for notice in &done.notices {
                lines.extend(wrapped(&format!("note: {notice}"), width, 0, theme.warning));
            }
        }
        Reply::Failed(error) => lines.extend(wrapped(
            &format!("error: {}", error.message),
            width,
            0,
            theme.error,
        )),
        reply => {
            lines.extend(wrapped(&turn.streamed(), width, 0, theme.text));
            let status = match (reply, state.activity) {
                (Reply::Stopped, _) => "[stopped]",
                (_, Activity::Turn { turn, stage }) if turn == id => stage.words(),
                _ => "queued",
            };
            lines.extend(wrapped(status, width, 0, theme.dim));
        }
    }
    lines.push(Line::raw(""));
    let shots = count(turn.shots.len(), "shot");
    lines.extend(wrapped(&shots, width, 0, theme.title));
    for shot in &turn.shots {
        let text = format!(
            "{}. {}  {}  A: {}",
            shot.rank,
            score_or_reason(shot),
            lead(shot),
            shot.example.answer
        );
        lines.extend(wrapped(&text, width, 0, theme.text));
    }
    lines
}
