//! The interactive interface, as a full screen and as a line mode.
//!
//! `state` is pure: events in, effects out. `effects` runs effects on workers and sends events back. `view` only draws
//! a state on the full screen, and `driver` runs that loop; `plain` prints a state line by line. The thread that owns
//! the state never decodes, encodes, reads files or waits: a new feature adds an event, an effect and a command, so
//! that both modes have it. `rate` is another screen on the same terminal, images, theme and text.

pub mod backend;
pub(crate) mod detected;
pub(crate) mod driver;
pub(crate) mod effects;
mod first_run;
pub mod journal;
pub mod keys;
pub(crate) mod message;
mod options;
pub mod plain;
pub(crate) mod state;
pub(crate) mod terminal_image;
#[cfg(test)]
mod tests;
pub(crate) mod view;

pub use driver::{Capabilities, capabilities, image_lines, run};
pub use journal::Journal;
pub use options::{Colours, Ended, ExitReason, ImageMode, Options, ThemeChoice};
