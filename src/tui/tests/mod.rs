//! Whole conversations on the full screen: keys and events in, screens and effects out.

mod attaching;
mod branches;
mod chat;
mod colours;
mod commands;
pub mod data;
mod harness;
pub mod hostile;
mod overlays;
mod persistence;
mod quitting;
pub mod random;
mod regenerate;
mod rejections;
mod screens;
mod session_list;
mod shots;
mod work;
