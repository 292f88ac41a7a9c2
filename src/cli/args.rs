//! Parses the command line, with the user's settings as defaults of the flags.

use clap::Parser;
use std::ffi::OsString;

use super::{AnswerArgs, Cli, Command, Failure, config};

/// Why the command line could not be parsed.
pub enum ArgsError {
    Usage(clap::Error),
    Settings(Failure),
}

/// Key bindings of the chat: action names to keys.
pub type KeyBindings = std::collections::BTreeMap<String, String>;

/// Parses the command line, with the user's settings as defaults.
pub fn parse() -> Result<(Cli, KeyBindings), ArgsError> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = parse_or_assume_chat(&mut arguments).map_err(ArgsError::Usage)?;
    if !cli.uses_settings() {
        return Ok((cli, KeyBindings::new()));
    }
    if cli.command.is_none() {
        arguments.push("chat".into());
    }
    let settings = config::load().map_err(ArgsError::Settings)?;
    let cli = settings.parse(arguments).map_err(ArgsError::Usage)?;
    Ok((cli, settings.keys))
}

/// Parses `arguments`. Flags without a command belong to the chat, which is then inserted into `arguments`.
fn parse_or_assume_chat(arguments: &mut Vec<OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(&*arguments).or_else(|error| {
        if error.kind() != clap::error::ErrorKind::UnknownArgument {
            return Err(error);
        }
        let mut with_chat = arguments.clone();
        with_chat.insert(1.min(with_chat.len()), "chat".into());
        let cli = Cli::try_parse_from(&with_chat).map_err(|_| error)?;
        *arguments = with_chat;
        Ok(cli)
    })
}

impl Cli {
    /// The answer flags; `None` for commands that do not answer questions.
    pub fn answer_args(self) -> Option<AnswerArgs> {
        match self.command {
            Some(Command::Ask(ask)) => Some(ask.answer_args),
            Some(Command::Script(answer_args) | Command::Chat { answer_args, .. }) => {
                Some(answer_args)
            }
            _ => None,
        }
    }

    /// Whether the user's settings apply to this command.
    fn uses_settings(&self) -> bool {
        use Command::{Ask, Chat, Script};
        matches!(self.command, None | Some(Ask(_) | Script(_) | Chat { .. }))
    }
}
