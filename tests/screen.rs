//! The full-screen chat as people meet it: the real program in a real terminal, which tmux is.
//!
//! Without tmux each test says that it is skipped; where `CI` is set it fails instead.
#![cfg(unix)]

#[path = "screen/asking.rs"]
mod asking;
#[path = "screen/beginning.rs"]
mod beginning;
#[path = "screen/endings.rs"]
mod endings;
#[path = "screen/keeping.rs"]
mod keeping;
#[path = "screen/look.rs"]
mod look;
#[path = "screen/middle.rs"]
mod middle;
#[path = "screen/pane.rs"]
mod pane;
