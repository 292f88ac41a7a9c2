//! The program as its users meet it: as a process, at the end of a pipe and in a real terminal.

#[path = "../common/mod.rs"]
mod common;

mod answering;
mod commands;
mod doctor;
#[cfg(unix)]
mod endings;
mod images;
mod index;
mod medvint;
#[cfg(unix)]
mod plain;
mod prefix;
mod probing;
#[cfg(unix)]
mod screen;
mod sessions;
mod shipped;
