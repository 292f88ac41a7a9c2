//! `rounds`: few-shot medical image chat for the terminal. Education and research only, never diagnosis.
//!
//! This package is the program itself: command line, chat and script mode. Everything that another program could reuse
//! lives in the library crates under `crates/`.

pub mod cli;
#[cfg(test)]
#[path = "../tests/common/fixtures.rs"]
mod fixtures;
mod given;
mod rate;
pub mod script;
mod study;
pub mod tui;
