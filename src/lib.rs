//! `rounds`: few-shot medical image chat for the terminal. Education and research only, never diagnosis.
//!
//! This is the program: its command line, its chat and its script mode. What they stand on is in `crates/`; nothing that
//! another program could want to use belongs here.

pub mod cli;
pub mod script;
pub mod tui;
