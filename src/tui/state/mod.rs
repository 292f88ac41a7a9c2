//! The interface as a pure state machine: events in, effects out.
//!
//! Nothing here does input or output, waits, or reads a clock: time comes with events. What is drawn is a function of
//! this state (`view`), and work to do is returned to the driver as effects. Impossible states should not be
//! representable: a running answer is a value of [`Activity`], an open window a value of [`Overlay`].

mod activity;
mod answering;
mod attachments;
mod background_work;
mod branches;
mod case;
mod command_table;
mod completing;
mod completion;
mod composer;
mod conversation;
mod editor;
mod effect;
mod engine;
mod event;
mod export;
mod focus;
mod folder_listing;
mod fuzzy;
mod history;
mod hits;
mod image_keys;
mod image_pane;
mod library;
mod line_input;
mod list_keys;
mod listings;
mod machine;
mod main_keys;
mod mouse;
mod notice;
mod opening;
mod overlay;
mod overlay_keys;
mod page;
mod pages;
mod pane_letter;
mod pane_letters;
mod paths;
mod persistence;
mod pins;
mod problems;
mod regenerate;
mod run_command;
mod sample_cases;
mod scan_view;
mod selection;
mod session;
mod sessions;
mod settings;
mod shots;
mod values;
mod work_commands;

pub use activity::{Activity, Stage};
pub use background_work::Work;
pub use command_table::{COMMANDS, Command, command_of};
pub use conversation::{Finished, Reply, Turn, TurnId};
pub use editor::Editor;
pub use effect::Effect;
pub use event::{Entry, Event, Exported};
pub use focus::Focus;
pub use fuzzy::has_words;
pub use hits::Hits;
pub use library::LibraryNames;
pub use machine::{Start, State};
pub use overlay::{CASES_STEP, ExportDialog, Overlay, Picker, SessionList};
pub use page::Page;
pub use problems::{OpenedProblem, ProblemName};
pub use regenerate::{describe_shots, opposites, same_answer};
pub use sample_cases::SampleCase;
pub use values::value_name;
