//! Decks: list, statistics, settings, fitting, removal.

use super::{require, store};
use crate::cli::confirm::confirm_deletion;
use crate::cli::failure::Outcome;
use crate::cli::out::{print, write};
use crate::study::{now, page};
use rounds_study::TimeZone;
use rounds_study::fit::{best_retention, fit as fit_parameters};
use rounds_study::schedule::Scheduler;
use rounds_study::stats::Stats;
use rounds_support::errors::count;
use rounds_support::progress::Progress;
use rounds_support::{Cancel, Failure, Paths, stderr_line};

/// Said where there is nothing to show.
const NO_DECKS: &str = "no decks yet; `rounds study` makes one from the shipped index";

/// Lists the decks.
pub fn decks() -> Outcome {
    let store = store(&Paths::find()?)?;
    let decks = store.decks(now(), &TimeZone::system())?;
    if decks.is_empty() {
        stderr_line(NO_DECKS);
        return Ok(0);
    }
    print(format_args!(
        "{:<24}{:>7}{:>7}{:>10}{:>7}{:>10}  made from",
        "deck", "cards", "new", "learning", "due", "reviews"
    ))?;
    for deck in decks {
        print(format_args!(
            "{:<24}{:>7}{:>7}{:>10}{:>7}{:>10}  {}",
            deck.name,
            deck.cards,
            deck.new,
            deck.learning,
            deck.due,
            deck.reviews,
            deck.info.index.as_deref().unwrap_or("an import")
        ))?;
    }
    Ok(0)
}

/// Statistics of a deck, or of all.
pub fn stats(deck: Option<&str>, json: bool) -> Outcome {
    let store = store(&Paths::find()?)?;
    if let Some(deck) = deck {
        require(&store, deck)?;
    }
    if !json && deck.is_none() && store.decks(now(), &TimeZone::system())?.is_empty() {
        stderr_line(NO_DECKS);
        return Ok(0);
    }
    let stats = Stats::of(&store, deck, now(), &TimeZone::system())?;
    let text = match json {
        true => {
            let json = serde_json::to_string_pretty(&stats).map_err(Failure::model)?;
            format!("{json}\n")
        }
        false => page(deck.unwrap_or("all decks"), &stats).text(),
    };
    write(text.as_bytes())?;
    Ok(0)
}

/// Shows the settings of a deck, after changing some.
pub fn settings(deck: &str, values: &[String]) -> Outcome {
    let mut store = store(&Paths::find()?)?;
    require(&store, deck)?;
    let mut settings = store.settings(deck)?;
    for value in values {
        let Some((name, value)) = value.split_once('=') else {
            return Err(Failure::usage(format_args!("{value} is not NAME=VALUE"))
                .hint("for example new-per-day=10"));
        };
        settings.set(name.trim(), value.trim())?;
    }
    let settings = settings.validated()?;
    if !values.is_empty() {
        store.set_settings(deck, &settings)?;
    }
    for entry in settings.entries() {
        let named = format!("{}={}", entry.name, entry.value);
        print(format_args!("{named:<34} {}", entry.meaning))?;
    }
    Ok(0)
}

/// Fits the scheduler's parameters to the reviews of a deck, and keeps them if they predict better.
pub fn fit(deck: &str, cancel: &Cancel) -> Outcome {
    let mut store = store(&Paths::find()?)?;
    require(&store, deck)?;
    let mut settings = store.settings(deck)?;
    let scheduler = Scheduler::new(&settings, &TimeZone::system())?;
    let log = store.log(deck)?;
    let mut bar = Progress::new("fitting", None);
    let mut progress = |done: usize, all: usize| {
        bar.set_total(Some(all as u64));
        bar.set(done as u64);
    };
    let fitted = fit_parameters(&log, &scheduler, &mut progress, cancel)?;
    bar.finish();
    let reviews = count(fitted.reviews, "review");
    print(format_args!(
        "log loss {:.4} before, {:.4} after; error of the forecast {:.4} before, {:.4} after, on every fifth card; fitted to {reviews}",
        fitted.before.log_loss, fitted.after.log_loss, fitted.before.rmse, fitted.after.rmse
    ))?;
    if !fitted.is_better() {
        stderr_line("the parameters stay as they are: fitted ones would not predict better");
        return Ok(0);
    }
    settings.parameters = fitted.parameters;
    let settings = settings.validated()?;
    store.set_settings(deck, &settings)?;
    stderr_line(format_args!(
        "{deck} uses the fitted parameters from now on"
    ));
    let scheduler = Scheduler::new(&settings, &TimeZone::system())?;
    let cards = store.cards(deck)?.len();
    let mut bar = Progress::new("retention", None);
    let mut progress = |done: usize| bar.set(done as u64);
    let best = best_retention(&scheduler, &log, cards, &mut progress, cancel)?;
    bar.finish();
    match best {
        Some(best) => print(format_args!(
            "a retention of {best:.2} would need the least work for what is known (now {:.2})",
            settings.retention
        ))?,
        None => stderr_line("no retention needs clearly less work than the others"),
    }
    Ok(0)
}

/// Deletes a deck with its reviews.
pub fn remove(deck: &str, yes: bool) -> Outcome {
    let mut store = store(&Paths::find()?)?;
    require(&store, deck)?;
    let reviews = count(store.log(deck)?.len(), "review");
    let question = format!("permanently delete the deck {deck} with {reviews}?");
    confirm_deletion(&question, yes)?;
    store.remove_deck(deck)?;
    stderr_line(format_args!("deleted {deck}"));
    Ok(0)
}
