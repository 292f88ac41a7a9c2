//! Nothing depends on colour alone: without colours the screen has the same text and the same things stand out.

use ratatui::style::{Color, Modifier};

use super::data;
use super::harness::Harness;
use crate::tui::state::{Event, Start};
use rounds_imaging::ColourDepth;

fn screen(depth: ColourDepth) -> Harness {
    let mut user = Harness::with_start(120, 40, depth, Start::default());
    user.model_opens();
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-3 p down x");
    user
}

/// The modifiers of the cell where `text` first occurs.
fn modifiers(user: &Harness, text: &str) -> Modifier {
    let buffer = user.terminal.backend().buffer();
    let row = user
        .screen()
        .lines()
        .position(|line| line.contains(text))
        .unwrap();
    let line = user.screen().lines().nth(row).unwrap().to_string();
    let column = line.chars().count() - line[line.find(text).unwrap()..].chars().count();
    buffer[(column as u16, row as u16)].modifier
}

#[test]
fn only_an_answer_that_may_be_sure_is_bold() {
    for depth in [ColourDepth::True, ColourDepth::None] {
        for (sure, bold) in [(None, true), (Some(true), true), (Some(false), false)] {
            let mut user = Harness::with_start(120, 40, depth, Start::default());
            user.model_opens();
            let turn = user.ask("What is seen?");
            user.retrieve(4);
            let mut answer = data::answer("Pneumothorax");
            answer.standing.sure = sure;
            let answer = Box::new(answer);
            user.event(Event::Answered { turn, answer });
            let found = modifiers(&user, "Pneumothorax");
            assert_eq!(found.contains(Modifier::BOLD), bold, "{sure:?}");
            match bold {
                true => user.does_not_see("not sure"),
                false => user.sees("not sure: Pneumothorax"),
            }
        }
    }
}

#[test]
fn without_colours_no_cell_is_coloured_and_the_text_is_the_same() {
    let with = screen(ColourDepth::True);
    let without = screen(ColourDepth::None);
    for cell in &without.terminal.backend().buffer().content {
        assert_eq!(
            (cell.fg, cell.bg),
            (Color::Reset, Color::Reset),
            "{:?}",
            cell.symbol()
        );
    }
    let words = |user: &Harness| {
        let plain: String = user
            .screen()
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect();
        plain
    };
    assert_eq!(words(&with), words(&without));
}

#[test]
fn sixteen_colour_mode_uses_only_sixteen_colours() {
    let user = screen(ColourDepth::Ansi16);
    for cell in &user.terminal.backend().buffer().content {
        for colour in [cell.fg, cell.bg] {
            assert!(
                !matches!(colour, Color::Rgb(..) | Color::Indexed(_)),
                "{colour:?}"
            );
        }
    }
}

#[test]
fn the_selected_row_stands_out_without_colours() {
    for depth in [ColourDepth::None, ColourDepth::Ansi16] {
        let user = screen(depth);
        assert!(
            modifiers(&user, "> 2. x-ray: Is there a nodule?").contains(Modifier::REVERSED),
            "{depth:?}"
        );
    }
}

#[test]
fn the_score_bar_of_the_selected_shot_is_seen_like_all_others() {
    for depth in [ColourDepth::None, ColourDepth::Ansi16, ColourDepth::True] {
        let user = screen(depth);
        let screen = user.screen();
        let bars = screen.lines().enumerate().filter_map(|(row, line)| {
            let column = line.chars().position(|letter| letter == '█')?;
            Some((column as u16, row as u16))
        });
        let buffer = user.terminal.backend().buffer();
        let styles: Vec<_> = bars
            .map(|(column, row)| {
                let full = &buffer[(column, row)];
                let beside = &buffer[(column - 1, row)];
                // A reversed neighbour would be as bright as the bar.
                assert!(!beside.modifier.contains(Modifier::REVERSED), "{depth:?}");
                (full.fg, full.bg, full.modifier)
            })
            .collect();
        assert_eq!(styles.len(), 4);
        assert!(styles.iter().all(|style| *style == styles[0]), "{depth:?}");
    }
}

#[test]
fn the_focus_is_marked_without_colour() {
    let user = screen(ColourDepth::None);
    user.sees("╔ Shots: 4 of 4, 1 pinned, 1 excluded");
    user.sees("┌ Conversation");
}

#[test]
fn every_theme_distinguishes_its_roles() {
    use crate::tui::ThemeChoice;
    use crate::tui::view::Theme;
    for depth in [ColourDepth::Ansi16, ColourDepth::Ansi256, ColourDepth::True] {
        for choice in [ThemeChoice::Dark, ThemeChoice::Light] {
            let theme = Theme::new(depth, choice);
            assert_ne!(theme.error, theme.text);
            assert_ne!(theme.accent, theme.answer);
            assert_ne!(theme.border, theme.border_focus);
        }
        assert_ne!(
            Theme::new(depth, ThemeChoice::Dark),
            Theme::new(depth, ThemeChoice::Light)
        );
    }
}
