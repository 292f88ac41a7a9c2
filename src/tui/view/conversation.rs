//! The conversation: the turns of the selected branch, each with its question, answer and notices.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Scrollbar, ScrollbarOrientation, ScrollbarState};

use crate::tui::state::{Activity, Finished, Focus, Reply, Stage, State, Turn, TurnId};
use rounds_assistant::{INTENDED_USE, NOT_SURE};
use rounds_support::errors::count;

use super::background;
use super::canvas::{Canvas, put_lines};
use super::panes::framed;
use super::text::wrapped;
use super::theme::Theme;

/// A conversation of more turns or bytes is never short: its lines are counted for every frame.
const MAX_SHORT_TURNS: usize = 3;
const MAX_SHORT_BYTES: usize = 4000;

/// The number of lines in a pane of this width, if the conversation is short.
pub fn short_length(state: &State, width: u16, theme: &Theme) -> Option<usize> {
    let width = inner_width(width);
    let path = state.conversation.path();
    let next = next_lines(state, width, theme).len();
    if path.is_empty() {
        return Some(match next {
            0 => getting_started(state, width, theme).len(),
            next => next,
        });
    }
    let turns = path.iter().filter_map(|id| state.conversation.get(*id));
    let bytes: usize = turns.map(text_bytes).sum();
    if path.len() > MAX_SHORT_TURNS || bytes > MAX_SHORT_BYTES {
        return None;
    }
    let lines = path
        .into_iter()
        .map(|id| turn_lines(id, state, width, theme).len());
    Some(lines.sum::<usize>() + next)
}

/// The size of what is shown of a turn.
fn text_bytes(turn: &Turn) -> usize {
    let reply = match &turn.reply {
        Reply::Answered(done) => {
            let rationale = done.rationale.as_ref().map_or(0, String::len);
            let more = done.notices.iter().chain(&done.ranking);
            done.answer.len() + rationale + more.map(String::len).sum::<usize>()
        }
        Reply::Failed(error) => error.message.len(),
        Reply::Pending | Reply::Stopped => 0,
    };
    let background = &turn.subject.background;
    let background = background.vignette.len() + 80 * background.labs.len();
    background + turn.question.len() + turn.text.len() + reply
}

/// What the frame and its margins leave.
fn inner_width(width: u16) -> u16 {
    width.saturating_sub(4)
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
    let next = next_lines(state, inside.width, canvas.theme);
    if path.is_empty() && next.is_empty() {
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
        let lines = cached_lines(id, state, inside.width, canvas);
        canvas.hits.turns.push((id, total));
        total += lines.len();
        blocks.push(lines);
    }
    total += next.len();
    blocks.push(Rc::new(next));
    let height = usize::from(inside.height);
    canvas.hits.lines = total;
    canvas.hits.height = height;
    let max_scroll = total.saturating_sub(height);
    let first = state
        .selection
        .scroll
        .map_or(max_scroll, |from| from.min(max_scroll));
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

/// The case of the next question, where it is not that of the last one.
fn next_lines(state: &State, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let background = background::of_next(state);
    background.map_or_else(Vec::new, |b| background::lines(&b, width, theme))
}

/// The lines of a turn from the cache.
fn cached_lines(
    id: TurnId,
    state: &State,
    width: u16,
    canvas: &mut Canvas,
) -> Rc<Vec<Line<'static>>> {
    let Some(turn) = state.conversation.get(id) else {
        return Rc::default();
    };
    let stamp = {
        let mut hasher = DefaultHasher::new();
        // Turn ids start again with each conversation.
        state.conversations.hash(&mut hasher);
        let names = turn.images.iter().map(|a| &a.image.source.name);
        names.for_each(|name| name.hash(&mut hasher));
        let stage = stage(id, state).map(|s| s as u8);
        let (branch, chosen) = (branch(id, state), state.is_chosen(id));
        (width, &turn.question, branch, chosen).hash(&mut hasher);
        background::of_turn(turn, state).hash(&mut hasher);
        (turn.shots.len(), turn.text.len(), &turn.label, stage).hash(&mut hasher);
        match &turn.reply {
            Reply::Pending => 0_u8.hash(&mut hasher),
            Reply::Answered(done) => {
                let texts = (&done.answer, &done.rationale, &done.notices, &done.ranking);
                let standing = (done.sure, done.is_withheld);
                (1_u8, texts, &done.about_model, standing).hash(&mut hasher);
            }
            Reply::Stopped => 2_u8.hash(&mut hasher),
            Reply::Failed(error) => (3_u8, &error.message).hash(&mut hasher),
        }
        hasher.finish()
    };
    let theme = canvas.theme;
    let wrap = || turn_lines(id, state, width, theme);
    canvas.memo.lines(id, stamp, wrap)
}

/// What is being done for a turn.
fn stage(id: TurnId, state: &State) -> Option<Stage> {
    match state.activity {
        Activity::Turn { turn, stage } if turn == id => Some(stage),
        _ => None,
    }
}

/// Which of several versions of a question a turn is, from 1, and how many there are.
fn branch(id: TurnId, state: &State) -> Option<(usize, usize)> {
    let siblings = state.conversation.siblings(id);
    let position = siblings.iter().position(|s| *s == id).unwrap_or(0);
    (siblings.len() > 1).then_some((position + 1, siblings.len()))
}

fn turn_lines(id: TurnId, state: &State, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let Some(turn) = state.conversation.get(id) else {
        return Vec::new();
    };
    let branch = branch(id, state).map(|(number, of)| format!("branch {number} of {of}"));
    let background = background::of_turn(turn, state);
    let mut lines = background.map_or_else(Vec::new, |b| background::lines(&b, width, theme));
    lines.extend(question(turn, branch, state.is_chosen(id), width, theme));
    lines.extend(reply(
        turn,
        stage(id, state).map(|s| s.words()),
        width,
        theme,
    ));
    lines.push(Line::raw(""));
    lines
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
        Reply::Answered(done) => {
            lines.extend(answered(done, turn.parent.is_none(), width, theme));
        }
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

/// The text of an answer, or what stands in its place. Only one that the model may be sure of is emphasised.
pub(super) fn answer_lines(
    done: &Finished,
    width: u16,
    indent: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    if done.answer.is_empty() {
        return wrapped(done.no_answer(), width, indent, theme.dim);
    }
    if !done.is_unsure() {
        return wrapped(&done.answer, width, indent, theme.strong);
    }
    let text = format!("{NOT_SURE}{}", done.answer);
    let mut lines = wrapped(&text, width, indent, theme.text);
    if let Some(first) = lines.first_mut()
        && let Some(last) = first.spans.last()
        && let Some(rest) = last
            .content
            .strip_prefix(NOT_SURE.trim_end())
            .map(str::to_owned)
    {
        first.spans.pop();
        first
            .spans
            .push(Span::styled(NOT_SURE.trim_end(), theme.warning));
        first.spans.push(Span::styled(rest, theme.text));
    }
    lines
}

/// An answer; `first` of its conversation also says what is true of all of them.
fn answered(done: &Finished, first: bool, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = answer_lines(done, width, 2, theme);
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
        None if done.lacks_rationale() => lines.extend(wrapped(
            "(the model gave no rationale)",
            width,
            2,
            theme.dim,
        )),
        None => {}
    }
    for ranked in &done.ranking {
        lines.extend(wrapped(ranked, width, 4, theme.text));
    }
    let always = done.about_model.as_ref().filter(|_| first);
    for notice in done.notices.iter().chain(always) {
        lines.extend(wrapped(&format!("note: {notice}"), width, 2, theme.warning));
    }
    if done.generated_tokens > 0 {
        let foot = format!(
            "{}, {:.1} s",
            count(done.generated_tokens, "token"),
            done.total_ms / 1000.0
        );
        lines.extend(wrapped(&foot, width, 2, theme.dim));
    }
    lines
}
