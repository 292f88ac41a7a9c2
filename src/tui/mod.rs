//! The interface, with two faces: the full screen and the line mode.
//!
//! `state` is pure: events in, effects out. `hands` carry effects out on workers and send events back. `view` draws a
//! state on the full screen and nothing else, `driver` runs that; `plain` says a state line by line. The thread that owns
//! the state never decodes, encodes, reads files or waits; whoever adds a feature here adds an event and an effect, not a
//! call, and a command, so that both faces have it.

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
