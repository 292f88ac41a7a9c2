//! What the terminal can do: from the environment at once, and from its own answers a little later.
//!
//! The questions end with one that every terminal answers, so a terminal that does not know the others costs no waiting.
//! Nothing here may delay the first frame.

use std::env;

use crate::tui::picture::{How, Screen};
use crate::tui::{Colours, ImageMode};
use rounds_imaging::ColourDepth;

use super::terminal::through;

/// What is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Detected {
    /// The best way to draw pictures that is known to work.
    pub how: How,
    /// Width and height of a cell in pixels.
    pub cell: (u16, u16),
    pub tmux: bool,
    /// Whether the ground is light, where the terminal told.
    pub light: Option<bool>,
}

/// Size of a cell where nobody knows.
const USUAL_CELL: (u16, u16) = (10, 20);
/// Names of terminals with iTerm2's pictures, and with kitty's but without the placeholders that are used here.
const ITERM2: [&str; 5] = ["iterm", "wezterm", "mintty", "vscode", "rio"];

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

impl Detected {
    /// From variables and the size of the window, without asking.
    pub fn from_environment() -> Self {
        let program =
            format!("{} {}", variable("TERM_PROGRAM"), variable("LC_TERMINAL")).to_lowercase();
        let tmux = !variable("TMUX").is_empty() || variable("TERM").starts_with("tmux");
        Self {
            how: if is_iterm2(&program) && !tmux {
                How::Iterm2
            } else {
                How::Cells
            },
            cell: cell_of_window().unwrap_or(USUAL_CELL),
            tmux,
            light: light_by_variable(&variable("COLORFGBG")),
        }
    }

    /// Takes one answer of the terminal: what stands between its introducer and its end.
    pub fn take(&mut self, reply: &Reply) {
        match reply {
            Reply::Kitty { ok: true } if self.how != How::Iterm2 => self.how = How::Kitty,
            Reply::Kitty { .. } => {}
            Reply::Attributes { sixel: true } if self.how == How::Cells => self.how = How::Sixel,
            Reply::Attributes { .. } => {}
            Reply::Cell(width, height) if *width > 0 && *height > 0 => {
                self.cell = (*width, *height)
            }
            Reply::Cell(..) => {}
            Reply::Name(name) if is_iterm2(&name.to_lowercase()) => self.how = How::Iterm2,
            Reply::Name(_) => {}
            Reply::Ground(light) => self.light = Some(*light),
        }
    }
}

fn is_iterm2(name: &str) -> bool {
    ITERM2.iter().any(|known| name.contains(known))
}

/// `COLORFGBG` is `front;back` with the 16 colours' numbers.
fn light_by_variable(value: &str) -> Option<bool> {
    let back = value.rsplit(';').next()?.parse::<u8>().ok()?;
    Some(matches!(back, 7 | 9..=15))
}

fn cell_of_window() -> Option<(u16, u16)> {
    let size = crossterm::terminal::window_size().ok()?;
    let width = size.width.checked_div(size.columns)?;
    let height = size.height.checked_div(size.rows)?;
    (width > 0 && height > 0).then_some((width, height))
}

/// How pictures are drawn: as the user says, or as was found out.
pub fn how(mode: ImageMode, detected: Option<&Detected>) -> How {
    match mode {
        ImageMode::Auto => detected.map_or(How::Cells, |d| d.how),
        ImageMode::Kitty => How::Kitty,
        ImageMode::Iterm2 => How::Iterm2,
        ImageMode::Sixel => How::Sixel,
        ImageMode::HalfBlocks => How::Cells,
        ImageMode::None => How::None,
    }
}

/// The screen that pictures are made for.
pub fn screen(how: How, detected: &Detected, depth: ColourDepth) -> Screen {
    Screen {
        how,
        cell: detected.cell,
        // tmux draws sixels itself where it says that it can; the others it has to hand on.
        tmux: detected.tmux && how != How::Sixel,
        depth,
    }
}

/// The number of colours: as the user says, or from `NO_COLOR`, `COLORTERM` and `TERM`.
pub fn depth(colours: Colours) -> ColourDepth {
    match colours {
        Colours::Auto => depth_of(
            &variable("NO_COLOR"),
            &variable("COLORTERM"),
            &variable("TERM"),
        ),
        Colours::None => ColourDepth::None,
        Colours::Ansi16 => ColourDepth::Ansi16,
        Colours::Ansi256 => ColourDepth::Ansi256,
        Colours::True => ColourDepth::True,
    }
}

fn depth_of(no_color: &str, colorterm: &str, term: &str) -> ColourDepth {
    let many = ["kitty", "ghostty", "direct", "alacritty", "wezterm", "foot"];
    if !no_color.is_empty() || term == "dumb" {
        ColourDepth::None
    } else if matches!(colorterm, "truecolor" | "24bit")
        || many.iter().any(|name| term.contains(name))
    {
        ColourDepth::True
    } else if term.contains("256") {
        ColourDepth::Ansi256
    } else {
        ColourDepth::Ansi16
    }
}

/// Whether there is somebody to ask.
pub fn can_ask() -> bool {
    use std::io::IsTerminal;
    cfg!(unix)
        && std::io::stdin().is_terminal()
        && std::io::stdout().is_terminal()
        && variable("TERM") != "dumb"
}

/// The questions: kitty's pictures, size of a cell, name, ground, and at the end what every terminal answers.
pub fn query(tmux: bool, ground: bool) -> String {
    let mut query = through("\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\", tmux);
    query.push_str("\x1b[16t");
    query.push_str(&through("\x1b[>0q", tmux));
    if ground {
        query.push_str("\x1b]11;?\x1b\\");
    }
    query.push_str("\x1b[c");
    query
}

/// An answer of the terminal.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Kitty {
        ok: bool,
    },
    /// The last one.
    Attributes {
        sixel: bool,
    },
    Cell(u16, u16),
    Name(String),
    /// Whether it is light.
    Ground(bool),
}

/// Reads an answer from its introducer (`[`, `]`, `P` or `_`) and what follows it, without its end.
pub fn reply(introducer: u8, body: &str) -> Option<Reply> {
    match introducer {
        b'_' => body.strip_prefix("Gi=31").map(|rest| Reply::Kitty {
            ok: rest.ends_with(";OK"),
        }),
        b'P' => body
            .strip_prefix(">|")
            .map(|name| Reply::Name(name.chars().take(80).collect())),
        b']' => ground(body.strip_prefix("11;")?),
        _ => control(body),
    }
}

fn control(body: &str) -> Option<Reply> {
    if let Some(attributes) = body.strip_prefix('?').and_then(|b| b.strip_suffix('c')) {
        return Some(Reply::Attributes {
            sixel: attributes.split(';').skip(1).any(|number| number == "4"),
        });
    }
    let mut numbers = body
        .strip_prefix("6;")?
        .strip_suffix('t')?
        .split(';')
        .map(str::parse::<u16>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(height)), Some(Ok(width))) => Some(Reply::Cell(width, height)),
        _ => None,
    }
}

/// `rgb:RRRR/GGGG/BBBB`, of any number of digits.
fn ground(body: &str) -> Option<Reply> {
    let parts: Vec<f64> = body
        .strip_prefix("rgb:")?
        .split('/')
        .map(|digits| {
            let value = u32::from_str_radix(digits, 16).ok()?;
            let most = 16_f64.powi(i32::try_from(digits.len()).ok()?) - 1.0;
            Some(f64::from(value) / most)
        })
        .collect::<Option<_>>()?;
    let [red, green, blue] = parts.as_slice() else {
        return None;
    };
    Some(Reply::Ground(
        0.299 * red + 0.587 * green + 0.114 * blue > 0.5,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Detected {
        Detected {
            how: How::Cells,
            cell: USUAL_CELL,
            tmux: false,
            light: None,
        }
    }

    #[test]
    fn answers_of_terminals_are_understood() {
        assert_eq!(reply(b'_', "Gi=31;OK"), Some(Reply::Kitty { ok: true }));
        assert_eq!(
            reply(b'_', "Gi=31;ENOTSUP"),
            Some(Reply::Kitty { ok: false })
        );
        assert_eq!(
            reply(b'[', "?62;4;22c"),
            Some(Reply::Attributes { sixel: true })
        );
        assert_eq!(
            reply(b'[', "?64;1;2c"),
            Some(Reply::Attributes { sixel: false })
        );
        assert_eq!(reply(b'[', "6;18;9t"), Some(Reply::Cell(9, 18)));
        assert_eq!(
            reply(b'P', ">|WezTerm 2024"),
            Some(Reply::Name("WezTerm 2024".into()))
        );
        assert_eq!(
            reply(b']', "11;rgb:ffff/ffff/f0f0"),
            Some(Reply::Ground(true))
        );
        assert_eq!(reply(b']', "11;rgb:1c/1c/1c"), Some(Reply::Ground(false)));
        for wrong in [
            "",
            "6;x;yt",
            "11;rgb:/",
            "11;rgb:zz/00/00",
            "?",
            "99999999999999;1t",
        ] {
            for introducer in *b"[]P_" {
                assert_eq!(reply(introducer, wrong), None, "{wrong}");
            }
        }
    }

    #[test]
    fn kitty_is_better_than_sixel_and_iterm2_goes_by_name() {
        let mut one = nothing();
        one.take(&Reply::Attributes { sixel: true });
        assert_eq!(one.how, How::Sixel);
        one.take(&Reply::Kitty { ok: true });
        assert_eq!(one.how, How::Kitty);
        one.take(&Reply::Name("WezTerm 2024".into()));
        assert_eq!(one.how, How::Iterm2);
        one.take(&Reply::Kitty { ok: true });
        assert_eq!(one.how, How::Iterm2);
    }

    #[test]
    fn what_the_user_says_goes_before_what_was_found() {
        let found = Detected {
            how: How::Kitty,
            ..nothing()
        };
        assert_eq!(how(ImageMode::Auto, Some(&found)), How::Kitty);
        assert_eq!(how(ImageMode::Auto, None), How::Cells);
        assert_eq!(how(ImageMode::Sixel, Some(&found)), How::Sixel);
        assert_eq!(how(ImageMode::None, Some(&found)), How::None);
    }

    #[test]
    fn colours_come_from_the_usual_variables() {
        assert_eq!(
            depth_of("1", "truecolor", "xterm-256color"),
            ColourDepth::None
        );
        assert_eq!(depth_of("", "truecolor", "xterm"), ColourDepth::True);
        assert_eq!(depth_of("", "", "screen-256color"), ColourDepth::Ansi256);
        assert_eq!(depth_of("", "", "linux"), ColourDepth::Ansi16);
        assert_eq!(light_by_variable("0;15"), Some(true));
        assert_eq!(light_by_variable("15;0"), Some(false));
        assert_eq!(light_by_variable("nonsense"), None);
    }
}
