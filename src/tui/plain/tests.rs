//! Whole conversations in lines: what is typed in, what is written out. Files and the session store are the real ones, the
//! model is played.

mod answers;
mod commands;
mod hostile;
mod lines;
mod random;
mod exit_status;
mod user;
