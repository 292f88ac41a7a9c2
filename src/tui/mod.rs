//! The interactive interface, as a full screen and as a line mode.
//!
//! `state` is pure: events in, effects out. `effects` runs effects on workers and sends events back. `view` only draws
//! a state on the full screen, and `driver` joins them to `screen`, the terminal and loop of every full-screen mode;
//! `plain` prints a state line by line. The thread that owns the state never decodes, encodes, reads files or waits: a
//! new feature adds an event, an effect and a command, so that both modes have it. `rate` is another mode on `screen`.

pub mod backend;
pub(crate) mod detected;
mod driver;
pub(crate) mod effects;
mod first_run;
pub mod journal;
pub mod keys;
pub(crate) mod message;
mod options;
pub mod plain;
pub(crate) mod screen;
pub(crate) mod state;
pub(crate) mod terminal_image;
#[cfg(test)]
mod tests;
pub(crate) mod view;

pub use driver::{image_lines, run};
pub use journal::Journal;
pub use options::{Colours, Ended, ExitReason, ImageMode, Options, ThemeChoice};
pub use screen::{Capabilities, Look, capabilities};
