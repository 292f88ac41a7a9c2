//! The command line: what was typed, and which command it means. One command a file.

mod ask;
mod config;
mod doctor;
mod index;
mod journal;
mod model;
mod out;
mod replay;
mod research;
mod screen;
mod session;

use clap::{Args, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::assistant::{Assistant, Settings, Setup};
use crate::index::Search;
use crate::model::generate::Decoding;
use crate::model::generate::penalty::Penalties;
use crate::retrieval::{Condition, Order, Strategy};
use crate::support::{Cancel, Hint, Lines, Paths, logging, sanitise};

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

/// Most shots that can be asked for; more than any context holds.
const MOST_SHOTS: usize = 512;

/// What every command that answers takes.
#[derive(Args, Clone)]
struct Common {
    /// Number of shots
    #[arg(long, default_value_t = 4)]
    shots: usize,
    /// How shots are chosen
    #[arg(long, value_enum, default_value = "image")]
    strategy: Strategy,
    /// How similar pictures are searched: exact, or the HNSW graph (auto: by the size of the index)
    #[arg(long, value_enum, default_value = "auto")]
    search: Search,
    /// In which order shots stand in the prompt
    #[arg(long, value_enum, default_value = "similar-last")]
    order: Order,
    /// Examples less similar to the picture than this are no shots (-1 to 1)
    #[arg(long, allow_negative_numbers = true)]
    floor: Option<f32>,
    /// Only examples with this tag: modality=ct, organ!=chest, source=…, licence=… (may be given several times)
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    filter: Vec<Condition>,
    /// Example that is always a shot, by its id (may be given several times)
    #[arg(long = "pin", value_name = "ID")]
    pinned: Vec<String>,
    /// Example that is never a shot (may be given several times)
    #[arg(long = "exclude", value_name = "ID")]
    excluded: Vec<String>,
    /// Answer to rank by its likelihood (may be given several times)
    #[arg(long = "option", value_name = "ANSWER")]
    options: Vec<String>,
    /// Index name or folder; left out: the one that ships
    #[arg(long)]
    index: Option<PathBuf>,
    /// Image-text encoder that compares instead of the model's own tower (see `rounds index embed`)
    #[arg(long)]
    encoder: Option<PathBuf>,
    /// Model folder; left out: the one that ships
    #[arg(long)]
    model: Option<PathBuf>,
    /// Seed of sampling and of random shots
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// 0 is greedy
    #[arg(long, default_value_t = 0.0)]
    temperature: f64,
    /// Nucleus sampling
    #[arg(long)]
    top_p: Option<f64>,
    /// Sample among the k most likely tokens
    #[arg(long)]
    top_k: Option<usize>,
    /// Longest answer in tokens
    #[arg(long, default_value_t = 96)]
    max_new_tokens: usize,
    /// Beams of a beam search (greedy and sampled decoding have one)
    #[arg(long, default_value_t = 1)]
    beams: usize,
    /// Beams: a finished answer's log-probability is divided by its length to this power
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    length_penalty: f64,
    /// Above 1: what was said already becomes less likely
    #[arg(long, default_value_t = 1.0)]
    repetition_penalty: f32,
    /// No run of so many tokens comes twice; 0 allows all
    #[arg(long, default_value_t = 0)]
    no_repeat_ngram: usize,
    /// auto, cpu, cuda or metal
    #[arg(long, default_value = "auto")]
    device: String,
}

impl Common {
    fn settings(&self) -> Result<Settings, Failure> {
        if !self.temperature.is_finite() || self.temperature < 0.0 {
            return Err(Failure::usage("--temperature takes a number from 0", None));
        }
        if self.top_p.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
            return Err(Failure::usage(
                "--top-p takes a number above 0 and at most 1",
                None,
            ));
        }
        if !(1..=16).contains(&self.beams) {
            return Err(Failure::usage("--beams takes a number from 1 to 16", None));
        }
        if self.beams > 1 && self.temperature > 0.0 {
            return Err(Failure::usage(
                "--beams and --temperature do not go together",
                None,
            ));
        }
        let repetition = self.repetition_penalty;
        if !repetition.is_finite() || repetition <= 0.0 || !self.length_penalty.is_finite() {
            return Err(Failure::usage(
                "--repetition-penalty takes a number above 0, --length-penalty any number",
                None,
            ));
        }
        if self.shots > MOST_SHOTS {
            return Err(Failure::usage(
                format!("--shots takes a number from 0 to {MOST_SHOTS}"),
                None,
            ));
        }
        if self.floor.is_some_and(|f| !(-1.0..=1.0).contains(&f)) {
            return Err(Failure::usage("--floor takes a number from -1 to 1", None));
        }
        if self.strategy == Strategy::Fixed && self.pinned.is_empty() {
            return Err(Failure::usage(
                "--strategy fixed needs at least one --pin",
                Some("find examples with `rounds index search`".into()),
            ));
        }
        Ok(Settings {
            shots: self.shots,
            strategy: self.strategy,
            order: self.order,
            floor: self.floor,
            filter: self.filter.clone(),
            pinned: self.pinned.clone(),
            excluded: self.excluded.clone(),
            options: self.options.clone(),
            decoding: Decoding {
                temperature: self.temperature,
                top_p: self.top_p,
                top_k: self.top_k,
                seed: self.seed,
                max_new_tokens: self.max_new_tokens,
                penalties: Penalties {
                    repetition: self.repetition_penalty,
                    no_repeat_ngram: self.no_repeat_ngram,
                    forbidden: Vec::new(),
                },
                beams: self.beams,
                length_penalty: self.length_penalty,
            },
            prompt_only: false,
        })
    }

    /// What to open: names in the user's libraries, or folders.
    fn setup(&self) -> Result<Setup, Failure> {
        let find = |given: &PathBuf| Ok::<_, Failure>(model::library()?.find(given));
        Ok(Setup {
            model: self.model.as_ref().map(find).transpose()?,
            encoder: self.encoder.as_ref().map(find).transpose()?,
            index: self
                .index
                .as_ref()
                .map(|name| index::find(name))
                .transpose()?,
            device: self.device.clone(),
            search: self.search,
        }
        .named())
    }

    fn start(&self) -> Result<Assistant, Failure> {
        Assistant::start(self.setup()?).map_err(|e| Failure::model(&e))
    }
}

impl Cli {
    /// What the command that answers was told; `None` of other commands.
    fn common(self) -> Option<Common> {
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

    /// Whether it listens to signals itself: in the chat an interrupt ends an answer and not the program.
    fn is_chat(&self) -> bool {
        matches!(self.command, Some(Command::Chat { .. }))
    }
}

/// Why a command ended badly, and the exit code that says so.
struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    fn usage(message: impl ToString, hint: Option<String>) -> Self {
        Self {
            message: message.to_string(),
            hint,
            code: 2,
        }
    }

    fn model<E: std::fmt::Display + Hint>(error: &E) -> Self {
        Self {
            message: error.to_string(),
            hint: error.hint(),
            code: 3,
        }
    }

    fn io(error: &std::io::Error) -> Self {
        Self {
            message: if error.kind() == std::io::ErrorKind::BrokenPipe {
                String::new()
            } else {
                format!("input or output failed: {error}")
            },
            hint: None,
            // Whoever reads us has had enough: not a failure.
            code: if error.kind() == std::io::ErrorKind::BrokenPipe {
                0
            } else {
                3
            },
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self {
            message: format!("{error:#}"),
            hint: None,
            code: 3,
        }
    }
}

type Outcome = Result<u8, Failure>;

/// Parses the arguments, runs the command, returns its exit code.
pub fn main() -> ExitCode {
    let (cli, keys) = match read() {
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

/// Why a command line means nothing.
enum Unread {
    Usage(clap::Error),
    Settings(Failure),
}

/// Action names of the interface to keys.
type Keys = std::collections::BTreeMap<String, String>;

/// What was typed, with the user's settings where it leaves something out.
fn read() -> Result<(Cli, Keys), Unread> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let cli = parse(&mut words).map_err(Unread::Usage)?;
    if !cli.answers() {
        return Ok((cli, Keys::new()));
    }
    if cli.command.is_none() {
        let chat = std::io::stdin().is_terminal();
        words.push(if chat { "chat" } else { "script" }.into());
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

fn complain(failure: Failure) -> u8 {
    // Parts of a message may be names that somebody else chose.
    let mut err = std::io::stderr().lock();
    if !failure.message.is_empty() {
        let _ = writeln!(err, "error: {}", sanitise::clean(&failure.message));
    }
    if let Some(hint) = failure.hint {
        let _ = writeln!(err, "hint: {}", sanitise::clean(&hint));
    }
    failure.code
}

fn run(cli: Cli, keys: Keys, cancel: &Cancel) -> Outcome {
    let Some(command) = cli.command else {
        return Ok(0);
    };
    match command {
        Command::Ask(ask) => ask::run(&ask, cancel),
        Command::Script(common) => script(&common, cancel),
        Command::Chat { common, screen } => screen::run(&common, &screen, keys),
        Command::Session(session) => session::run(&session),
        Command::Replay(replay) => replay::run(&replay, cancel),
        Command::Config(config) => config::run(&config),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Index(index) => index::run(&index, cancel),
        Command::Model(model) => model::run(&model, cancel),
        Command::Eval(eval) => research::eval(&eval),
        Command::Train(train) => research::train(&train, cancel),
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

fn script(common: &Common, cancel: &Cancel) -> Outcome {
    let settings = common.settings()?;
    let assistant = common.start()?;
    let input = Lines::read(|| std::io::stdin().lock()).map_err(|e| Failure::io(&e))?;
    let mut output = std::io::stdout().lock();
    crate::script::run(&assistant, &settings, &input, &mut output, cancel)
        .map(u8::from)
        .map_err(|e| Failure::io(&e))
}
