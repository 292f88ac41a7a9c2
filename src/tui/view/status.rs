//! The status line (activity, model, settings, context, speed, memory, intended use) and the line of key hints.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::tui::keys::Action;
use crate::tui::state::{Activity, Focus, Stage, State, value_name};
use rounds_assistant::{INTENDED_USE, SHIPPED};
use rounds_support::errors::bytes;

use super::canvas::Canvas;
use super::text::{cut, width};
use super::theme::Theme;

/// The intended use, for narrow screens.
const SHORT_USE: &str = "research only, not for diagnosis";

/// Draws the status line.
pub fn draw(frame: &mut Frame, area: Rect, state: &State, canvas: &Canvas) {
    let room = usize::from(area.width);
    let theme = canvas.theme;
    let mut parts = parts(state, canvas);
    let used = |parts: &[(u8, String)], last: &str| -> usize {
        parts.iter().map(|(_, p)| width(p) + 3).sum::<usize>() + width(last) + 2
    };
    // The activity and the intended use always stay, shortened if need be; the rest is dropped by weight.
    let mut purpose = INTENDED_USE;
    while used(&parts, purpose) > room {
        if purpose == INTENDED_USE && parts.len() <= 4 {
            purpose = SHORT_USE;
        } else if parts.len() > 1 {
            let heaviest =
                (0..parts.len()).max_by_key(|at| parts.get(*at).map(|(weight, _)| *weight));
            parts.remove(heaviest.unwrap_or(0));
        } else {
            break;
        }
    }
    if let Some((_, activity)) = parts.first_mut() {
        *activity = cut(activity, room.saturating_sub(width(purpose) + 3));
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

/// The parts of the status line, each with a weight: the heaviest is dropped first if there is no room.
fn parts(state: &State, canvas: &Canvas) -> Vec<(u8, String)> {
    let mut parts = vec![(0, activity(state))];
    if let Some(about) = state.engine.about() {
        let model = display_name(&about.model, "shipped model");
        parts.push((3, format!("{model}, {}", about.device.to_uppercase())));
        if about.index != about.model {
            let index = display_name(&about.index, "shipped");
            // Which examples are used matters more than numbers about the answer.
            let weight = if about.index == SHIPPED { 8 } else { 3 };
            parts.push((weight, format!("index: {index}")));
        }
    }
    if let Some(work) = &state.work.running {
        parts.push((1, format!("{} {}", spinner(state), work.progress)));
    }
    let settings = &state.settings;
    parts.push((
        2,
        format!("k={} {}", settings.shots, value_name(&settings.strategy)),
    ));
    if settings.order != rounds_assistant::retrieval::Order::default() {
        parts.push((5, format!("order {}", value_name(&settings.order))));
    }
    let turn = state.turn().and_then(|id| state.conversation.get(id));
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

/// What is running.
fn activity(state: &State) -> String {
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
            "{} {seconds} s ({stop} cancels) opening {what}",
            spinner(state)
        );
    }
    if !state.engine.is_ready() {
        return "no model".into();
    }
    "ready".into()
}

/// The name of a model or index; the one that ships has only a placeholder for a name.
fn display_name<'a>(name: &'a str, built_in: &'a str) -> &'a str {
    if name == SHIPPED { built_in } else { name }
}

fn spinner(state: &State) -> char {
    const FRAMES: [char; 4] = ['|', '/', '-', '\\'];
    let frame = (state.now.as_millis() / 250) as usize % FRAMES.len();
    FRAMES.get(frame).copied().unwrap_or('|')
}

/// Draws the keys that work in the focused pane.
pub fn hints(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    for (action, what) in key_hints(state) {
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

fn key_hints(state: &State) -> Vec<(Action, &'static str)> {
    let mut hints = match state.focus {
        Focus::Input => vec![
            (Action::Help, "keys"),
            (Action::Send, "ask"),
            (Action::Newline, "new line"),
            (Action::PickFile, "attach"),
            (Action::NextPane, "next pane"),
        ],
        Focus::Conversation => vec![
            (Action::Help, "keys"),
            (Action::TurnUp, "previous"),
            (Action::TurnDown, "next"),
            (Action::TurnRegenerate, "ask again"),
            (Action::TurnEdit, "edit"),
            (Action::TurnCopy, "copy"),
        ],
        Focus::Images => vec![
            (Action::Help, "keys"),
            (Action::FullScreenImage, "full screen"),
            (Action::ZoomIn, "zoom"),
            (Action::Brighter, "brighter"),
            (Action::MoreContrast, "contrast"),
            (Action::SideBySide, "side by side"),
            (Action::DetachImage, "detach"),
        ],
        Focus::Shots => vec![
            (Action::Help, "keys"),
            (Action::ShotOpen, "open"),
            (Action::ShotPin, "pin"),
            (Action::ShotExclude, "exclude"),
            (Action::AskWithout, "ask without"),
            (Action::ShotLater, "move"),
            (Action::ShotSideBySide, "next to yours"),
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
