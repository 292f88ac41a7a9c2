//! The command line: parses the arguments and runs the command. One file per command.

mod answer_args;
mod args;
mod ask;
mod chat;
mod command_line;
mod command_path;
mod config;
mod confirm;
mod doctor;
mod eval;
mod failure;
mod image;
mod index;
mod interrupt;
mod libraries;
mod man;
mod model;
mod out;
mod phantom;
mod probe;
mod rate;
mod replay;
mod screen_args;
mod script;
mod session;
mod study;
mod train;

use std::process::ExitCode;

use crate::tui::keys::KeyBindings;
use rounds_support::{Paths, logging, sanitise};

use args::ArgsError;
use command_line::{Cli, Command, command};
use failure::{Outcome, report};
use interrupt::Interrupt;

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
        Err(ArgsError::Settings(failure)) => return ExitCode::from(report(&failure)),
    };
    if let Ok(paths) = Paths::find() {
        logging::init(&paths, logging::level_from_environment());
    }
    let interrupt = Interrupt::default();
    let code = run(cli, keys, &interrupt).unwrap_or_else(|failure| report(&failure));
    ExitCode::from(if interrupt.happened() && code != 2 {
        130
    } else {
        code
    })
}

fn run(cli: Cli, keys: KeyBindings, interrupt: &Interrupt) -> Outcome {
    let Some(chosen) = cli.command else {
        return Ok(0);
    };
    match chosen {
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
        Command::Image(image) => image::run(&image),
        Command::Index(index) => index::run(&index, interrupt),
        Command::Model(model) => model::run(&model, interrupt),
        Command::Eval(eval) => eval::run(&eval, interrupt),
        Command::Probe(probe) => probe::run(&probe, interrupt.flag()),
        Command::Rate(rate) => rate::run(&rate),
        Command::Study(study) => study::run(&study, interrupt),
        Command::Train(train) => train::run(&train, interrupt),
        Command::Phantom(draw) => phantom::run(&draw),
        Command::Completions { shell } => {
            // The generator panics on a write error, so it writes to memory first.
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command(), "rounds", &mut text);
            out::write(&text).map(|()| 0)
        }
        Command::Man(man) => man::run(&man, command()),
    }
}
