//! Styles by role, for every colour depth and for dark and light backgrounds. The background itself is never painted.
//!
//! Nothing is conveyed by colour alone: wherever one is used, there is also a word, a sign or a text modifier.

use ratatui::style::{Color, Modifier, Style};

use crate::tui::ThemeChoice;
use rounds_imaging::ColourDepth;

/// Styles by role.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// Less important text.
    pub dim: Style,
    /// Emphasised text.
    pub strong: Style,
    /// Titles of panes and windows.
    pub title: Style,
    /// Questions, and what has the focus.
    pub accent: Style,
    /// The heading of an answer.
    pub answer: Style,
    /// Keys and commands.
    pub key: Style,
    /// Warnings and hints.
    pub warning: Style,
    /// Errors.
    pub error: Style,
    /// Good news.
    pub good: Style,
    /// The selected row.
    pub chosen: Style,
    /// Frame of a pane.
    pub border: Style,
    /// Frame of the focused pane.
    pub border_focus: Style,
    /// Score bars.
    pub bar: Style,
}

struct Colours {
    dim: Color,
    accent: Color,
    answer: Color,
    warning: Color,
    error: Color,
    good: Color,
    border: Color,
    chosen: Option<Color>,
}

impl Theme {
    /// The theme for a colour depth and a background; `Auto` is dark.
    pub fn new(depth: ColourDepth, choice: ThemeChoice) -> Self {
        let light = choice == ThemeChoice::Light;
        match (depth, light) {
            (ColourDepth::None, _) => Self::plain(),
            (ColourDepth::Ansi16, false) => Self::coloured(&Colours {
                dim: Color::Gray,
                accent: Color::Cyan,
                answer: Color::Green,
                warning: Color::Yellow,
                error: Color::LightRed,
                good: Color::Green,
                border: Color::Gray,
                chosen: None,
            }),
            (ColourDepth::Ansi16, true) => Self::coloured(&Colours {
                dim: Color::DarkGray,
                accent: Color::Blue,
                answer: Color::Magenta,
                warning: Color::Red,
                error: Color::Red,
                good: Color::Blue,
                border: Color::DarkGray,
                chosen: None,
            }),
            (ColourDepth::Ansi256, false) => Self::coloured(&Colours {
                dim: Color::Indexed(247),
                accent: Color::Indexed(81),
                answer: Color::Indexed(114),
                warning: Color::Indexed(221),
                error: Color::Indexed(210),
                good: Color::Indexed(114),
                border: Color::Indexed(243),
                chosen: Some(Color::Indexed(237)),
            }),
            (ColourDepth::Ansi256, true) => Self::coloured(&Colours {
                dim: Color::Indexed(241),
                accent: Color::Indexed(25),
                answer: Color::Indexed(22),
                warning: Color::Indexed(130),
                error: Color::Indexed(124),
                good: Color::Indexed(22),
                border: Color::Indexed(246),
                chosen: Some(Color::Indexed(254)),
            }),
            (ColourDepth::True, false) => Self::coloured(&Colours {
                dim: Color::Rgb(158, 164, 174),
                accent: Color::Rgb(108, 196, 236),
                answer: Color::Rgb(140, 210, 150),
                warning: Color::Rgb(236, 200, 110),
                error: Color::Rgb(244, 140, 140),
                good: Color::Rgb(140, 210, 150),
                border: Color::Rgb(110, 118, 130),
                chosen: Some(Color::Rgb(48, 54, 64)),
            }),
            (ColourDepth::True, true) => Self::coloured(&Colours {
                dim: Color::Rgb(92, 98, 108),
                accent: Color::Rgb(0, 92, 158),
                answer: Color::Rgb(20, 104, 44),
                warning: Color::Rgb(146, 88, 0),
                error: Color::Rgb(176, 24, 32),
                good: Color::Rgb(20, 104, 44),
                border: Color::Rgb(150, 156, 166),
                chosen: Some(Color::Rgb(226, 232, 240)),
            }),
        }
    }

    fn coloured(colours: &Colours) -> Self {
        let front = |colour: Color| Style::new().fg(colour);
        let bold = Modifier::BOLD;
        let chosen = match colours.chosen {
            Some(back) => Style::new().bg(back).add_modifier(bold),
            None => Style::new().add_modifier(Modifier::REVERSED),
        };
        Self {
            text: Style::new(),
            dim: front(colours.dim),
            strong: Style::new().add_modifier(bold),
            // Not the colour of the surrounding frame.
            title: front(Color::Reset).add_modifier(bold),
            accent: front(colours.accent).add_modifier(bold),
            answer: front(colours.answer).add_modifier(bold),
            key: front(colours.accent),
            warning: front(colours.warning),
            error: front(colours.error).add_modifier(bold),
            good: front(colours.good),
            chosen,
            border: front(colours.border),
            border_focus: front(colours.accent).add_modifier(bold),
            bar: front(colours.accent),
        }
    }

    /// Modifiers only.
    fn plain() -> Self {
        let with = |modifier: Modifier| Style::new().add_modifier(modifier);
        Self {
            text: Style::new(),
            dim: Style::new(),
            strong: with(Modifier::BOLD),
            title: with(Modifier::BOLD),
            accent: with(Modifier::BOLD),
            answer: with(Modifier::BOLD),
            key: with(Modifier::UNDERLINED),
            warning: with(Modifier::BOLD),
            error: with(Modifier::BOLD),
            good: Style::new(),
            chosen: with(Modifier::REVERSED),
            border: Style::new(),
            border_focus: with(Modifier::BOLD),
            bar: Style::new(),
        }
    }
}
