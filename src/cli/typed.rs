//! What was typed, with the settings of the user where it leaves something out.

use clap::Parser;
use std::ffi::OsString;

use super::{Cli, Command, Common, Failure, config};

/// Why a command line means nothing.
pub enum Unread {
    Usage(clap::Error),
    Settings(Failure),
}

/// Action names of the interface to keys.
pub type Keys = std::collections::BTreeMap<String, String>;

/// What was typed, with the user's settings where it leaves something out.
pub fn read() -> Result<(Cli, Keys), Unread> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let cli = parse(&mut words).map_err(Unread::Usage)?;
    if !cli.answers() {
        return Ok((cli, Keys::new()));
    }
    if cli.command.is_none() {
        words.push("chat".into());
    }
    let settings = config::load().map_err(Unread::Settings)?;
    let cli = settings.parse(words).map_err(Unread::Usage)?;
    Ok((cli, settings.keys))
}

/// What `words` mean. Options without a command are those of the chat, which is put into the words then.
fn parse(words: &mut Vec<OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(&*words).or_else(|error| {
        if error.kind() != clap::error::ErrorKind::UnknownArgument {
            return Err(error);
        }
        let mut chat = words.clone();
        chat.insert(1.min(chat.len()), "chat".into());
        let cli = Cli::try_parse_from(&chat).map_err(|_| error)?;
        *words = chat;
        Ok(cli)
    })
}

impl Cli {
    /// What the command that answers was told; `None` of other commands.
    pub fn common(self) -> Option<Common> {
        match self.command {
            Some(Command::Ask(ask)) => Some(ask.common),
            Some(Command::Script(common) | Command::Chat { common, .. }) => Some(common),
            _ => None,
        }
    }

    /// Whether the settings of the user count.
    fn answers(&self) -> bool {
        use Command::{Ask, Chat, Script};
        matches!(self.command, None | Some(Ask(_) | Script(_) | Chat { .. }))
    }
}
