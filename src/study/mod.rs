//! Study mode: cases as cards that come back when they should, on the full screen or line by line.
//!
//! As in the chat, `state` is pure (events in, effects out), `view` draws a state and nothing else, and `driver` joins both
//! to `tui::screen`. `desk` reads and writes the store on a `worker`; `tutor` asks the model and the index on threads of its
//! own. Cards, schedules and grades are `rounds_study`'s. Whatever the model says is shown as a guess, and nothing waits
//! for it.

mod answers;
mod decks;
mod desk;
mod driver;
mod exchanged;
mod figures;
mod history;
mod in_chat;
mod lines;
mod lookup;
mod model;
mod pair;
mod pictures;
mod report;
mod state;
#[cfg(test)]
mod tests;
mod tutor;
mod view;
mod words;
mod worker;

pub use decks::{Source, find, folder, refresh};
pub use desk::{Desk, Plan, bytes as image_bytes, change_in_words, now, own_deck};
pub use driver::{Start, Study, run};
pub use history::{for_elsewhere, from_elsewhere, standing_elsewhere};
pub use in_chat::over_chat;
pub use lines::{graded_in_words, study_lines};
pub use model::CardModel;
pub use report::page;
pub use state::Event;
pub use tutor::Sources;
