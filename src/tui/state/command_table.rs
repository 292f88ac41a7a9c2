//! The table of slash commands with arguments and help, and parsing of typed lines.

use super::fuzzy;
use super::user_error::UserError;

/// The kind of a command's argument, for completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    None,
    /// Free text.
    Text,
    /// Path of a file or folder.
    Path,
    /// Path of an image.
    ImageFile,
    /// Path of a folder.
    Folder,
    Strategy,
    Order,
    ImageMode,
    Theme,
    Case,
}

impl Argument {
    /// Whether it is a path of some kind.
    pub fn is_path(self) -> bool {
        matches!(self, Self::Path | Self::ImageFile | Self::Folder)
    }
}

/// One command.
#[derive(Debug)]
pub struct CommandRow {
    pub name: &'static str,
    pub argument: Argument,
    /// Placeholder of the argument in the help.
    pub argument_hint: &'static str,
    pub help: &'static str,
    /// Has no use in line mode.
    pub full_screen_only: bool,
}

const fn row(
    name: &'static str,
    argument: Argument,
    argument_hint: &'static str,
    help: &'static str,
) -> CommandRow {
    CommandRow {
        name,
        argument,
        argument_hint,
        help,
        full_screen_only: false,
    }
}

impl CommandRow {
    /// Marks a command that has no use in line mode.
    const fn full_screen(mut self) -> Self {
        self.full_screen_only = true;
        self
    }
}

/// All commands.
#[rustfmt::skip]
pub const COMMANDS: &[CommandRow] = &[
    row("/attach", Argument::ImageFile, "[PATH]", "attach an image; without a path, choose one"),
    row("/paste", Argument::None, "", "attach the image on the clipboard"),
    row("/detach", Argument::Text, "[N|all]", "detach an image"),
    row("/patient", Argument::Text, "[ID|off]", "set the patient; their examples are never used"),
    row("/study", Argument::Text, "[ID|off]", "set the study; its examples are never used"),
    row("/cases", Argument::Case, "[NAME]", "attach a sample case"),
    row("/stop", Argument::None, "", "stop, keep the partial answer"),
    row("/shots", Argument::None, "", "list the shots of this answer"),
    row("/shot", Argument::Text, "[N]", "show a shot in full"),
    row("/without", Argument::Text, "[N]", "ask again without a shot"),
    row("/move", Argument::Text, "N M", "move shot N to place M, for the next question"),
    row("/k", Argument::Text, "N", "number of shots"),
    row("/strategy", Argument::Strategy, "NAME", "how shots are chosen"),
    row("/order", Argument::Order, "NAME", "order of the shots in the prompt"),
    row("/floor", Argument::Text, "NUMBER|off", "skip examples less similar than this"),
    row("/filter", Argument::Text, "NAME=VALUE ...|off", "which examples may be used as shots"),
    row("/pin", Argument::Text, "[N|ID|off]", "always use this shot or example"),
    row("/exclude", Argument::Text, "[N|ID|off]", "never use this shot or example"),
    row("/seed", Argument::Text, "N", "seed for sampling and random shots"),
    row("/temperature", Argument::Text, "NUMBER", "sampling temperature; 0 is greedy"),
    row("/model", Argument::Folder, "[PATH]", "open another model; without a path, the built-in one"),
    row("/index", Argument::Folder, "[PATH]", "open another index; without a path, the built-in one"),
    row("/import", Argument::Text, "INDEX FORMAT PATH", "import a data set into one of your indexes, in the background"),
    row("/warm", Argument::Text, "[go]", "cache image features of this index (shows the cost first)"),
    row("/prompt", Argument::None, "", "show the exact prompt of the selected answer"),
    row("/compare", Argument::Text, "[k=N|strategy=NAME|order=NAME]", "two answers side by side (by default with and without shots)"),
    row("/regenerate", Argument::None, "", "answer the selected question again"),
    row("/edit", Argument::Text, "[QUESTION]", "edit the selected question; the old version is kept"),
    row("/turns", Argument::Text, "[N]", "list all questions; with a number, select one"),
    row("/branches", Argument::Text, "[N]", "other versions of this question; a number switches"),
    row("/copy", Argument::None, "", "copy the selected answer").full_screen(),
    row("/new", Argument::None, "", "start a new session"),
    row("/sessions", Argument::None, "", "list sessions"),
    row("/search", Argument::Text, "WORDS", "find sessions with these words"),
    row("/open", Argument::Text, "ID", "open a session"),
    row("/rename", Argument::Text, "TITLE", "rename this session"),
    row("/delete", Argument::None, "", "delete this session"),
    row("/export", Argument::Path, "[PATH]", "export this session (.md, .html or .json)"),
    row("/status", Argument::None, "", "model, index, settings, memory"),
    row("/theme", Argument::Theme, "dark|light", "colours for a dark or light background").full_screen(),
    row("/images", Argument::ImageMode, "MODE", "how images are drawn").full_screen(),
    row("/help", Argument::None, "", "all keys and commands"),
    row("/quit", Argument::None, "", "quit"),
];

/// The commands that match the typed text, best first.
pub fn matching(typed: &str) -> Vec<&'static CommandRow> {
    fuzzy::sorted(typed.trim_start_matches('/'), COMMANDS, |row| row.name)
}

/// Parses a typed command into its row and its argument.
///
/// A prefix of a single command is enough. Fails if there is no such command.
pub fn parse(line: &str) -> Result<(&'static CommandRow, &str), UserError> {
    let (word, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let exact = COMMANDS.iter().find(|row| row.name == word);
    let mut starting = COMMANDS.iter().filter(|row| row.name.starts_with(word));
    let only = match (starting.next(), starting.next()) {
        (Some(row), None) => Some(row),
        _ => None,
    };
    exact
        .or(only)
        .map(|row| (row, argument.trim()))
        .ok_or_else(|| {
            let error = UserError::new(format!("there is no command {word}"));
            match matching(word).first() {
                Some(near) => error.hint(format!("did you mean {}? /help shows all", near.name)),
                None => {
                    error.hint("/help shows all commands; begin with a space to ask about a slash")
                }
            }
        })
}

/// The full name of the command in a line.
pub fn command_name(line: &str) -> Option<&'static str> {
    let command = is_command(line).then(|| parse(line).ok()).flatten();
    command.map(|(row, _)| row.name)
}

/// Whether a line is a command: a slash and a word that is not a path.
pub fn is_command(line: &str) -> bool {
    let word = line.split_whitespace().next().unwrap_or_default();
    let name = word.strip_prefix('/');
    line.starts_with('/')
        && name.is_some_and(|name| !name.is_empty() && name.chars().all(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_by_its_name_or_a_unique_prefix() {
        assert_eq!(parse("/attach a b.png").unwrap().1, "a b.png");
        assert_eq!(parse("/temp 0.5").unwrap().0.name, "/temperature");
        assert_eq!(parse("/k 3").unwrap().0.name, "/k");
    }

    #[test]
    fn an_unknown_command_suggests_the_nearest() {
        let error = parse("/atach x").unwrap_err();
        assert_eq!(error.message, "there is no command /atach");
        assert!(error.hint.unwrap().contains("/attach"));
    }

    #[test]
    fn a_path_is_not_a_command() {
        assert!(is_command("/help"));
        assert!(!is_command("/tmp/a.png"));
        assert!(!is_command("what is 1/2"));
        assert!(!is_command("/"));
    }
}
