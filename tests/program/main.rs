//! The program as its users meet it: as a process, at the end of a pipe and in a real terminal.

#[path = "../common/mod.rs"]
mod common;

mod answering;
mod answering_limits;
mod commands;
mod doctor;
#[cfg(unix)]
mod endings;
#[cfg(unix)]
mod evaluation;
mod images;
mod index;
mod logits;
mod medvint;
#[cfg(unix)]
mod plain;
mod prefix;
mod probing;
mod scans;
#[cfg(unix)]
mod screen;
mod sessions;
mod shipped;
mod study;
