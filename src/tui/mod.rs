//! The full-screen interface.
//!
//! `state` is pure: events in, effects out. `view` draws a state and nothing else. `driver` carries effects out on
//! workers and feeds events back. The thread that draws never decodes, encodes, reads files or waits; whoever adds a
//! feature here adds an event and an effect, not a call.

mod driver;
pub mod house;
pub mod journal;
pub mod keys;
mod memory_journal;
mod options;
mod picture;
mod state;
#[cfg(test)]
mod tests;
mod view;

pub use driver::run;
pub use journal::Journal;
pub use memory_journal::MemoryJournal;
pub use options::{Colours, ExitReason, ImageMode, Options, ThemeChoice};
