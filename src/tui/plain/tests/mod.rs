//! Whole conversations in the line mode: typed input and printed output, with real image files, an in-memory session
//! store and a scripted model.

mod answers;
mod commands;
mod exit_status;
mod hostile;
mod lines;
mod random;
mod user;
