//! The welcome pages at the first run: intended use, sample cases, and how to get a real model.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use crate::tui::first_run;
use crate::tui::keys::Action;
use crate::tui::state::{CASES_STEP, SampleCase, State};

use super::canvas::{Canvas, put_lines};
use super::text::wrapped;
use super::theme::Theme;
use super::{lists, window};

/// Draws a welcome page.
pub fn draw(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    (step, selected, scroll): (usize, usize, usize),
    canvas: &mut Canvas,
) {
    let (title, hints) = match step {
        0 => ("Welcome to rounds (1 of 3)", "Enter continues   Esc skips"),
        CASES_STEP => (
            "Sample cases (2 of 3)",
            "a number or Enter opens a case   → continues   Esc skips",
        ),
        _ => ("Models (3 of 3)", "Enter starts   ← goes back"),
    };
    let body = window::open(frame, area, (92, 22), title, "", canvas);
    if step == CASES_STEP {
        cases(frame, body, state, selected, canvas);
        return window::foot(frame, body, hints, canvas);
    }
    let lines = match step {
        0 => what_it_is(body.width, canvas.theme),
        _ => models(state, body.width, canvas.theme),
    };
    window::scrolled(frame, body, &lines, scroll, canvas);
    let hints = match scroll < canvas.hits.max_overlay_scroll {
        true => "Enter shows more   Esc skips",
        false => hints,
    };
    window::foot(frame, body, hints, canvas);
}

fn what_it_is(width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = wrapped(first_run::INTRODUCTION, width, 0, theme.text);
    lines.push(Line::raw(""));
    lines.extend(wrapped(first_run::PURPOSE, width, 0, theme.warning));
    lines.push(Line::raw(""));
    for fact in first_run::CAVEATS {
        lines.extend(wrapped(&format!("* {fact}"), width, 0, theme.text));
    }
    lines
}

fn cases(frame: &mut Frame, area: Rect, state: &State, selected: usize, canvas: &mut Canvas) {
    let [intro, list] = Layout::vertical([Constraint::Length(2), Constraint::Min(0)]).areas(area);
    let message = "Press a number to attach a case and get a question. Nothing is sent until you press Enter.";
    put_lines(
        frame,
        intro,
        &wrapped(message, intro.width, 0, canvas.theme.text),
        0,
    );
    let numbered: Vec<(usize, &SampleCase)> = state.cases.iter().enumerate().collect();
    let (rows, preview) = lists::with_preview(list);
    if let Some(preview) = preview {
        lists::case_list(
            frame,
            Rect {
                width: preview.right() - rows.x,
                ..list
            },
            state,
            selected,
            canvas,
        );
        canvas.hits.rows.clear();
        frame.render_widget(ratatui::widgets::Clear, rows);
    }
    window::list(
        frame,
        rows,
        &numbered,
        selected,
        canvas,
        |(number, case), _| Line::raw(format!("{}  {}", (number + 1) % 10, case.title)),
    );
}

fn models(state: &State, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = wrapped(
        "A small radiology model and an index of examples ship with it, so you can start right away. Published models are larger; \
         download one to compare.",
        width,
        0,
        theme.text,
    );
    lines.push(Line::raw(""));
    for (command, what) in [
        (
            "rounds model pull",
            "lists published models, and downloads one (uses the network)",
        ),
        ("rounds model list", "lists the models on this machine"),
        ("/model NAME", "opens one of them here"),
        ("/index NAME", "opens an index of your own examples"),
    ] {
        lines.push(Line::styled(format!("  {command}"), theme.key));
        lines.extend(wrapped(what, width, 4, theme.text));
    }
    lines.push(Line::raw(""));
    lines.extend(wrapped(
        &format!(
            "{} shows all keys and commands.",
            state.keymap.hint(Action::Help)
        ),
        width,
        0,
        theme.dim,
    ));
    lines
}
