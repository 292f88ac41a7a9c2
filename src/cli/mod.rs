//! The command line: what was typed, and which command it means. One command a file.

mod ask;
mod ask_first;
mod common;
mod config;
mod doctor;
mod failure;
mod index;
mod interrupt;
mod journal;
mod model;
mod out;
mod replay;
mod research;
mod screen;
mod script;
mod session;
mod typed;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

use rounds_support::{Paths, logging, sanitise};

use common::Common;
use failure::{Failure, Outcome, complain};
use interrupt::Interrupt;
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
    /// Show what the program finds on this machine, and what to do where something does not work
    Doctor(doctor::Doctor),
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

/// Help goes to standard output, what is wrong with a command line to standard error. What was typed stands in the latter.
fn say(error: &clap::Error) {
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
    let (cli, keys) = match typed::read() {
        Ok(read) => read,
        Err(Unread::Usage(error)) => {
            let code = u8::from(error.use_stderr()) * 2;
            say(&error);
            return ExitCode::from(code);
        }
        Err(Unread::Settings(failure)) => return ExitCode::from(complain(failure)),
    };
    if let Ok(paths) = Paths::find() {
        logging::init(&paths, logging::level_from_environment());
    }
    let interrupt = Interrupt::default();
    let code = run(cli, keys, &interrupt).unwrap_or_else(complain);
    ExitCode::from(if interrupt.happened() && code != 2 {
        130
    } else {
        code
    })
}

fn run(cli: Cli, keys: Keys, interrupt: &Interrupt) -> Outcome {
    let Some(command) = cli.command else {
        return Ok(0);
    };
    match command {
        Command::Ask(ask) => ask::run(&ask, interrupt.flag()),
        Command::Script(common) => script::run(&common, interrupt.flag()),
        Command::Chat { common, screen } => screen::run(&common, &screen, keys),
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
            // Its generator panics where it cannot write.
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "rounds", &mut text);
            out::write(&text).map(|()| 0)
        }
        Command::Man => {
            let mut text = Vec::new();
            let made = clap_mangen::Man::new(Cli::command()).render(&mut text);
            made.map_err(|e| Failure::io(&e))?;
            out::write(&text).map(|()| 0)
        }
    }
}
