//! The command line: what was typed, and which command it means. One command a file.

mod ask;
mod common;
mod config;
mod doctor;
mod failure;
mod index;
mod journal;
mod model;
mod replay;
mod research;
mod screen;
mod script;
mod session;
mod typed;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

use crate::support::{Cancel, Paths, logging};

use common::Common;
use failure::{Failure, Outcome, complain};
use typed::{Keys, Unread};

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
    /// Answer JSON Lines from standard input (see docs/script.md)
    Script(Common),
    /// Open the chat (this is what `rounds` alone does)
    Chat {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        screen: screen::Screen,
    },
    /// Kept sessions: list, search, export and delete them
    #[command(subcommand, alias = "sessions")]
    Session(session::SessionCommand),
    /// Answer a kept question again and say whether the answer is the same
    Replay(replay::Replay),
    /// The settings file
    #[command(subcommand)]
    Config(config::Config),
    /// Show what the program finds on this machine
    Doctor {
        #[arg(long, default_value = "auto")]
        device: String,
    },
    /// Indexes of your own examples: import data sets, search, check and export them
    #[command(subcommand)]
    Index(Box<index::IndexCommand>),
    /// Models of your own: import published weights, check and measure them
    #[command(subcommand)]
    Model(model::Model),
    /// Measure the shipped model on phantoms it was not trained on
    #[command(subcommand)]
    Eval(research::Eval),
    /// Train, and make what ships
    #[command(subcommand)]
    Train(research::Train),
    /// Draw a phantom as a PNG
    Phantom(research::DrawPhantom),
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the manual page
    Man,
}

/// Parses the arguments, runs the command, returns its exit code.
pub fn main() -> ExitCode {
    let (cli, keys) = match typed::read() {
        Ok(read) => read,
        Err(Unread::Usage(error)) => {
            let code = u8::from(error.use_stderr()) * 2;
            let _ = error.print();
            return ExitCode::from(code);
        }
        Err(Unread::Settings(failure)) => return ExitCode::from(complain(failure)),
    };
    if let Ok(paths) = Paths::find() {
        logging::init(&paths, logging::level_from_environment());
    }
    let cancel = Cancel::new();
    if !cli.is_chat() {
        listen(&cancel);
    }
    let code = run(cli, keys, &cancel).unwrap_or_else(complain);
    ExitCode::from(if cancel.is_cancelled() && code != 2 {
        130
    } else {
        code
    })
}

/// The first interrupt asks the command to end, the second ends it.
fn listen(cancel: &Cancel) {
    let flag = cancel.clone();
    let handler = ctrlc::set_handler(move || {
        if flag.is_cancelled() {
            std::process::exit(130);
        }
        flag.cancel();
    });
    if handler.is_err() {
        tracing::warn!("no handler for Ctrl-C");
    }
}

fn run(cli: Cli, keys: Keys, cancel: &Cancel) -> Outcome {
    let Some(command) = cli.command else {
        return Ok(0);
    };
    match command {
        Command::Ask(ask) => ask::run(&ask, cancel),
        Command::Script(common) => script::run(&common, cancel),
        Command::Chat { common, screen } => screen::run(&common, &screen, keys),
        Command::Session(session) => session::run(&session),
        Command::Replay(replay) => replay::run(&replay, cancel),
        Command::Config(config) => config::run(&config),
        Command::Doctor { device } => doctor::run(&device),
        Command::Index(index) => index::run(&index, cancel),
        Command::Model(model) => model::run(&model, cancel),
        Command::Eval(eval) => research::eval(&eval),
        Command::Train(train) => research::train(&train, cancel),
        Command::Phantom(draw) => research::draw(&draw),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "rounds", &mut std::io::stdout());
            Ok(0)
        }
        Command::Man => clap_mangen::Man::new(Cli::command())
            .render(&mut std::io::stdout())
            .map(|()| 0)
            .map_err(|e| Failure::io(&e)),
    }
}
