//! The interactive interface, as a full screen and as a line mode.
//!
//! `state` is pure: events in, effects out. `effects` runs effects on workers and sends events back. `view` only draws
//! a state on the full screen, and `driver` runs that loop; `plain` prints a state line by line. The thread that owns
//! the state never decodes, encodes, reads files or waits: a new feature adds an event, an effect and a command, so
//! that both modes have it.

pub mod backend;
mod detected;
mod driver;
mod effects;
mod first_run;
pub mod journal;
pub mod keys;
mod message;
mod options;
pub mod plain;
mod state;
mod terminal_image;
#[cfg(test)]
mod tests;
mod view;

pub use driver::{Capabilities, capabilities, image_lines, run};
pub use journal::Journal;
pub use options::{Colours, Ended, ExitReason, ImageMode, Options, ThemeChoice};
