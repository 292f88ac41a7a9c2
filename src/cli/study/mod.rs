//! `rounds study`: cards that come back when they should, and the decks they are in.

mod add;
mod exchange;
mod manage;
mod open;

use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::failure::Outcome;
use super::interrupt::Interrupt;
use super::screen_args::ScreenArgs;
use rounds_study::card::Kind;
use rounds_study::store::Store;
use rounds_support::{Failure, Paths, stderr_line};

/// Study cases as cards that come back when they should
///
/// Without a command, opens the cards of an index or of a deck: see the image, answer, turn the card, grade yourself; the
/// scheduler decides when it comes again. Without a terminal it works line by line. See docs/study.md.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Study {
    #[command(subcommand)]
    command: Option<StudyCommand>,
    #[command(flatten)]
    open: Open,
}

#[derive(Args)]
pub struct Open {
    /// Name or folder of an index, or name of a deck [default: the shipped index]
    #[arg(value_name = "INDEX|DECK")]
    deck: Option<PathBuf>,
    /// Only cards of this kind (may be given several times): question, choice, spot, occlusion, compare, staged
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<Kind>,
    /// Only cards with this tag (may be given several times: of one name one value, of several names each)
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// Every chosen card once, in any order; nothing is rescheduled
    #[arg(long)]
    cram: bool,
    /// New cards today, in place of the deck's setting
    #[arg(long, value_name = "N")]
    new: Option<u32>,
    /// Reviews today, in place of the deck's setting
    #[arg(long, value_name = "N")]
    reviews: Option<u32>,
    /// Probability of recall when a card comes again, in place of the deck's setting
    #[arg(long, value_name = "R")]
    retention: Option<f32>,
    /// Do not ask the model what it says about the cards
    #[arg(long)]
    no_model: bool,
    /// Encoder by which the model finds similar cases and typed answers are compared, as for `rounds ask`; left out if the
    /// index does not have its vectors
    #[arg(long)]
    encoder: Option<PathBuf>,
    #[command(flatten)]
    screen: ScreenArgs,
}

#[derive(Subcommand)]
enum StudyCommand {
    /// List the decks
    Decks,
    /// Show what is due, how much was kept, and a calendar of the last year
    Stats {
        /// Name of a deck [default: all decks]
        deck: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Import cards: an Anki package (.apkg), CSV, TSV, JSON or JSON Lines
    Import {
        /// File to read
        file: PathBuf,
        /// Name of the deck; cards are added to one that exists [default: the name in the file]
        #[arg(long)]
        deck: Option<String>,
    },
    /// Add a card of your own: an image with a question, or with rectangles to mark and to name
    Add(add::Add),
    /// Export a deck as an Anki package, or as a table
    Export {
        /// Name of the deck
        deck: String,
        /// File to write: FILE.apkg, or .csv, .tsv, .json, .jsonl for a table without reviews
        #[arg(long)]
        out: PathBuf,
        /// With schedules and reviews, which tell how you learn
        #[arg(long)]
        history: bool,
        /// Overwrite an existing file
        #[arg(long)]
        force: bool,
    },
    /// Fit the scheduler to your own reviews
    Fit {
        /// Name of the deck [default: shipped]
        #[arg(default_value = "shipped")]
        deck: String,
    },
    /// Show or change the settings of a deck
    Settings {
        /// Name of the deck
        deck: String,
        /// Settings to change
        #[arg(value_name = "NAME=VALUE")]
        values: Vec<String>,
    },
    /// Delete a deck with its reviews
    Remove {
        /// Name of the deck
        deck: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Splits `NAME=VALUE`.
fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_string(), value.trim().to_string()))
        }
        _ => Err("expected NAME=VALUE".into()),
    }
}

/// Runs `rounds study`.
pub fn run(study: &Study, interrupt: &Interrupt) -> Outcome {
    match &study.command {
        None => open::open(&study.open),
        Some(StudyCommand::Decks) => manage::decks(),
        Some(StudyCommand::Stats { deck, json }) => manage::stats(deck.as_deref(), *json),
        Some(StudyCommand::Import { file, deck }) => {
            exchange::import(file, deck.as_deref(), interrupt.flag())
        }
        Some(StudyCommand::Add(args)) => add::add(args),
        Some(StudyCommand::Export {
            deck,
            out,
            history,
            force,
        }) => exchange::export(deck, out, *history, *force),
        Some(StudyCommand::Fit { deck }) => manage::fit(deck, interrupt.flag()),
        Some(StudyCommand::Settings { deck, values }) => manage::settings(deck, values),
        Some(StudyCommand::Remove { deck, yes }) => manage::remove(deck, *yes),
    }
}

/// Opens the store, and says what it has to say.
fn store(paths: &Paths) -> Result<Store, Failure> {
    let store = Store::open(&crate::study::folder(paths))?;
    if let Some(notice) = store.notice() {
        stderr_line(format_args!("rounds: {notice}"));
    }
    Ok(store)
}

/// Errors if there is no such deck.
fn require(store: &Store, deck: &str) -> Result<(), Failure> {
    match store.has_deck(deck)? {
        true => Ok(()),
        false => Err(
            Failure::usage(format_args!("there is no deck named {deck}"))
                .hint("list the decks with `rounds study decks`"),
        ),
    }
}
