//! What is known about the terminal.

use super::terminal_image::ImageProtocol;

/// What is known about the terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct Detected {
    /// The best image protocol known to work.
    pub protocol: ImageProtocol,
    /// Width and height of a cell in pixels.
    pub cell: (u16, u16),
    /// Whether it runs inside tmux.
    pub tmux: bool,
    /// Whether the background is light, if known.
    pub light: Option<bool>,
}
