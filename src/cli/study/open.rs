//! Opens a deck: on the full screen in a capable terminal, line by line elsewhere.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::{Open, store};
use crate::cli::chat::{exit_code, line_mode_reason};
use crate::cli::doctor::vector_sha256;
use crate::cli::failure::{Outcome, other};
use crate::cli::libraries::existing_encoder;
use crate::study::{
    CardModel, Desk, Plan, Source, Sources, Start, change_in_words, find, folder, graded_in_words,
    now, refresh, run, study_lines,
};
use rounds_assistant::Setup;
use rounds_index::Index;
use rounds_study::TimeZone;
use rounds_study::card::Card;
use rounds_study::queue::Filter;
use rounds_support::lines::Lines;
use rounds_support::{Cancel, Failure, Paths, stderr_line};

/// Opens a deck; returns when the user leaves.
pub fn open(open: &Open) -> Outcome {
    let paths = Paths::find()?;
    let mut store = store(&paths)?;
    let found = find(&store, &paths, open.deck.as_deref())?;
    if let Some(change) = refresh(&mut store, &paths, &found)?
        && let Some(words) = change_in_words(&change)
    {
        stderr_line(format_args!("{}: {words}", found.deck));
    }
    let plan = Plan {
        folder: folder(&paths),
        deck: found.deck.clone(),
        source: found.source.clone(),
        filter: Filter {
            kinds: open.kinds.clone(),
            tags: open.tags.clone(),
        },
        cram: open.cram,
        new: open.new,
        reviews: open.reviews,
        retention: open.retention,
        zone: TimeZone::system(),
    };
    let sources = sources(open, &found.source)?;
    let line_mode = line_mode_reason();
    if let Some(reason) = line_mode {
        if std::io::stderr().is_terminal() {
            stderr_line(format_args!(
                "rounds: {reason}, so study mode runs line by line"
            ));
        }
        let model = (!open.no_model).then(|| CardModel::new(sources));
        return by_lines(Desk::at(store, plan, now())?, model);
    }
    // Checked here, where an error can be read, before the screen is taken over.
    drop(Desk::at(store, plan.clone(), now())?);
    let start = Start {
        deck: found.deck,
        cram: open.cram,
        tutor: sources,
        asks_model: !open.no_model,
        open: Box::new(move || Desk::open(plan.clone(), now())),
    };
    let ended = run(start, open.screen.look()).map_err(other)?;
    stderr_line(graded_in_words(ended.graded, ended.known));
    if let Some(lost) = ended.lost {
        return Err(lost.hint("what was done last is lost; do it again"));
    }
    Ok(exit_code(ended.reason, 0))
}

fn by_lines(mut desk: Desk, mut model: Option<CardModel>) -> Outcome {
    let input = Lines::read(|| std::io::stdin().lock()).map_err(|error| Failure::io(&error))?;
    let never = Cancel::new();
    let mut next = || input.next(&never);
    let mut nearness = |card: &Card, typed: &str| {
        let found = model.as_mut()?.nearness(card, typed, &never);
        found.unwrap_or_else(|failure| {
            stderr_line(format_args!(
                "answers are compared by words only: {failure}"
            ));
            model = None;
            None
        })
    };
    let out = &mut std::io::stdout().lock();
    let ended = study_lines(&mut desk, &mut next, out, &now, &mut nearness)?;
    stderr_line(graded_in_words(ended.graded, ended.known));
    Ok(0)
}

/// The shipped model with the index of the deck; the shipped index where the deck has none.
fn sources(open: &Open, source: &Source) -> Result<Sources, Failure> {
    let index = source
        .index()
        .map(|folder| folder.map(|path| path.to_path_buf()));
    let of_model = index.clone().flatten();
    let encoder = match open.encoder.as_deref().map(existing_encoder).transpose()? {
        Some(encoder) if !open.no_model => if_indexed(encoder, of_model.as_deref())?,
        _ => None,
    };
    Ok(Sources {
        assistant: None,
        setup: Setup {
            index: of_model,
            encoder,
            device: "auto".into(),
            ..Setup::default()
        },
        index,
    })
}

/// The encoder, if the index has its vectors: one from the settings may be meant for another index, and without vectors no
/// shot is found.
fn if_indexed(encoder: PathBuf, index: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let vectors = vector_sha256(Some(&encoder))?;
    match Index::open(index)?.encoder(&vectors) {
        Ok(_) => Ok(Some(encoder)),
        Err(error) => {
            stderr_line(format_args!("rounds: the encoder is left out: {error}"));
            Ok(None)
        }
    }
}
