//! Whole conversations on the full screen: keys and events in, screens and effects out.

mod attaching;
mod branches;
mod chat;
mod colours;
mod command_lines;
mod commands;
pub mod data;
mod drawing;
mod fusions;
mod harness;
pub mod hostile;
mod overlays;
mod pane_letters;
mod persistence;
mod pins;
mod problems;
mod quitting;
pub mod random;
mod regenerate;
mod rejections;
mod scans;
mod screens;
mod session_list;
mod settings;
mod shots;
mod why;
mod work;
