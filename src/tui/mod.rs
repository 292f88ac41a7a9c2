//! The interactive interface, as a full screen and as a line mode.
//!
//! `state` is pure: events in, effects out. `effects` runs effects on workers and sends events back. `view` only draws
//! a state on the full screen, and `driver` runs that loop; `plain` prints a state line by line. The thread that owns
//! the state never decodes, encodes, reads files or waits: a new feature adds an event, an effect and a command, so
//! that both modes have it.

mod driver;
mod first_run;
mod hands;
pub mod house;
pub mod journal;
pub mod keys;
mod memory_journal;
mod message;
mod options;
mod picture;
pub mod plain;
mod state;
#[cfg(test)]
mod tests;
mod view;

pub use driver::{Abilities, abilities, run};
pub use journal::Journal;
pub use memory_journal::MemoryJournal;
pub use options::{Colours, ExitReason, ImageMode, Options, ThemeChoice};
pub use state::Trouble;
