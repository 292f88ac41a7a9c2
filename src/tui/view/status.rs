//! The status line: what runs, model, settings, context, speed, memory, and what the program is for. And the hints.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::tui::keys::Action;
use crate::tui::state::{Activity, Focus, Stage, State, value_name};
use rounds_assistant::INTENDED_USE;
use rounds_support::errors::bytes;

use super::Canvas;
use super::text::{cut, width};
use super::theme::Theme;

/// Where there is no room for all of it.
const SHORT_USE: &str = "research only, not for diagnosis";

pub fn draw(frame: &mut Frame, area: Rect, state: &State, canvas: &Canvas) {
    let room = usize::from(area.width);
    let theme = canvas.theme;
    let mut parts = parts(state, canvas);
    let used = |parts: &[(u8, String)], last: &str| -> usize {
        parts.iter().map(|(_, p)| width(p) + 3).sum::<usize>() + width(last) + 2
    };
    // What runs and what the program is for stay, in short if need be; the rest goes by weight.
    let mut purpose = INTENDED_USE;
    while used(&parts, purpose) > room {
        if purpose == INTENDED_USE && parts.len() <= 4 {
            purpose = SHORT_USE;
        } else if parts.len() > 1 {
            let least = (0..parts.len()).max_by_key(|at| parts.get(*at).map(|(weight, _)| *weight));
            parts.remove(least.unwrap_or(0));
        } else {
            break;
        }
    }
    if let Some((_, doing)) = parts.first_mut() {
        *doing = cut(doing, room.saturating_sub(width(purpose) + 3));
    }
    let lead = if used(&parts, purpose) > room {
        ""
    } else {
        " "
    };
    let mut spans = vec![Span::raw(lead)];
    for (number, (weight, part)) in parts.into_iter().enumerate() {
        let style = if number == 0 && weight == 0 {
            theme.accent
        } else {
            theme.text
        };
        spans.push(Span::styled(part, style));
        spans.push(Span::styled(" | ", theme.border));
    }
    spans.push(Span::styled(cut(purpose, room), theme.warning));
    frame.render_widget(Line::from(spans), area);
}

/// What there is to say, each with a weight: the highest goes first where room is short.
fn parts(state: &State, canvas: &Canvas) -> Vec<(u8, String)> {
    let mut parts = vec![(0, doing(state))];
    if let Some(about) = state.engine.about() {
        parts.push((3, format!("{} on {}", about.model, about.device)));
        if about.index != about.model {
            parts.push((8, format!("index {}", about.index)));
        }
    }
    if let Some(work) = &state.work {
        parts.push((1, format!("{} {}", spinner(state), work.said)));
    }
    let settings = &state.settings;
    parts.push((
        2,
        format!("k={} {}", settings.shots, value_name(&settings.strategy)),
    ));
    if settings.order != rounds_assistant::retrieval::Order::default() {
        parts.push((5, format!("order {}", value_name(&settings.order))));
    }
    let turn = state.turn().and_then(|id| state.talk.get(id));
    if let Some(turn) = turn {
        if let Some((used, of)) = state.context() {
            let of = of.map_or(String::new(), |of| format!("/{of}"));
            parts.push((6, format!("context {used}{of}")));
        }
        if let Some(speed) = turn.speed() {
            parts.push((4, format!("{speed:.1} tokens/s")));
        }
    }
    if let Some(memory) = state.memory {
        parts.push((7, bytes(memory)));
    }
    parts.push((9, canvas.gallery.screen().protocol.name().to_string()));
    parts
}

/// What runs now.
fn doing(state: &State) -> String {
    let stop = state.keymap.hint(Action::Stop);
    if let Activity::Turn { stage, .. } = state.activity
        && stage != Stage::Waiting
    {
        return match stage {
            Stage::Stopping => format!("{} stopping", spinner(state)),
            stage => format!("{} {} ({stop} stops)", spinner(state), stage.words()),
        };
    }
    if let Some((what, since)) = state.engine.opening() {
        let seconds = state.now.saturating_sub(since).as_secs();
        return format!(
            "{} {seconds} s ({stop} gives up) opening {what}",
            spinner(state)
        );
    }
    if !state.engine.is_ready() {
        return "no model".into();
    }
    "ready".into()
}

fn spinner(state: &State) -> char {
    const SIGNS: [char; 4] = ['|', '/', '-', '\\'];
    let turn = (state.now.as_millis() / 250) as usize % SIGNS.len();
    SIGNS.get(turn).copied().unwrap_or('|')
}

/// The keys that count now.
pub fn hints(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    for (action, what) in shown(state) {
        let key = state.keymap.hint(action);
        let wide = width(key) + width(what) + 3;
        if key.is_empty() || used + wide > usize::from(area.width) {
            continue;
        }
        used += wide;
        spans.push(Span::styled(key.to_string(), theme.key));
        spans.push(Span::styled(format!(" {what}  "), theme.dim));
    }
    frame.render_widget(Line::from(spans), area);
}

fn shown(state: &State) -> Vec<(Action, &'static str)> {
    let mut hints = match state.focus {
        Focus::Input => vec![
            (Action::Help, "keys"),
            (Action::Send, "ask"),
            (Action::Newline, "new line"),
            (Action::PickFile, "attach"),
            (Action::NextPane, "panes"),
        ],
        Focus::Conversation => vec![
            (Action::Help, "keys"),
            (Action::TurnUp, "before"),
            (Action::TurnDown, "after"),
            (Action::TurnRegenerate, "again"),
            (Action::TurnEdit, "edit"),
            (Action::TurnCopy, "copy"),
        ],
        Focus::Pictures => vec![
            (Action::Help, "keys"),
            (Action::PictureFull, "whole screen"),
            (Action::ZoomIn, "zoom"),
            (Action::Brighter, "brighter"),
            (Action::MoreContrast, "contrast"),
            (Action::SideBySide, "two"),
            (Action::PictureDetach, "detach"),
        ],
        Focus::Shots => vec![
            (Action::Help, "keys"),
            (Action::ShotOpen, "open"),
            (Action::ShotPin, "pin"),
            (Action::ShotExclude, "exclude"),
            (Action::AskWithout, "ask without"),
            (Action::ShotLater, "move"),
            (Action::ShotBeside, "beside yours"),
        ],
    };
    hints.extend([
        (Action::Compare, "compare"),
        (Action::Regenerate, "regenerate"),
        (Action::Sessions, "sessions"),
        (Action::ShowPrompt, "prompt"),
        (Action::Export, "export"),
        (Action::NextBranch, "branch"),
    ]);
    hints
}
