//! The table of slash commands with arguments and help, and parsing of typed lines.

use std::sync::LazyLock;

use rounds_assistant::{SETTINGS, Setting};
use rounds_support::Failure;

use super::fuzzy;

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
    /// Name of an index, or the path of one.
    Index,
    /// Name of a model, or the path of one.
    Model,
    /// An index, a data set format and a path.
    Import,
    /// Conditions on tags.
    Filter,
    /// The value of a setting.
    Setting(&'static Setting),
    ImageMode,
    Theme,
    Case,
    /// Id of a problem that ships, or a file and an id.
    Problem,
}

impl Argument {
    /// Whether the values can be listed, so that the command alone offers them.
    pub fn has_list(self) -> bool {
        match self {
            Self::Index | Self::Model | Self::ImageMode | Self::Theme => true,
            Self::Setting(setting) => !setting.names().is_empty(),
            Self::None
            | Self::Text
            | Self::Path
            | Self::ImageFile
            | Self::Import
            | Self::Filter
            | Self::Case
            | Self::Problem => false,
        }
    }
}

/// One command.
#[derive(Clone, Debug)]
pub struct CommandRow {
    pub command: Command,
    pub name: &'static str,
    pub argument: Argument,
    /// Placeholder of the argument in the help.
    pub argument_hint: &'static str,
    pub help: &'static str,
    /// Has no use in line mode.
    pub full_screen_only: bool,
}

macro_rules! full_screen_only {
    (both) => {
        false
    };
    (full) => {
        true
    };
}

macro_rules! commands {
    ($($command:ident $name:literal $argument:ident $hint:literal $screen:ident $help:literal;)*) => {
        /// A slash command. A new one needs a row here, and the compiler shows where it has to be handled.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Command {
            /// Changes a setting.
            Set(&'static Setting),
            $($command),*
        }

        /// The commands that do not change a setting.
        const ROWS: &[CommandRow] = &[
            $(CommandRow {
                command: Command::$command,
                name: $name,
                argument: Argument::$argument,
                argument_hint: $hint,
                help: $help,
                full_screen_only: full_screen_only!($screen),
            }),*
        ];
    };
}

commands! {
    Attach "/attach" ImageFile "[PATH ...]" both "attach images; without a path, choose one";
    Paste "/paste" None "" both "attach the image on the clipboard";
    Detach "/detach" Text "[N|all]" both "detach an image";
    View "/view" Text "[KEY=VALUE ...]" both "what is seen of an attached scan: window=lung plane=coronal slice=40";
    Measure "/measure" Text "[X,Y [X,Y]|off]" both "the value at a pixel of the image, or the distance between two";
    Patient "/patient" Text "[ID|off]" both "set the patient; their examples are never used";
    Study "/study" Text "[ID|off]" both "open study mode; with an ID, set the study";
    Cases "/cases" Case "[N|NAME]" both "attach a sample case";
    Problem "/problem" Problem "[ID|answer|off]" both "study a problem: vignette, values, question";
    Stop "/stop" None "" both "stop, keep the partial answer";
    Shots "/shots" None "" both "list the shots of this answer";
    Shot "/shot" Text "[N]" both "show a shot in full";
    Without "/without" Text "[N]" both "ask again without a shot";
    Why "/why" None "" both "why this answer: what each shot did to its likelihood";
    Move "/move" Text "N M" both "move shot N to place M, for the next question";
    Pin "/pin" Text "[N|ID|off]" both "always use this shot or example";
    Exclude "/exclude" Text "[N|ID|off]" both "never use this shot or example";
    Model "/model" Model "[NAME|PATH]" both "open another model; without a name, list them";
    Index "/index" Index "[NAME|PATH]" both "open another index; without a name, list them";
    Import "/import" Import "INDEX FORMAT PATH" both "import a data set into one of your indexes, in the background";
    Warm "/warm" Text "[go]" both "cache image features of this index (shows the cost first)";
    Prompt "/prompt" None "" both "show the exact prompt of the selected answer";
    Compare "/compare" Text "[SETTING=VALUE ...]" both "two answers side by side (by default with and without shots)";
    Regenerate "/regenerate" None "" both "answer the selected question again";
    Edit "/edit" Text "[QUESTION]" both "edit the selected question; the old version is kept";
    Turns "/turns" Text "[N]" both "list all questions; with a number, select one";
    Branches "/branches" Text "[N]" both "other versions of this question; a number switches";
    Copy "/copy" None "" full "copy the selected answer";
    New "/new" None "" both "start a new session";
    Sessions "/sessions" None "" both "list sessions";
    Search "/search" Text "WORDS" both "find sessions with these words";
    Open "/open" Text "ID" both "open a session";
    Rename "/rename" Text "TITLE" both "rename this session";
    Delete "/delete" None "" both "delete this session";
    Export "/export" Path "[PATH]" both "export this session (.md, .html or .json)";
    Status "/status" None "" both "model, index, settings, memory";
    Theme "/theme" Theme "dark|light" full "colours for a dark or light background";
    Images "/images" ImageMode "MODE" full "how images are drawn";
    Help "/help" Text "[WORD]" both "all keys and commands, or those with a word";
    Quit "/quit" None "" both "quit";
}

/// All commands; those of settings, which the assistant lists, stand before the pins.
pub static COMMANDS: LazyLock<Vec<CommandRow>> = LazyLock::new(|| {
    let pins = ROWS.iter().position(|row| row.command == Command::Pin);
    let (before, after) = ROWS.split_at(pins.unwrap_or(ROWS.len()));
    let settings = SETTINGS.iter().filter_map(setting_row);
    [before, &settings.collect::<Vec<_>>(), after].concat()
});

/// The row of a setting's command, if it has one.
fn setting_row(setting: &'static Setting) -> Option<CommandRow> {
    Some(CommandRow {
        command: Command::Set(setting),
        name: setting.command?,
        argument: match setting.name {
            "filter" => Argument::Filter,
            _ => Argument::Setting(setting),
        },
        argument_hint: setting.arguments,
        help: setting.help,
        full_screen_only: false,
    })
}

impl Command {
    /// Its row in the table.
    pub fn row(self) -> &'static CommandRow {
        let row = COMMANDS.iter().find(|row| row.command == self);
        // A test checks that every command has one.
        row.unwrap_or(&COMMANDS[0])
    }
}

/// The commands that match the typed text, best first.
pub fn matching(typed: &str) -> Vec<&'static CommandRow> {
    fuzzy::sorted(typed.trim_start_matches('/'), &COMMANDS, |row| row.name)
}

/// Parses a typed command into its row and its argument.
///
/// A prefix of a single command is enough. Fails if there is no such command.
pub fn parse(line: &str) -> Result<(&'static CommandRow, &str), Failure> {
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
            let error = Failure::usage(format!("there is no command {word}"));
            match matching(word).first() {
                Some(near) => error.hint(format!("did you mean {}? /help shows all", near.name)),
                None => {
                    error.hint("/help shows all commands; begin with a space to ask about a slash")
                }
            }
        })
}

/// The command in a line.
pub fn command_of(line: &str) -> Option<Command> {
    let parsed = is_command(line).then(|| parse(line).ok()).flatten();
    parsed.map(|(row, _)| row.command)
}

/// Whether a line is a command: a slash and a word that is not a path.
pub fn is_command(line: &str) -> bool {
    let word = line.split_whitespace().next().unwrap_or_default();
    let name = word.strip_prefix('/');
    line.starts_with('/')
        && name.is_some_and(|name| {
            let is_letter = |c: char| c.is_alphanumeric() || c == '-';
            !name.is_empty() && name.chars().all(is_letter)
        })
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
    fn every_command_knows_its_row() {
        for row in COMMANDS.iter() {
            assert_eq!(row.command.row().name, row.name);
        }
    }

    #[test]
    fn a_path_is_not_a_command() {
        assert!(is_command("/help"));
        assert!(!is_command("/tmp/a.png"));
        assert!(!is_command("what is 1/2"));
        assert!(!is_command("/"));
    }
}
