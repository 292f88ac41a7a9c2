//! Cards in and out: Anki packages and tables.

use std::collections::HashMap;
use std::path::Path;

use super::{require, store};
use crate::cli::failure::Outcome;
use crate::cli::out::print;
use crate::study::{for_elsewhere, from_elsewhere, now};
use rounds_index::{ExampleImage, Images};
use rounds_study::TimeZone;
use rounds_study::card::{Card, CardImage};
use rounds_study::exchange::{DeckExport, Import, Limits, read_with, write};
use rounds_study::schedule::Scheduler;
use rounds_study::store::{DeckInfo, Store};
use rounds_support::errors::{count, display_path};
use rounds_support::sanitise::clean_line_max;
use rounds_support::{Failure, Paths, stderr_line};

/// Rejected cards that are listed one by one.
const MAX_LISTED: usize = 20;
/// Longest name of a deck.
const MAX_NAME: usize = 80;

/// Imports cards into a deck of their own, or adds them to one that was imported before.
pub fn import(file: &Path, deck: Option<&str>) -> Outcome {
    let mut store = store(&Paths::find()?)?;
    let mut keep = |image: &CardImage, bytes: Vec<u8>| {
        let kept = store.put_media(&bytes, &image.extension);
        kept.map(|_| ()).map_err(|error| error.to_string())
    };
    let imported = read_with(file, &Limits::default(), &mut keep)?;
    let name = clean_line_max(deck.unwrap_or(&imported.name), MAX_NAME);
    let name = name.trim();
    if name.is_empty() {
        return Err(Failure::usage("the deck needs a name").hint("give one with --deck"));
    }
    let mut cards = existing(&store, name)?;
    let before = cards.len();
    let places = cards.iter().enumerate();
    let places: HashMap<String, usize> = places.map(|(at, card)| (card.id.clone(), at)).collect();
    for found in &imported.cards {
        match places.get(&found.id).and_then(|at| cards.get_mut(*at)) {
            Some(known) => known.clone_from(found),
            None => cards.push(found.clone()),
        }
    }
    let info = DeckInfo {
        index: None,
        about: format!("imported from {}", display_path(file)),
    };
    let change = store.put_deck(name, &info, &cards)?;
    let reviews = add_history(&mut store, name, &imported)?;
    say_what_is_missing(&imported);
    print(format_args!(
        "{name}: {} added, {} updated, {} left out, {} imported",
        cards.len() - before,
        change.updated,
        imported.skipped_in_all,
        count(reviews, "review")
    ))?;
    Ok(u8::from(imported.skipped_in_all > 0))
}

/// The cards that a deck has already. Errors if it is made from an index, which would take imported cards away again.
fn existing(store: &Store, name: &str) -> Result<Vec<Card>, Failure> {
    if !store.has_deck(name)? {
        return Ok(Vec::new());
    }
    if store.deck_info(name)?.index.is_some() {
        let taken = format!("the deck {name} is made from an index");
        return Err(Failure::usage(taken).hint("choose another name with --deck"));
    }
    Ok(store.cards(name)?)
}

/// Adds the reviews and suspends what was suspended; returns how many reviews were new.
fn add_history(store: &mut Store, deck: &str, imported: &Import) -> Result<usize, Failure> {
    let scheduler = Scheduler::new(&store.settings(deck)?, &TimeZone::system())?;
    let reviews = from_elsewhere(deck, &scheduler, &imported.reviews, &imported.schedules);
    let added = store.import_history(deck, &reviews)?;
    for card in &imported.suspended {
        store.suspend(deck, card, true)?;
    }
    Ok(added)
}

fn say_what_is_missing(imported: &Import) {
    for notice in &imported.notices {
        stderr_line(format_args!("rounds: {notice}"));
    }
    for (place, reason) in imported.skipped.iter().take(MAX_LISTED) {
        stderr_line(format_args!("rounds: left out: {place}: {reason}"));
    }
    let more = imported.skipped_in_all.saturating_sub(MAX_LISTED);
    if more > 0 {
        let more = count(more, "more card");
        stderr_line(format_args!("rounds: left out: {more}"));
    }
}

/// Exports a deck as an Anki package, or as a table if the file is named like one.
pub fn export(deck: &str, out: &Path, history: bool, force: bool) -> Outcome {
    let paths = Paths::find()?;
    let store = store(&paths)?;
    require(&store, deck)?;
    if out.exists() && !force {
        let error = Failure::usage(format!("{} already exists", display_path(out)));
        return Err(error.hint("choose another file, or add --force to overwrite it"));
    }
    let cards = store.cards(deck)?;
    let found = crate::study::find(&store, &paths, Some(Path::new(deck)))?;
    let images = found.source.index().map(Images::new);
    let media = |image: &CardImage| media(&store, images.as_ref(), image);
    let reviews = match history {
        true => for_elsewhere(&store.log(deck)?),
        false => Vec::new(),
    };
    let (mut schedules, mut suspended) = (Vec::new(), Vec::new());
    for standing in store.standings(deck)?.into_iter().filter(|of| of.present) {
        if standing.suspended {
            suspended.push(standing.card.clone());
        }
        schedules.extend(standing.schedule.map(|schedule| (standing.card, schedule)));
    }
    let written = write(
        out,
        &DeckExport {
            name: deck,
            about: "",
            cards: &cards,
            media: &media,
            reviews: &reviews,
            schedules: &schedules,
            suspended: &suspended,
            with_history: history,
            now: now(),
        },
    )?;
    for (card, reason) in written.skipped.iter().take(MAX_LISTED) {
        stderr_line(format_args!("rounds: left out: {card}: {reason}"));
    }
    print(format_args!(
        "{}: {}, {}, {}",
        display_path(out),
        count(written.cards, "card"),
        count(written.images, "image"),
        count(written.reviews, "review")
    ))?;
    Ok(u8::from(!written.skipped.is_empty()))
}

/// An image of the index, or else of the store. The error is a message for the user.
fn media(store: &Store, images: Option<&Images>, image: &CardImage) -> Result<Vec<u8>, String> {
    let of_index = ExampleImage {
        sha256: image.sha256.clone(),
        extension: image.extension.clone(),
    };
    match images.map(|images| images.bytes(&of_index)) {
        Some(Ok(bytes)) => Ok(bytes.into_owned()),
        Some(Err(_)) | None => store.media(image).map_err(|error| error.to_string()),
    }
}
