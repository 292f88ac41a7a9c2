//! The full-screen chat as people meet it: the real program in a real terminal, which tmux is.
//!
//! Without tmux each test says that it is skipped; where `CI` is set it fails instead.

mod asking;
mod beginning;
mod endings;
mod keeping;
mod look;
mod middle;
mod pane;
mod rating;
mod studying;
