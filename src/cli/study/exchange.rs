//! Cards in and out: Anki packages and tables.

use std::path::Path;

use super::{require, store};
use crate::cli::failure::Outcome;
use crate::cli::out::print;
use rounds_index::{ExampleImage, Images};
use rounds_study::StudyError;
use rounds_study::card::{Card, CardImage};
use rounds_study::exchange::{DeckExport, Limits, read, write_apkg};
use rounds_study::store::{DeckInfo, Store};
use rounds_support::errors::{count, display_path};
use rounds_support::sanitise::clean_line_max;
use rounds_support::{Failure, INTENDED_USE, Paths, stderr_line};

/// Rejected cards that are listed one by one.
const MAX_LISTED: usize = 20;
/// Longest name of a deck.
const MAX_NAME: usize = 80;

/// Imports cards into a deck of their own, or adds them to one that was imported before.
pub fn import(file: &Path, deck: Option<&str>) -> Outcome {
    let mut store = store(&Paths::find()?)?;
    let imported = read(file, &Limits::default())?;
    let name = clean_line_max(deck.unwrap_or(&imported.name), MAX_NAME);
    let name = name.trim();
    if name.is_empty() {
        return Err(Failure::usage("the deck needs a name").hint("give one with --deck"));
    }
    let mut cards = existing(&store, name)?;
    let mut new = 0;
    for found in imported.cards {
        for (image, bytes) in &found.media {
            store.put_media(bytes, &image.extension)?;
        }
        match cards.iter_mut().find(|card| card.id == found.card.id) {
            Some(known) => *known = found.card,
            None => {
                cards.push(found.card);
                new += 1;
            }
        }
    }
    let info = DeckInfo {
        index: None,
        about: format!("imported from {}", display_path(file)),
    };
    let change = store.put_deck(name, &info, &cards)?;
    let reviews = store.import_history(name, &imported.reviews)?;
    for (place, reason) in imported.skipped.iter().take(MAX_LISTED) {
        stderr_line(format_args!("rounds: left out: {place}: {reason}"));
    }
    let more = imported.skipped.len().saturating_sub(MAX_LISTED);
    if more > 0 {
        stderr_line(format_args!(
            "rounds: left out: {}",
            count(more, "more card")
        ));
    }
    print(format_args!(
        "{name}: {new} added, {} updated, {} left out, {} imported",
        change.updated,
        imported.skipped.len(),
        count(reviews, "review")
    ))?;
    Ok(0)
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

/// Exports a deck as an Anki package.
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
        true => store.log(deck)?,
        false => Vec::new(),
    };
    let standings = store.standings(deck)?.into_iter();
    let schedules = standings.filter_map(|of| Some((of.card, of.schedule?)));
    let written = DeckExport {
        name: deck.to_string(),
        about: INTENDED_USE.to_string(),
        cards: &cards,
        media: &media,
        reviews: &reviews,
        schedules: &schedules.collect(),
        with_history: history,
    };
    write_apkg(out, &written)?;
    print(format_args!(
        "{}: {}",
        display_path(out),
        count(cards.len(), "card")
    ))?;
    Ok(0)
}

/// An image of the index, or else of the store.
fn media(store: &Store, images: Option<&Images>, image: &CardImage) -> Result<Vec<u8>, StudyError> {
    let of_index = ExampleImage {
        sha256: image.sha256.clone(),
        extension: image.extension.clone(),
    };
    match images.map(|images| images.bytes(&of_index)) {
        Some(Ok(bytes)) => Ok(bytes.into_owned()),
        Some(Err(_)) | None => store.media(image),
    }
}
