//! The conversation: the turns of the selected branch, each with its question, answer and notices.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Scrollbar, ScrollbarOrientation, ScrollbarState};

use crate::tui::state::{Activity, Finished, Focus, Reply, State, Turn, TurnId};
use rounds_assistant::INTENDED_USE;
use rounds_support::errors::count;

use super::panes::framed;
use super::text::wrapped;
use super::theme::Theme;
use super::{Canvas, put_lines};

/// Cached lines by turn: wrapping all text again for every frame would get slower as the session grows.
#[derive(Default)]
pub struct Memo {
    lines: HashMap<TurnId, (u64, Rc<Vec<Line<'static>>>)>,
}

impl Memo {
    fn lines(
        &mut self,
        turn: TurnId,
        stamp: u64,
        wrap: impl FnOnce() -> Vec<Line<'static>>,
    ) -> Rc<Vec<Line<'static>>> {
        if let Some((cached, lines)) = self.lines.get(&turn)
            && *cached == stamp
        {
            return lines.clone();
        }
        let lines = Rc::new(wrap());
        self.lines.insert(turn, (stamp, lines.clone()));
        lines
    }

    /// Empties the cache, after a change of theme.
    pub fn clear(&mut self) {
        self.lines.clear();
    }
}

/// Draws the conversation pane.
pub fn draw(frame: &mut Frame, area: Rect, state: &State, canvas: &mut Canvas) {
    let title = match state.session.title() {
        "" => "Conversation".to_string(),
        title => format!("Conversation: {title}"),
    };
    let inside = framed(
        frame,
        area,
        &title,
        state.focus == Focus::Conversation,
        canvas.theme,
    );
    let inside = inside.inner(Margin::new(1, 0));
    let path = state.conversation.path();
    if path.is_empty() {
        return put_lines(
            frame,
            inside,
            &getting_started(state, inside.width, canvas.theme),
            0,
        );
    }
    let mut total = 0;
    let mut blocks = Vec::with_capacity(path.len());
    for id in path {
        let lines = turn_lines(id, state, inside.width, canvas);
        canvas.hits.turns.push((id, total));
        total += lines.len();
        blocks.push(lines);
    }
    let height = usize::from(inside.height);
    canvas.hits.lines = total;
    canvas.hits.height = height;
    let max_scroll = total.saturating_sub(height);
    let first = state.scroll.map_or(max_scroll, |from| from.min(max_scroll));
    let visible = blocks
        .iter()
        .flat_map(|block| block.iter())
        .skip(first)
        .take(height);
    for (line, y) in visible.zip(inside.y..inside.bottom()) {
        frame.render_widget(line, Rect::new(inside.x, y, inside.width, 1));
    }
    if max_scroll > 0 {
        let mut bar = ScrollbarState::new(max_scroll).position(first);
        let bar_area = area.inner(Margin::new(0, 1));
        let widget = Scrollbar::new(ScrollbarOrientation::VerticalRight)
            .begin_symbol(None)
            .end_symbol(None)
            .style(canvas.theme.border);
        if bar_area.height > 0 {
            frame.render_stateful_widget(widget, bar_area, &mut bar);
        }
    }
}

/// Shown before the first question.
fn getting_started(state: &State, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let key = |action| state.keymap.hint(action).to_string();
    use crate::tui::keys::Action;
    let mut lines = vec![Line::raw("")];
    lines.extend(wrapped(
        "Attach an image and ask a question. The answer comes with the worked examples that the model was shown.",
        width,
        0,
        theme.text,
    ));
    lines.push(Line::raw(""));
    for (action, what) in [
        (Action::PickFile, "attach an image (or drop one here)"),
        (Action::Cases, "sample cases"),
        (Action::Sessions, "saved sessions"),
        (Action::Help, "all keys and commands"),
    ] {
        lines.push(Line::from(vec![
            Span::raw("  "),
            Span::styled(format!("{:<8}", key(action)), theme.key),
            Span::raw(what),
        ]));
    }
    lines.push(Line::raw(""));
    lines.extend(wrapped(INTENDED_USE, width, 0, theme.warning));
    lines
}

fn turn_lines(
    id: TurnId,
    state: &State,
    width: u16,
    canvas: &mut Canvas,
) -> Rc<Vec<Line<'static>>> {
    let Some(turn) = state.conversation.get(id) else {
        return Rc::default();
    };
    let siblings = state.conversation.siblings(id);
    let position = siblings.iter().position(|s| *s == id).unwrap_or(0);
    let stage = match state.activity {
        Activity::Turn { turn, stage } if turn == id => Some(stage),
        _ => None,
    };
    let chosen = state.is_chosen(id);
    let stamp = {
        let mut hasher = DefaultHasher::new();
        // Turn ids start again with each conversation.
        state.conversations.hash(&mut hasher);
        let names = turn.images.iter().map(|a| &a.image.source.name);
        names.for_each(|name| name.hash(&mut hasher));
        (width, &turn.question, position, siblings.len(), chosen).hash(&mut hasher);
        (
            turn.shots.len(),
            turn.text.len(),
            &turn.label,
            stage.map(|s| s as u8),
        )
            .hash(&mut hasher);
        match &turn.reply {
            Reply::Pending => 0_u8.hash(&mut hasher),
            Reply::Answered(done) => {
                let texts = (&done.answer, &done.rationale, &done.notices, &done.ranking);
                (1_u8, texts).hash(&mut hasher);
            }
            Reply::Stopped => 2_u8.hash(&mut hasher),
            Reply::Failed(error) => (3_u8, &error.message).hash(&mut hasher),
        }
        hasher.finish()
    };
    let theme = canvas.theme;
    canvas.memo.lines(id, stamp, || {
        let branch =
            (siblings.len() > 1).then(|| format!("branch {} of {}", position + 1, siblings.len()));
        let mut lines = question(turn, branch, chosen, width, theme);
        lines.extend(reply(turn, stage.map(|s| s.words()), width, theme));
        lines.push(Line::raw(""));
        lines
    })
}

fn question(
    turn: &Turn,
    branch: Option<String>,
    chosen: bool,
    width: u16,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let mark = if chosen { "> You" } else { "You" };
    let mut notes: Vec<String> = Vec::new();
    notes.extend(branch);
    notes.extend(turn.label.clone());
    notes.extend(
        turn.images
            .iter()
            .map(|a| format!("[{}]", a.image.source.name)),
    );
    let mut lines = wrapped(
        &format!("{mark}  {}", notes.join("  ")),
        width,
        0,
        theme.accent,
    );
    lines.extend(wrapped(&turn.question, width, 2, theme.strong));
    lines
}

fn reply(turn: &Turn, stage: Option<&str>, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let heading = match turn.shots.len() {
        0 => "rounds".into(),
        number => format!("rounds  {}", count(number, "shot")),
    };
    let mut lines = wrapped(&heading, width, 0, theme.answer);
    match &turn.reply {
        Reply::Answered(done) => lines.extend(answered(done, width, theme)),
        Reply::Pending => {
            lines.extend(streamed(turn, width, theme));
            let stage = stage.unwrap_or("queued");
            lines.extend(wrapped(&format!("{stage} …"), width, 2, theme.dim));
        }
        Reply::Stopped => {
            lines.extend(streamed(turn, width, theme));
            lines.extend(wrapped("[stopped]", width, 2, theme.warning));
        }
        Reply::Failed(error) => {
            lines.extend(streamed(turn, width, theme));
            lines.extend(wrapped(
                &format!("error: {}", error.message),
                width,
                2,
                theme.error,
            ));
            if let Some(hint) = &error.hint {
                lines.extend(wrapped(&format!("hint: {hint}"), width, 2, theme.warning));
            }
        }
    }
    lines
}

fn streamed(turn: &Turn, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let text = turn.streamed();
    if text.is_empty() {
        return Vec::new();
    }
    wrapped(&text, width, 2, theme.text)
}

fn answered(done: &Finished, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = wrapped(&done.answer, width, 2, theme.strong);
    match &done.rationale {
        Some(rationale) => {
            lines.extend(wrapped(
                "Rationale (the model's own words)",
                width,
                2,
                theme.dim,
            ));
            lines.extend(wrapped(rationale, width, 2, theme.text));
        }
        None => lines.extend(wrapped(
            "(the model gave no rationale)",
            width,
            2,
            theme.dim,
        )),
    }
    for ranked in &done.ranking {
        lines.extend(wrapped(ranked, width, 4, theme.text));
    }
    for notice in &done.notices {
        lines.extend(wrapped(&format!("note: {notice}"), width, 2, theme.warning));
    }
    let mut foot = INTENDED_USE.to_string();
    if done.generated_tokens > 0 {
        foot = format!(
            "{foot} | {} tokens, {:.1} s",
            done.generated_tokens,
            done.total_ms / 1000.0
        );
    }
    lines.extend(wrapped(&foot, width, 2, theme.dim));
    lines
}
