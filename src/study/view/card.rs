//! The text of a card: what is asked, what is typed or chosen, and, once turned, everything that answers it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::tui::view::Theme;
use crate::tui::view::canvas::put_lines;
use crate::tui::view::input::text_field;
use crate::tui::view::mode::more;
use crate::tui::view::panes::framed;
use crate::tui::view::text::{cut, width, wrapped};
use rounds_study::card::{Card, LabRow};
use rounds_study::schedule::in_words;

use crate::study::exchanged::{Contrast, FollowUp, Opinion};
use crate::study::state::{Stage, State, Turn, Verdict};
use crate::study::words;

/// The grades with their keys.
const GRADES: [(&str, &str); 4] = [("1", "again"), ("2", "hard"), ("3", "good"), ("4", "easy")];

/// Lines, and which of them belong to each answer to choose from.
#[derive(Default)]
struct Text {
    lines: Vec<Line<'static>>,
    choices: Vec<std::ops::Range<usize>>,
}

/// Draws the text side. Returns where the answers to choose from are, and the largest first line.
pub fn draw(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    turn: &Turn,
    theme: &Theme,
) -> (Vec<Rect>, usize) {
    let below = match (turn.turned, turn.takes_text()) {
        (true, _) => 2,
        (false, true) => 3,
        (false, false) => 0,
    };
    let [above, bottom] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(below)]).areas(area);
    let title = match turn.turned {
        true => "Answer",
        false => words::kind(turn.card().kind),
    };
    let inside = framed(frame, above, title, turn.turned, theme);
    let text = match turn.turned {
        false => asked(turn, inside.width, theme),
        true => answered(turn, inside.width, theme),
    };
    let last = text.lines.len().saturating_sub(usize::from(inside.height));
    let first = turn.scroll.min(last);
    put_lines(frame, inside, &text.lines, first);
    more(frame, inside, last - first, "PageDown", theme);
    if turn.turned {
        grades(frame, bottom, turn, theme);
    } else if turn.takes_text() {
        field(frame, bottom, state, turn, theme);
    }
    let rows = text
        .choices
        .into_iter()
        .map(|lines| rows(inside, first, lines));
    (rows.collect(), last)
}

/// The part of an area where some of its lines are seen.
fn rows(area: Rect, first: usize, lines: std::ops::Range<usize>) -> Rect {
    let start = lines.start.saturating_sub(first);
    let end = lines
        .end
        .saturating_sub(first)
        .min(usize::from(area.height));
    let high = end.saturating_sub(start);
    let small = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
    Rect::new(
        area.x,
        area.y.saturating_add(small(start)),
        area.width,
        small(high),
    )
    .intersection(area)
}

fn field(frame: &mut Frame, area: Rect, state: &State, turn: &Turn, theme: &Theme) {
    let title = match turn.typing {
        true => "Your answer, or Enter to turn",
        false => "Tab to type",
    };
    let inside = framed(frame, area, title, turn.typing, theme);
    let cursor = text_field(frame, inside, &turn.field, theme);
    if let Some(cursor) = cursor.filter(|_| turn.typing && state.overlay.is_none()) {
        frame.set_cursor_position(cursor);
    }
}

/// The grades, each with what it would do.
fn grades(frame: &mut Frame, area: Rect, turn: &Turn, theme: &Theme) {
    let suggested = turn.verdict.as_ref().map(Verdict::suggestion);
    let parts = Layout::horizontal([Constraint::Ratio(1, 4); 4]).split(area);
    for ((at, (key, name)), part) in GRADES.iter().enumerate().zip(parts.iter()) {
        let outlook = turn.dealt.outlooks.get(at);
        let mark = match suggested.is_some_and(|grade| grade as usize == at + 1) {
            true => "*",
            false => "",
        };
        let first = Line::from(vec![
            Span::styled(format!(" {key}"), theme.key),
            Span::styled(format!(" {name}{mark}"), theme.text),
        ]);
        let interval = outlook.map(|outlook| in_words(outlook.interval_ms));
        let second = format!("   {}", interval.unwrap_or_default());
        let lines = [first, Line::styled(second, theme.dim)];
        put_lines(frame, *part, &lines, 0);
    }
}

/// Before the card is turned.
fn asked(turn: &Turn, wide: u16, theme: &Theme) -> Text {
    let card = turn.card();
    let mut text = Text::default();
    background(&mut text, turn, wide, theme);
    text.lines
        .extend(wrapped(&card.question, wide, 1, theme.strong));
    if turn.takes_choice() {
        text.lines.push(Line::default());
        choices(&mut text, turn, wide, theme);
    }
    if turn.takes_mark() {
        let how =
            "Put the cross-hair on it: arrow keys (Shift for large steps) or a click. Then Enter.";
        text.lines.push(Line::default());
        text.lines.extend(wrapped(how, wide, 1, theme.dim));
    }
    if turn.next_stage().is_some() {
        text.lines.push(Line::default());
        let more = "Think first: what would you look for next? Enter goes on.";
        text.lines.extend(wrapped(more, wide, 1, theme.dim));
    }
    text
}

/// The vignette and the laboratory table, as far as they are shown.
fn background(text: &mut Text, turn: &Turn, wide: u16, theme: &Theme) {
    let card = turn.card();
    if !card.vignette.is_empty() && turn.shows(Stage::Vignette) {
        text.lines
            .extend(wrapped(&card.vignette, wide, 1, theme.text));
        text.lines.push(Line::default());
    }
    if !card.laboratory.is_empty() && turn.shows(Stage::Laboratory) {
        text.lines.extend(laboratory(&card.laboratory, wide, theme));
        text.lines.push(Line::default());
    }
}

/// The laboratory values as a table of three columns.
fn laboratory(rows: &[LabRow], wide: u16, theme: &Theme) -> Vec<Line<'static>> {
    let widest = |of: fn(&LabRow) -> &String, head: &str| {
        let widths = rows.iter().map(|row| width(of(row)));
        widths.max().unwrap_or(0).max(width(head))
    };
    let room = usize::from(wide).saturating_sub(5);
    let test = widest(|row| &row.test, "Test").min(room / 2);
    let value = widest(|row| &row.value, "Value").min(room.saturating_sub(test) * 2 / 3);
    let rest = room.saturating_sub(test + value);
    let padded = |text: &str, to: usize| {
        let text = cut(text, to);
        let blanks = " ".repeat(to.saturating_sub(width(&text)));
        format!("{text}{blanks}")
    };
    let line = |cells: [&str; 3], style| {
        let [a, b, c] = cells;
        let text = format!(
            " {}  {}  {}",
            padded(a, test),
            padded(b, value),
            cut(c, rest)
        );
        Line::styled(text, style)
    };
    let head = line(["Test", "Value", "Reference"], theme.dim);
    let body = rows
        .iter()
        .map(|row| line([&row.test, &row.value, &row.reference], theme.text));
    std::iter::once(head).chain(body).collect()
}

/// The answers to choose from; once turned, with what is right and what was chosen.
fn choices(text: &mut Text, turn: &Turn, wide: u16, theme: &Theme) {
    let card = turn.card();
    for (at, choice) in card.choices.iter().enumerate() {
        let start = text.lines.len();
        let chosen = turn.chosen == Some(at);
        let right = turn.turned && card.is_right(choice);
        let mark = match (turn.turned, right, chosen) {
            (false, _, _) if at == turn.highlighted => '>',
            (true, true, _) => '✓',
            (true, false, true) => '✗',
            _ => ' ',
        };
        let style = match (right, turn.turned && chosen) {
            (true, _) => theme.answer,
            (false, true) => theme.error,
            _ => theme.text,
        };
        let yours = if turn.turned && chosen {
            "  (yours)"
        } else {
            ""
        };
        let mut lines = wrapped(&format!("{choice}{yours}"), wide, 5, style);
        // In place of the indent.
        if let Some(indent) = lines.first_mut().and_then(|line| line.spans.first_mut()) {
            let label = format!(" {mark} {} ", words::letter(at));
            *indent = Span::styled(label, theme.key);
        }
        text.lines.extend(lines);
        text.choices.push(start..text.lines.len());
    }
}

/// Once turned: the reference first, then how the answer looks beside it, then what the model said.
fn answered(turn: &Turn, wide: u16, theme: &Theme) -> Text {
    let card = turn.card();
    let mut text = Text::default();
    text.lines
        .extend(wrapped(&card.question, wide, 1, theme.dim));
    text.lines.push(Line::default());
    if card.choices.is_empty() {
        text.lines
            .extend(wrapped(&card.answer, wide, 1, theme.answer));
    } else {
        choices(&mut text, turn, wide, theme);
        // Nothing can be chosen any more.
        text.choices.clear();
    }
    verdict(&mut text, turn, wide, theme);
    if !card.rationale.is_empty() {
        text.lines.push(Line::default());
        text.lines
            .extend(wrapped(&card.rationale, wide, 1, theme.text));
    }
    follow_up(&mut text, turn, wide, theme);
    opinion(&mut text, &turn.opinion, wide, theme);
    text.lines.push(Line::default());
    background(&mut text, turn, wide, theme);
    text.lines
        .extend(wrapped(&origin(card), wide, 1, theme.dim));
    text
}

fn verdict(text: &mut Text, turn: &Turn, wide: u16, theme: &Theme) {
    let Some(verdict) = &turn.verdict else {
        return;
    };
    if turn.card().choices.is_empty()
        && let Some(typed) = turn.typed()
    {
        text.lines.push(Line::default());
        let typed = format!("You wrote: {typed}");
        text.lines.extend(wrapped(&typed, wide, 1, theme.text));
    }
    let style = match verdict.is_wrong() {
        true => theme.warning,
        false => theme.good,
    };
    text.lines
        .extend(wrapped(&verdict.in_words(), wide, 1, style));
    for guess in [&turn.nearness, &turn.weighed].into_iter().flatten() {
        text.lines.extend(wrapped(guess, wide, 1, theme.dim));
    }
}

fn follow_up(text: &mut Text, turn: &Turn, wide: u16, theme: &Theme) {
    let Some(next) = &turn.follow_up else {
        return;
    };
    let (question, answer) = match next {
        FollowUp::Sibling { question, answer } => (
            format!("Try this one, on the same image: {question}"),
            match turn.follow_up_open {
                true => answer.clone(),
                false => "f shows the answer".into(),
            },
        ),
        FollowUp::Contrast(contrast) => (
            format!(
                "Try the same on an image that looks alike: {}",
                contrast.case.question
            ),
            match turn.follow_up_chosen {
                Some(at) => contrast_in_words(contrast, at),
                None => "f shows it, with two answers to choose from".into(),
            },
        ),
    };
    text.lines.push(Line::default());
    text.lines.extend(wrapped(&question, wide, 1, theme.accent));
    text.lines.extend(wrapped(&answer, wide, 1, theme.text));
}

/// What a choice is worth.
pub(super) fn contrast_in_words(contrast: &Contrast, chosen: usize) -> String {
    let answer = &contrast.case.answer;
    match contrast.is_right(chosen) {
        true => format!("right: {answer}"),
        false => format!("wrong, it is {answer}"),
    }
}

/// What the model said, marked as a guess.
fn opinion(text: &mut Text, opinion: &Opinion, wide: u16, theme: &Theme) {
    if *opinion == Opinion::NotAsked {
        return;
    }
    text.lines.push(Line::default());
    let mut add = |line: &str, style| text.lines.extend(wrapped(line, wide, 1, style));
    match opinion {
        Opinion::NotAsked => {}
        Opinion::NotFor(reason) => add(&format!("The model is not asked: {reason}"), theme.dim),
        Opinion::Waiting => add("The model is being asked …", theme.dim),
        Opinion::Said {
            answer,
            rationale,
            is_unsure,
            standing,
        } => {
            match is_unsure {
                true => add(
                    &format!("The model guessed (not sure): {answer}"),
                    theme.text,
                ),
                false => add(&format!("The model guessed: {answer}"), theme.strong),
            }
            if let Some(rationale) = rationale {
                add(rationale, theme.text);
            }
            for line in standing {
                add(line, theme.dim);
            }
        }
        Opinion::Withheld(reason) => add(
            &format!("The model's guess is withheld: {reason}"),
            theme.dim,
        ),
        Opinion::Failed(reason) => add(&format!("The model gave no guess: {reason}"), theme.dim),
    }
}

fn origin(card: &Card) -> String {
    let parts = [card.source.as_str(), card.licence.as_str()];
    let there = parts.into_iter().filter(|part| !part.is_empty());
    there.collect::<Vec<_>>().join("; ")
}
