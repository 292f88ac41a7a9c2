//! Parses the command line, with the user's settings as defaults of the flags.

use clap::FromArgMatches;
use clap::error::ErrorKind;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;

use super::command_line::{Cli, Command, command};
use super::config;
use crate::tui::keys::KeyBindings;
use rounds_support::Failure;

/// Why the command line could not be parsed.
pub enum ArgsError {
    Usage(clap::Error),
    Settings(Failure),
}

/// Endings of files that are taken for images where a command is expected, whether or not they exist.
const IMAGE_ENDINGS: [&str; 9] = [
    "png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif", "dcm",
];

/// Parses the command line, with the user's settings as defaults.
pub fn parse() -> Result<(Cli, KeyBindings), ArgsError> {
    let has_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let mut arguments = expand(std::env::args_os().collect(), has_terminal);
    let cli = parse_or_assume_chat(&mut arguments).map_err(ArgsError::Usage)?;
    if !cli.uses_settings() {
        return Ok((cli, KeyBindings::new()));
    }
    if cli.command.is_none() {
        arguments.push("chat".into());
    }
    let settings = config::load().map_err(ArgsError::Settings)?;
    let cli = parse_with(settings.apply(command()), &arguments).map_err(ArgsError::Usage)?;
    Ok((cli, settings.keys))
}

fn parse_with(command: clap::Command, arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut matches = command.try_get_matches_from(arguments)?;
    Cli::from_arg_matches_mut(&mut matches)
}

/// Parses `arguments`. Flags without a command belong to the chat, which is then inserted into `arguments`.
fn parse_or_assume_chat(arguments: &mut Vec<OsString>) -> Result<Cli, clap::Error> {
    parse_with(command(), arguments).or_else(|error| {
        if error.kind() != ErrorKind::UnknownArgument {
            return Err(error);
        }
        let mut with_chat = arguments.clone();
        with_chat.insert(1.min(with_chat.len()), "chat".into());
        let cli = parse_with(command(), &with_chat).map_err(|_| error)?;
        *arguments = with_chat;
        Ok(cli)
    })
}

/// Writes out the short form `rounds IMAGE... [QUESTION]`: the chat with these images or, with a question and no
/// terminal, one answer. Anything else is returned as it is.
fn expand(arguments: Vec<OsString>, has_terminal: bool) -> Vec<OsString> {
    let images = arguments.iter().skip(1).take_while(|a| is_image(a)).count();
    let is_command = |name: &OsString| {
        let name = name.to_string_lossy();
        name == "help" || command().find_subcommand(&*name).is_some()
    };
    if images == 0 || arguments.get(1).is_some_and(is_command) {
        return arguments;
    }
    let with = |name: &str| {
        let program = arguments.iter().take(1).cloned();
        let attached = arguments.iter().skip(1).take(images);
        let attached = attached.flat_map(|image| ["--image".into(), image.clone()]);
        let rest = arguments.iter().skip(1 + images).cloned();
        let name = std::iter::once(OsString::from(name));
        program
            .chain(name)
            .chain(attached)
            .chain(rest)
            .collect::<Vec<_>>()
    };
    let chat = with("chat");
    let parsed = parse_with(command(), &chat)
        .ok()
        .and_then(|cli| cli.command);
    match parsed {
        Some(Command::Chat { chat_args, .. }) if chat_args.has_question() && !has_terminal => {
            with("ask")
        }
        _ => chat,
    }
}

/// Whether an argument is a file, or has the ending of an image.
fn is_image(argument: &OsString) -> bool {
    let path = Path::new(argument);
    let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
    !argument.to_string_lossy().starts_with('-')
        && (path.is_file() || ending.is_some_and(|e| IMAGE_ENDINGS.iter().any(|known| e == *known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(arguments: &[&str], has_terminal: bool) -> String {
        let arguments = ["rounds"].iter().chain(arguments);
        let expanded = expand(arguments.map(OsString::from).collect(), has_terminal);
        let texts: Vec<_> = expanded.iter().map(|a| a.to_string_lossy()).collect();
        texts.get(1..).unwrap_or_default().join(" ")
    }

    #[test]
    fn an_image_in_place_of_a_command_opens_the_chat_with_it() {
        assert_eq!(expanded(&["a.png"], true), "chat --image a.png");
        assert_eq!(expanded(&["a.png"], false), "chat --image a.png");
        assert_eq!(
            expanded(&["a.PNG", "b.jpeg", "--shots", "2"], true),
            "chat --image a.PNG --image b.jpeg --shots 2"
        );
        assert_eq!(
            expanded(&["a.png", "Is there a nodule?"], true),
            "chat --image a.png Is there a nodule?"
        );
    }

    #[test]
    fn an_image_with_a_question_is_answered_where_there_is_no_terminal() {
        assert_eq!(
            expanded(&["a.png", "--seed", "1", "Is there a nodule?"], false),
            "ask --image a.png --seed 1 Is there a nodule?"
        );
    }

    #[test]
    fn a_file_of_any_name_counts_as_an_image_but_a_command_stays_a_command() {
        assert_eq!(expanded(&["Cargo.toml"], true), "chat --image Cargo.toml");
        assert_eq!(expanded(&["doctor"], true), "doctor");
        assert_eq!(expanded(&["asl"], true), "asl");
        assert_eq!(expanded(&["--image", "a.png"], true), "--image a.png");
        assert_eq!(expanded(&[], true), "");
    }
}
