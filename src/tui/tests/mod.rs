//! Whole screens and whole conversations: keys and events in, what the user sees and what is done out.

mod again;
mod attaching;
mod branches;
mod chat;
mod colours;
mod commands;
pub mod data;
mod harness;
pub mod hostile;
mod keeping;
mod leaving;
mod listed;
mod overlays;
pub mod random;
mod refused;
mod screens;
mod shots;
mod work;
