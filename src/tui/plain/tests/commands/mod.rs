//! Every command at least once.

mod branches;
mod images;
mod sessions;
mod settings;
mod shots;
mod work;

use super::user::{User, assert_contains};
use crate::tui::state::COMMANDS;

/// A user with one answered question about a case.
fn answered() -> User {
    let mut user = User::new();
    user.line("/cases chest-nodule");
    user.exchange("Is there a nodule?", "yes");
    user.effects();
    user
}

#[test]
fn full_screen_commands_say_that_they_do_nothing_here() {
    let mut user = answered();
    for command in ["/images none", "/theme light", "/copy"] {
        let name = command.split(' ').next().unwrap();
        assert_contains(
            &user.output_of(command),
            &format!("{name} works only in the full-screen interface"),
        );
    }
}

#[test]
fn help_lists_every_command() {
    let mut user = User::new();
    let output = user.output_of("/help");
    for row in COMMANDS.iter() {
        assert_contains(&output, row.name);
    }
}

/// A command added to the table must be tested here too.
#[test]
fn every_command_of_the_table_is_tested_in_these_files() {
    let tests = [
        include_str!("mod.rs"),
        include_str!("branches.rs"),
        include_str!("images.rs"),
        include_str!("sessions.rs"),
        include_str!("settings.rs"),
        include_str!("shots.rs"),
        include_str!("work.rs"),
    ]
    .concat();
    let tested = |name: &str| {
        let quoted = [format!("\"{name} "), format!("\"{name}\"")];
        quoted.iter().any(|text| tests.contains(text))
    };
    let elsewhere = ["/quit"];
    for row in COMMANDS.iter() {
        assert!(
            tested(row.name) || elsewhere.contains(&row.name),
            "{}",
            row.name
        );
    }
}
