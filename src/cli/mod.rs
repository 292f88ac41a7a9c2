//! The command line: parses the arguments and runs the command. One file per command.

mod answer_args;
mod args;
mod ask;
mod chat;
mod config;
mod confirm;
mod doctor;
mod failure;
mod index;
mod interrupt;
mod journal;
mod model;
mod out;
mod replay;
mod research;
mod script;
mod session;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

use rounds_support::{Paths, logging, sanitise};

use answer_args::AnswerArgs;
use args::{ArgsError, KeyBindings};
use failure::{Failure, Outcome, report};
use interrupt::Interrupt;

/// Few-shot medical image chat for the terminal. Education and research only, not for diagnosis.
#[derive(Parser)]
#[command(name = "rounds", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Ask one question, with or without images
    Ask(ask::Ask),
    /// Answer requests in JSON Lines from standard input (see docs/script.md)
    Script(AnswerArgs),
    /// Open the chat (the default command)
    Chat {
        #[command(flatten)]
        answer_args: AnswerArgs,
        #[command(flatten)]
        chat_args: chat::ChatArgs,
    },
    /// List, search, export and delete saved sessions
    #[command(subcommand, alias = "sessions")]
    Session(session::SessionCommand),
    /// Answer a saved question again and compare the answers
    Replay(replay::Replay),
    /// Create, check and show the settings file
    #[command(subcommand)]
    Config(config::Config),
    /// Check models, indexes, settings and terminal, and explain how to fix problems
    Doctor(doctor::Doctor),
    /// Build and manage indexes of your own examples
    #[command(subcommand)]
    Index(Box<index::IndexCommand>),
    /// Import, verify and benchmark your own models
    #[command(subcommand)]
    Model(model::Model),
    /// Evaluate a model on phantoms, or an index on its tags
    #[command(subcommand)]
    Eval(research::Eval),
    /// Train the shipped model and build the shipped files
    #[command(subcommand)]
    Train(research::Train),
    /// Draw a phantom (a synthetic teaching image) as PNG
    Phantom(research::DrawPhantom),
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
    /// Print the manual page
    Man,
}

/// Prints help to standard output and usage errors to standard error. Errors quote the arguments, so they are sanitised.
fn print_usage(error: &clap::Error) {
    let plain = error.render().to_string();
    let clean = sanitise::clean(&plain);
    if clean == plain {
        let _ = error.print();
    } else {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), clean.as_bytes());
    }
}

/// Parses the arguments, runs the command, returns its exit code.
pub fn main() -> ExitCode {
    let (cli, keys) = match args::parse() {
        Ok(parsed) => parsed,
        Err(ArgsError::Usage(error)) => {
            let code = u8::from(error.use_stderr()) * 2;
            print_usage(&error);
            return ExitCode::from(code);
        }
        Err(ArgsError::Settings(failure)) => return ExitCode::from(report(failure)),
    };
    if let Ok(paths) = Paths::find() {
        logging::init(&paths, logging::level_from_environment());
    }
    let interrupt = Interrupt::default();
    let code = run(cli, keys, &interrupt).unwrap_or_else(report);
    ExitCode::from(if interrupt.happened() && code != 2 {
        130
    } else {
        code
    })
}

fn run(cli: Cli, keys: KeyBindings, interrupt: &Interrupt) -> Outcome {
    let Some(command) = cli.command else {
        return Ok(0);
    };
    match command {
        Command::Ask(ask) => ask::run(&ask, interrupt.flag()),
        Command::Script(answer_args) => script::run(&answer_args, interrupt.flag()),
        Command::Chat {
            answer_args,
            chat_args,
        } => chat::run(&answer_args, &chat_args, keys),
        Command::Session(session) => session::run(&session),
        Command::Replay(replay) => replay::run(&replay, interrupt.flag()),
        Command::Config(config) => config::run(&config),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Index(index) => index::run(&index, interrupt),
        Command::Model(model) => model::run(&model, interrupt),
        Command::Eval(eval) => research::eval(&eval),
        Command::Train(train) => research::train(&train, interrupt),
        Command::Phantom(draw) => research::draw(&draw),
        Command::Completions { shell } => {
            // The generator panics on a write error, so it writes to memory first.
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "rounds", &mut text);
            out::write(&text).map(|()| 0)
        }
        Command::Man => {
            let mut text = Vec::new();
            let rendered = clap_mangen::Man::new(Cli::command()).render(&mut text);
            rendered.map_err(|e| Failure::io(&e))?;
            out::write(&text).map(|()| 0)
        }
    }
}
