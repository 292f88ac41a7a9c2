//! `rounds`: few-shot medical image chat for the terminal. Education and research only, never diagnosis.

pub mod assistant;
pub mod cli;
pub mod eval;
#[cfg(feature = "hub")]
pub mod hub;
pub mod imaging;
pub mod index;
pub mod model;
pub mod phantom;
pub mod prompt;
pub mod retrieval;
pub mod script;
pub mod session;
pub mod shipped;
pub mod support;
pub mod train;
pub mod tui;
