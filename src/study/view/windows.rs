//! The windows over a card: keys, statistics, cases that look alike.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use crate::tui::terminal_image::{Appearance, Gallery, Source};
use crate::tui::view::Theme;
use crate::tui::view::canvas::put_lines;
use crate::tui::view::mode::{centred, keys_window, window};
use crate::tui::view::panes::framed;
use crate::tui::view::text::{cut, wrapped};

use crate::study::exchanged::LookAlike;
use crate::study::figures::Role;
use crate::study::state::{Overlay, State};

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
    ("f", "the answer of the question that follows up"),
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
        let message = match &case.picture {
            Ok(picture) => {
                let source = || Source::Image(picture.image.clone());
                let whole = Appearance::whole(&picture.id);
                let missing = gallery.draw(image, frame.buffer_mut(), &whole, source);
                missing.map(str::to_string)
            }
            Err(reason) => Some(reason.clone()),
        };
        if let Some(message) = message {
            put_lines(
                frame,
                image,
                &wrapped(&message, image.width, 1, theme.dim),
                0,
            );
        }
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
