//! Finds a command in the command line. The manual and the help both need it; keep it free of what any command is about.

use clap::Command;

/// The command with this path, such as `index search`.
pub fn find(cli: &Command, path: impl IntoIterator<Item = impl AsRef<str>>) -> Option<&Command> {
    path.into_iter()
        .try_fold(cli, |command, name| command.find_subcommand(name.as_ref()))
}
