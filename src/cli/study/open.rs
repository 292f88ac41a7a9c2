//! Opens a deck: on the full screen in a capable terminal, line by line elsewhere.

use std::io::IsTerminal;

use super::{Open, store};
use crate::cli::chat::{exit_code, line_mode_reason};
use crate::cli::failure::{Outcome, other};
use crate::study::{
    CardModel, Desk, Plan, Source, Sources, Start, change_in_words, find, folder, graded_in_words,
    now, refresh, run, study_lines,
};
use rounds_assistant::Setup;
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
    let line_mode = line_mode_reason();
    if let Some(reason) = line_mode {
        if std::io::stderr().is_terminal() {
            stderr_line(format_args!(
                "rounds: {reason}, so study mode runs line by line"
            ));
        }
        let model = (!open.no_model).then(|| CardModel::new(sources(&found.source)));
        return by_lines(Desk::at(store, plan, now())?, model);
    }
    // Checked here, where an error can be read, before the screen is taken over.
    drop(Desk::at(store, plan.clone(), now())?);
    let start = Start {
        deck: found.deck,
        cram: open.cram,
        tutor: sources(&found.source),
        asks_model: !open.no_model,
        open: Box::new(move || Desk::open(plan, now())),
    };
    let ended = run(start, open.screen.look()).map_err(other)?;
    stderr_line(graded_in_words(ended.graded, ended.known));
    if let Some(lost) = ended.lost {
        return Err(lost.hint("the last grade is lost; grade the card again"));
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
fn sources(source: &Source) -> Sources {
    let index = source
        .index()
        .map(|folder| folder.map(|path| path.to_path_buf()));
    Sources {
        assistant: None,
        setup: Setup {
            index: index.clone().flatten(),
            device: "auto".into(),
            ..Setup::default()
        },
        index,
    }
}
