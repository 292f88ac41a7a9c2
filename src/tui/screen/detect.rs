//! Detects what the terminal can do: at once from the environment, and a little later from its replies to a query.
//!
//! The query ends with a request that every terminal answers, so those that don't know the others cause no delay. Nothing
//! here may delay the first frame.

use std::env;

use crate::tui::detected::Detected;
use crate::tui::terminal_image::{ImageProtocol, Screen};
use crate::tui::{Colours, ImageMode};
use rounds_imaging::ColourDepth;

use super::terminal::tmux_passthrough;

/// Size of a cell in pixels, if unknown.
const DEFAULT_CELL: (u16, u16) = (10, 20);
/// Names of terminals to use iTerm2's protocol with; some support kitty's, but not the placeholders used here.
const ITERM2: [&str; 5] = ["iterm", "wezterm", "mintty", "vscode", "rio"];

fn env_var(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

impl Detected {
    /// From environment variables and the window size, without a query.
    pub fn from_environment() -> Self {
        let program =
            format!("{} {}", env_var("TERM_PROGRAM"), env_var("LC_TERMINAL")).to_lowercase();
        let tmux = !env_var("TMUX").is_empty() || env_var("TERM").starts_with("tmux");
        Self {
            protocol: if is_iterm2(&program) && !tmux {
                ImageProtocol::Iterm2
            } else {
                ImageProtocol::Cells
            },
            cell: cell_from_window().unwrap_or(DEFAULT_CELL),
            tmux,
            light: light_by_variable(&env_var("COLORFGBG")),
        }
    }

    /// Updates what is known from a reply.
    pub fn apply(&mut self, reply: &Reply) {
        match reply {
            Reply::Kitty { ok: true } if self.protocol != ImageProtocol::Iterm2 => {
                self.protocol = ImageProtocol::Kitty
            }
            Reply::Kitty { .. } => {}
            Reply::Attributes { sixel: true } if self.protocol == ImageProtocol::Cells => {
                self.protocol = ImageProtocol::Sixel
            }
            Reply::Attributes { .. } => {}
            Reply::Cell(width, height) if *width > 0 && *height > 0 => {
                self.cell = (*width, *height)
            }
            Reply::Cell(..) => {}
            Reply::Name(name) if is_iterm2(&name.to_lowercase()) => {
                self.protocol = ImageProtocol::Iterm2
            }
            Reply::Name(_) => {}
            Reply::Background(light) => self.light = Some(*light),
        }
    }
}

fn is_iterm2(name: &str) -> bool {
    ITERM2.iter().any(|known| name.contains(known))
}

/// `COLORFGBG` is `foreground;background`, as numbers of the 16 colours.
fn light_by_variable(value: &str) -> Option<bool> {
    let back = value.rsplit(';').next()?.parse::<u8>().ok()?;
    Some(matches!(back, 7 | 9..=15))
}

fn cell_from_window() -> Option<(u16, u16)> {
    let size = crossterm::terminal::window_size().ok()?;
    let width = size.width.checked_div(size.columns)?;
    let height = size.height.checked_div(size.rows)?;
    (width > 0 && height > 0).then_some((width, height))
}

/// The image protocol: the user's choice, or the detected one.
pub fn image_protocol(mode: ImageMode, detected: Option<&Detected>) -> ImageProtocol {
    match mode {
        ImageMode::Auto => detected.map_or(ImageProtocol::Cells, |d| d.protocol),
        ImageMode::Kitty => ImageProtocol::Kitty,
        ImageMode::Iterm2 => ImageProtocol::Iterm2,
        ImageMode::Sixel => ImageProtocol::Sixel,
        ImageMode::HalfBlocks => ImageProtocol::Cells,
        ImageMode::None => ImageProtocol::None,
    }
}

/// The screen that images are encoded for.
pub fn screen(protocol: ImageProtocol, detected: &Detected, depth: ColourDepth) -> Screen {
    Screen {
        protocol,
        cell: detected.cell,
        // tmux draws sixels itself if it reports support; other protocols must be passed through.
        tmux: detected.tmux && protocol != ImageProtocol::Sixel,
        depth,
    }
}

/// The number of colours: the user's choice, or from `NO_COLOR`, `COLORTERM` and `TERM`.
pub fn colour_depth(colours: Colours) -> ColourDepth {
    match colours {
        Colours::Auto => depth_of(
            &env_var("NO_COLOR"),
            &env_var("COLORTERM"),
            &env_var("TERM"),
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

/// Whether the terminal can be queried.
pub fn can_query() -> bool {
    use std::io::IsTerminal;
    cfg!(unix)
        && std::io::stdin().is_terminal()
        && std::io::stdout().is_terminal()
        && env_var("TERM") != "dumb"
}

/// The query: kitty's images, cell size, name, background colour, and last the attributes, which every terminal reports.
pub fn query(tmux: bool, background_colour: bool) -> String {
    let mut query = tmux_passthrough("\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\", tmux);
    query.push_str("\x1b[16t");
    query.push_str(&tmux_passthrough("\x1b[>0q", tmux));
    if background_colour {
        query.push_str("\x1b]11;?\x1b\\");
    }
    query.push_str("\x1b[c");
    query
}

/// A reply of the terminal.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Whether kitty's images are supported.
    Kitty {
        ok: bool,
    },
    /// The last reply.
    Attributes {
        sixel: bool,
    },
    /// Width and height of a cell in pixels.
    Cell(u16, u16),
    Name(String),
    /// Whether the background is light.
    Background(bool),
}

/// Parses a reply from its introducer (`[`, `]`, `P` or `_`) and its body, without the terminator.
pub fn reply(introducer: u8, body: &str) -> Option<Reply> {
    match introducer {
        b'_' => body.strip_prefix("Gi=31").map(|rest| Reply::Kitty {
            ok: rest.ends_with(";OK"),
        }),
        b'P' => body
            .strip_prefix(">|")
            .map(|name| Reply::Name(name.chars().take(80).collect())),
        b']' => background(body.strip_prefix("11;")?),
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

/// `rgb:RRRR/GGGG/BBBB`, with any number of digits.
fn background(body: &str) -> Option<Reply> {
    let parts: Vec<f64> = body
        .strip_prefix("rgb:")?
        .split('/')
        .map(|digits| {
            let value = u32::from_str_radix(digits, 16).ok()?;
            let max = 16_f64.powi(i32::try_from(digits.len()).ok()?) - 1.0;
            Some(f64::from(value) / max)
        })
        .collect::<Option<_>>()?;
    let [red, green, blue] = parts.as_slice() else {
        return None;
    };
    Some(Reply::Background(
        0.299 * red + 0.587 * green + 0.114 * blue > 0.5,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown() -> Detected {
        Detected {
            protocol: ImageProtocol::Cells,
            cell: DEFAULT_CELL,
            tmux: false,
            light: None,
        }
    }

    #[test]
    fn replies_of_terminals_are_parsed() {
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
            Some(Reply::Background(true))
        );
        assert_eq!(
            reply(b']', "11;rgb:1c/1c/1c"),
            Some(Reply::Background(false))
        );
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
    fn kitty_is_preferred_to_sixel_and_iterm2_is_detected_by_name() {
        let mut one = unknown();
        one.apply(&Reply::Attributes { sixel: true });
        assert_eq!(one.protocol, ImageProtocol::Sixel);
        one.apply(&Reply::Kitty { ok: true });
        assert_eq!(one.protocol, ImageProtocol::Kitty);
        one.apply(&Reply::Name("WezTerm 2024".into()));
        assert_eq!(one.protocol, ImageProtocol::Iterm2);
        one.apply(&Reply::Kitty { ok: true });
        assert_eq!(one.protocol, ImageProtocol::Iterm2);
    }

    #[test]
    fn the_users_choice_overrides_detection() {
        let found = Detected {
            protocol: ImageProtocol::Kitty,
            ..unknown()
        };
        assert_eq!(
            image_protocol(ImageMode::Auto, Some(&found)),
            ImageProtocol::Kitty
        );
        assert_eq!(image_protocol(ImageMode::Auto, None), ImageProtocol::Cells);
        assert_eq!(
            image_protocol(ImageMode::Sixel, Some(&found)),
            ImageProtocol::Sixel
        );
        assert_eq!(
            image_protocol(ImageMode::None, Some(&found)),
            ImageProtocol::None
        );
    }

    #[test]
    fn colours_are_detected_from_environment_variables() {
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
