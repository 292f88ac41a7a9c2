//! The windows over a card: keys, statistics, cases that look alike.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use crate::tui::terminal_image::{Appearance, Gallery, Source};
use crate::tui::view::Theme;
use crate::tui::view::canvas::put_lines;
use crate::tui::view::mode::{centred, keys_window, more, window};
use crate::tui::view::panes::framed;
use crate::tui::view::text::{cut, wrapped};

use super::card::contrast_in_words;
use crate::study::exchanged::{Contrast, FollowUp, LookAlike, Picture};
use crate::study::figures::Role;
use crate::study::state::{Overlay, State, Turn};
use crate::study::words;

const HELP: [(&str, &str); 20] = [
    (
        "Enter Space",
        "next part, turn the card, then the grade with *, or good",
    ),
    ("letters", "type an answer where there is a field for it"),
    (
        "Esc Tab",
        "out of the field, so that letters are keys; Tab goes back",
    ),
    ("a b c d", "choose an answer; Up, Down and Enter do too"),
    (
        "arrows, click",
        "move the cross-hair; with Shift in large steps",
    ),
    ("1", "again: not known, it comes back soon"),
    ("2", "hard: known with effort"),
    ("3", "good: known"),
    ("4", "easy: known at once"),
    ("u", "undo the last grade, bury or suspend"),
    (
        "b",
        "bury: not again today (after turning, if letters choose)",
    ),
    ("s", "suspend: never again, until it is undone"),
    ("e", "three cases that look alike and are not"),
    ("f", "the question that follows up on a wrong answer"),
    (
        "i",
        "image on the full screen: + - zoom, arrows, b B c C, r, m",
    ),
    ("d", "draw a rectangle on the image: cards of your own"),
    ("PageUp PageDown", "scroll the text; [ and ] by lines"),
    ("t", "statistics"),
    ("Ctrl-L", "draw the screen again"),
    ("q Ctrl-D", "leave; everything is saved at once"),
];

/// Draws the window that is open; returns its largest first line.
pub fn draw(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    gallery: &mut Gallery,
    theme: &Theme,
) -> usize {
    let scroll = state.window_scroll;
    match state.overlay {
        Some(Overlay::Help) => keys_window(frame, area, &HELP, scroll, theme),
        Some(Overlay::Statistics) => {
            let title = "Statistics (any other key closes)";
            let lines = statistics(state, theme);
            window(frame, area, title, &lines, scroll, theme)
        }
        Some(Overlay::LookAlikes) => {
            look_alikes(frame, area, state, gallery, theme);
            0
        }
        Some(Overlay::Contrast) => contrast(frame, area, state, gallery, theme),
        Some(Overlay::Image | Overlay::Draw) | None => 0,
    }
}

fn statistics(state: &State, theme: &Theme) -> Vec<Line<'static>> {
    let Some(page) = &state.statistics else {
        return vec![Line::styled(" counting …", theme.dim)];
    };
    let style = |role| match role {
        Role::Text => theme.text,
        Role::Dim => theme.dim,
        Role::Strong => theme.strong,
        Role::Bar => theme.bar,
    };
    let line = |parts: &Vec<(String, Role)>| {
        let parts = parts
            .iter()
            .map(|(text, role)| Span::styled(text.clone(), style(*role)));
        let blank = std::iter::once(Span::raw(" "));
        Line::from(blank.chain(parts).collect::<Vec<_>>())
    };
    page.lines.iter().map(line).collect()
}

/// Cases side by side, each with its answer below.
fn look_alikes(frame: &mut Frame, area: Rect, state: &State, gallery: &mut Gallery, theme: &Theme) {
    let place = centred(area, (120, 30));
    frame.render_widget(Clear, place);
    let title = "They look alike and are not (any key closes)";
    let inside = framed(frame, place, title, true, theme);
    let found = state.turn().and_then(|turn| turn.look_alikes.as_ref());
    let message = match found {
        None => "looking for similar images …".to_string(),
        Some(Err(failure)) => failure.to_string(),
        Some(Ok(found)) if found.is_empty() => {
            "no similar image of the index has another answer".to_string()
        }
        Some(Ok(found)) => {
            side_by_side(frame, inside, found, gallery, theme);
            return;
        }
    };
    put_lines(
        frame,
        inside,
        &wrapped(&message, inside.width, 1, theme.dim),
        0,
    );
}

fn side_by_side(
    frame: &mut Frame,
    area: Rect,
    found: &[LookAlike],
    gallery: &mut Gallery,
    theme: &Theme,
) {
    let number = u32::try_from(found.len()).unwrap_or(1).max(1);
    let parts = Layout::horizontal(vec![Constraint::Ratio(1, number); found.len()]).split(area);
    // Only this window is drawn over the images behind it.
    let covered = std::mem::replace(&mut gallery.covered, false);
    for (case, part) in found.iter().zip(parts.iter()) {
        let [image, text] =
            Layout::vertical([Constraint::Min(0), Constraint::Length(5)]).areas(*part);
        whole_image(frame, image, &case.picture, gallery, theme);
        let room = usize::from(text.width).saturating_sub(2);
        let alike = format!(" a guess: {:.0} % alike", case.similarity * 100.0);
        let mut lines = wrapped(&case.answer, text.width, 1, theme.answer);
        lines.truncate(2);
        lines.push(Line::styled(
            format!(" {}", cut(&case.question, room)),
            theme.text,
        ));
        lines.push(Line::styled(cut(&alike, room + 1), theme.dim));
        put_lines(frame, text, &lines, 0);
    }
    gallery.covered = covered;
}

fn whole_image(
    frame: &mut Frame,
    area: Rect,
    picture: &Result<Picture, String>,
    gallery: &mut Gallery,
    theme: &Theme,
) {
    let message = match picture {
        Ok(picture) => {
            let source = || Source::Image(picture.image.clone());
            let whole = Appearance::whole(&picture.id);
            let missing = gallery.draw(area, frame.buffer_mut(), &whole, source);
            missing.map(str::to_string)
        }
        Err(reason) => Some(reason.clone()),
    };
    if let Some(message) = message {
        put_lines(frame, area, &wrapped(&message, area.width, 1, theme.dim), 0);
    }
}

/// The image of the card beside the one that looks alike, and the question about that; returns its largest first line.
fn contrast(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    gallery: &mut Gallery,
    theme: &Theme,
) -> usize {
    let Some(turn) = state.turn() else {
        return 0;
    };
    let Some(FollowUp::Contrast(contrast)) = &turn.follow_up else {
        return 0;
    };
    let place = centred(area, (120, 30));
    frame.render_widget(Clear, place);
    let title = match turn.follow_up_chosen {
        Some(_) => "It looks alike (any other key closes)",
        None => "It looks alike (a or b answers, any other key closes)",
    };
    let inside = framed(frame, place, title, true, theme);
    let text = contrast_text(turn, contrast, inside.width, theme);
    let high = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let high = high.min(inside.height * 2 / 3);
    let [images, below] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(high)]).areas(inside);
    let [left, right] = Layout::horizontal([Constraint::Ratio(1, 2); 2]).areas(images);
    // Only this window is drawn over the images behind it.
    let covered = std::mem::replace(&mut gallery.covered, false);
    let own = turn.dealt.pictures.first();
    for (part, title, picture) in [
        (left, "This card", own),
        (right, "The other case", Some(&contrast.case.picture)),
    ] {
        let inside = framed(frame, part, title, false, theme);
        if let Some(picture) = picture {
            whole_image(frame, inside, picture, gallery, theme);
        }
    }
    gallery.covered = covered;
    let last = text.len().saturating_sub(usize::from(below.height));
    let first = state.window_scroll.min(last);
    put_lines(frame, below, &text, first);
    more(frame, below, last - first, "PageDown", theme);
    last
}

/// The question and its choices; once one is chosen, both answers with what the index says about the other case.
fn contrast_text(turn: &Turn, contrast: &Contrast, wide: u16, theme: &Theme) -> Vec<Line<'static>> {
    let case = &contrast.case;
    let question = format!("The other case: {}", case.question);
    let mut lines = wrapped(&question, wide, 1, theme.strong);
    for (at, choice) in contrast.choices.iter().enumerate() {
        let mark = match turn.follow_up_chosen {
            Some(_) if contrast.is_right(at) => '✓',
            Some(chosen) if chosen == at => '✗',
            _ => ' ',
        };
        let choice = format!("{mark} {}  {choice}", words::letter(at));
        lines.extend(wrapped(&choice, wide, 1, theme.text));
    }
    let Some(chosen) = turn.follow_up_chosen else {
        return lines;
    };
    let style = match contrast.is_right(chosen) {
        true => theme.good,
        false => theme.warning,
    };
    let told = contrast_in_words(contrast, chosen);
    lines.extend(wrapped(&told, wide, 1, style));
    let answer = format!("This card: {}", turn.card().answer);
    lines.extend(wrapped(&answer, wide, 1, theme.text));
    if !case.rationale.is_empty() {
        lines.extend(wrapped(&case.rationale, wide, 1, theme.text));
    }
    lines
}
