//! Blinded rating on the full screen: image, question, reference answer and the anonymous answers of several systems.
//!
//! As in the chat, `state` is pure (events in, effects out), `view` draws a state and nothing else, and `driver` joins
//! both to `tui::screen`; a worker saves each rating at once. The files and what they mean are `rounds_eval::rating`'s.
//! Nothing here may learn which system an answer comes from.

mod driver;
mod state;
#[cfg(test)]
mod tests;
mod view;
mod writer;

pub use driver::run;
