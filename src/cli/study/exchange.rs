//! Cards in and out: Anki packages and tables.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::{require, store};
use crate::cli::failure::Outcome;
use crate::cli::out::print;
use crate::study::{for_elsewhere, from_elsewhere, image_bytes, now, standing_elsewhere};
use rounds_index::Images;
use rounds_study::TimeZone;
use rounds_study::card::{Card, CardImage};
use rounds_study::exchange::{DeckExport, Import, Limits, TableFormat, read_with, write};
use rounds_study::schedule::Scheduler;
use rounds_study::store::{DeckInfo, Store};
use rounds_support::errors::{count, display_path};
use rounds_support::sanitise::clean_line_max;
use rounds_support::{Cancel, Failure, FailureKind, Paths, stderr_line};

/// Rejected cards that are listed one by one.
const MAX_LISTED: usize = 20;
/// Longest name of a deck.
pub(super) const MAX_NAME: usize = 80;
/// Reviews that are added at once; in between Ctrl-C is heard.
const AT_ONCE: usize = 5000;

/// Imports cards into a deck of their own, or adds them to one that was imported before.
pub fn import(file: &Path, deck: Option<&str>, cancel: &Cancel) -> Outcome {
    let mut store = store(&Paths::find()?)?;
    let (imported, done) = import_into(&mut store, file, deck, cancel)?;
    say_what_is_missing(&imported);
    print(done)?;
    Ok(u8::from(imported.skipped_in_all > 0))
}

/// Imports into a store; what was found, and what was done with it in words. Images that no card shows in the end do not
/// stay, such as those of an import that was stopped.
fn import_into(
    store: &mut Store,
    file: &Path,
    deck: Option<&str>,
    cancel: &Cancel,
) -> Result<(Import, String), Failure> {
    if let Some(deck) = deck {
        refuse_index(store, deck)?;
    }
    let mut kept = Vec::new();
    let mut keep = |image: &CardImage, bytes: Vec<u8>| {
        let is_new = !store.has_media(image);
        let put = store.put_media(&bytes, &image.extension);
        kept.extend(put.as_ref().ok().filter(|_| is_new).cloned());
        put.map(|_| ()).map_err(|error| error.to_string())
    };
    let imported = read_with(file, &Limits::default(), &mut keep, cancel);
    let done = imported.map_err(Failure::from).and_then(|imported| {
        let done = add_cards(store, file, deck, &imported, cancel)?;
        Ok((imported, done))
    });
    if let Ok((imported, _)) = &done {
        let shown = imported.cards.iter().flat_map(|card| &card.images);
        let shown: HashSet<&CardImage> = shown.collect();
        kept.retain(|image| !shown.contains(image));
    }
    if let Err(error) = store.remove_unused_media(&kept) {
        stderr_line(format_args!(
            "rounds: images that no card shows stay: {error}"
        ));
    }
    done
}

/// Adds what was imported to its deck.
fn add_cards(
    store: &mut Store,
    file: &Path,
    deck: Option<&str>,
    imported: &Import,
    cancel: &Cancel,
) -> Result<String, Failure> {
    let name = clean_line_max(deck.unwrap_or(&imported.name), MAX_NAME);
    let name = name.trim();
    if name.is_empty() {
        return Err(Failure::usage("the deck needs a name").hint("give one with --deck"));
    }
    let mut cards = existing(store, name)?;
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
    // What the learner already has here, suspended or not, stays as it is.
    let is_new = |card: &&String| !places.contains_key(card.as_str());
    let suspended: Vec<String> = imported.suspended.iter().filter(is_new).cloned().collect();
    unless_stopped(cancel, "nothing was imported")?;
    let change = store.put_deck(name, &info, &cards)?;
    store.suspend_all(name, &suspended)?;
    let added = add_history(store, name, imported, cancel)?;
    Ok(format!(
        "{name}: {} added, {} updated, {} left out, {} and {} imported",
        cards.len() - before,
        change.updated,
        imported.skipped_in_all,
        count(added.reviews, "review"),
        count(added.schedules, "schedule")
    ))
}

/// The cards that a deck has already.
pub(super) fn existing(store: &Store, name: &str) -> Result<Vec<Card>, Failure> {
    refuse_index(store, name)?;
    match store.has_deck(name)? {
        true => Ok(store.cards(name)?),
        false => Ok(Vec::new()),
    }
}

/// Errors if a deck is made from an index, which would take imported cards away again.
fn refuse_index(store: &Store, name: &str) -> Result<(), Failure> {
    if store.has_deck(name)? && store.deck_info(name)?.index.is_some() {
        let taken = format!("the deck {name} is made from an index");
        return Err(Failure::usage(taken).hint("choose another name with --deck"));
    }
    Ok(())
}

/// Errors once Ctrl-C was pressed; `state` says what that left behind.
fn unless_stopped(cancel: &Cancel, state: &str) -> Result<(), Failure> {
    match cancel.is_cancelled() {
        true => Err(Failure::new(FailureKind::Interrupted, "stopped").hint(state)),
        false => Ok(()),
    }
}

/// What was new of the history.
struct Added {
    reviews: usize,
    /// Cards that came with a schedule only.
    schedules: usize,
}

/// Adds the reviews, and where cards stand that come without.
fn add_history(
    store: &mut Store,
    deck: &str,
    imported: &Import,
    cancel: &Cancel,
) -> Result<Added, Failure> {
    let scheduler = Scheduler::new(&store.settings(deck)?, &TimeZone::system())?;
    let reviews = from_elsewhere(deck, &scheduler, &imported.reviews, &imported.schedules);
    let mut added = 0;
    for some in reviews.chunks(AT_ONCE) {
        let again =
            "the cards are imported; import the file again to add the rest of their reviews";
        unless_stopped(cancel, again)?;
        added += store.import_history(deck, some)?;
    }
    let standing = standing_elsewhere(&scheduler, &imported.schedules);
    Ok(Added {
        reviews: added,
        schedules: store.import_schedules(deck, &standing)?,
    })
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
    if history && TableFormat::of(out).is_some() {
        let error = Failure::usage("a table takes no schedules and reviews");
        return Err(error.hint("leave out --history, or export a package: --out FILE.apkg"));
    }
    let cards = store.cards(deck)?;
    let found = crate::study::find(&store, &paths, Some(Path::new(deck)))?;
    let images = found.source.index().map(Images::new);
    let media = |image: &CardImage| image_bytes(images.as_ref(), &store, image);
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

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_study::card::{Kind, card_id};
    use rounds_study::exchange::{Review, ReviewKind};
    use rounds_study::schedule::{Grade, Phase, Schedule};
    use rounds_study::store::DeckChange;

    fn a_card(question: &str) -> Card {
        let text = serde_json::json!({
            "id": card_id(Kind::Question, question, &[], &[]), "kind": "question", "question": question,
            "answer": "yes", "rationale": "", "images": [], "choices": [], "regions": [], "vignette": "",
            "laboratory": [], "tags": [], "sibling_keys": [], "source": "", "licence": "", "example": "",
        });
        serde_json::from_value(text).unwrap()
    }

    /// A store with the deck `d`, and what an import found for its two cards: grades for the first, a schedule for the second.
    fn imported() -> (Store, Import) {
        let cards = vec![a_card("one"), a_card("two")];
        let mut store = Store::in_memory().unwrap();
        let change = store.put_deck("d", &DeckInfo::default(), &cards).unwrap();
        assert_eq!(
            change,
            DeckChange {
                added: 2,
                ..DeckChange::default()
            }
        );
        let at = 1_790_596_800_000;
        let review = Review {
            card: cards[0].id.clone(),
            at,
            grade: Grade::Easy,
            took_ms: 1000,
            kind: ReviewKind::Learn,
            interval_ms: 0,
            previous_interval_ms: 0,
        };
        let schedule = Schedule {
            phase: Phase::Review,
            due: at + 40 * 86_400_000,
            last_review: Some(at),
            reviews: 3,
            ..Schedule::new(at)
        };
        let import = Import {
            schedules: vec![(cards[1].id.clone(), schedule)],
            reviews: vec![review],
            cards,
            ..Import::default()
        };
        (store, import)
    }

    #[test]
    fn schedules_that_come_without_reviews_are_kept_and_nothing_is_added_twice() {
        let (mut store, import) = imported();
        for (reviews, schedules) in [(1, 1), (0, 0)] {
            let added = add_history(&mut store, "d", &import, &Cancel::new()).unwrap();
            assert_eq!((added.reviews, added.schedules), (reviews, schedules));
        }
        let second = store.schedule("d", &import.cards[1].id, 0).unwrap();
        assert_eq!((second.phase, second.reviews), (Phase::Review, 3));
        assert!(second.memory.is_some());
        assert_eq!(store.log("d").unwrap().len(), 1);
    }

    #[test]
    fn images_of_an_import_that_comes_to_nothing_do_not_stay() {
        let home = tempfile::tempdir().unwrap();
        let film = crate::fixtures::path("cases/chest-nodule.png");
        std::fs::copy(film, home.path().join("film.png")).unwrap();
        let file = home.path().join("d.json");
        let card = r#"{"question": "Is there a nodule?", "answer": "yes", "image": "film.png"}"#;
        std::fs::write(&file, format!("[{card}]")).unwrap();
        let folder = home.path().join("study");
        let mut store = Store::open(&folder).unwrap();
        let of_index = DeckInfo {
            index: Some("d".into()),
            about: String::new(),
        };
        store.put_deck("d", &of_index, &[a_card("one")]).unwrap();
        let images = || std::fs::read_dir(folder.join("media")).unwrap().count();
        let mut import = |deck| import_into(&mut store, &file, deck, &Cancel::new());
        // The name of the deck, which only the file tells, is taken.
        assert!(import(None).is_err());
        assert_eq!(images(), 0);
        let (imported, done) = import(Some("other")).unwrap();
        assert_eq!((imported.cards.len(), images()), (1, 1));
        assert!(done.starts_with("other: 1 added"), "{done}");
        // What other cards show stays, whatever becomes of the import.
        assert!(import(None).is_err());
        assert_eq!(images(), 1);
    }

    #[test]
    fn history_that_is_stopped_ends_as_interrupted_and_can_be_added_later() {
        let (mut store, import) = imported();
        let cancel = Cancel::new();
        cancel.cancel();
        let stopped = add_history(&mut store, "d", &import, &cancel)
            .err()
            .unwrap();
        assert_eq!(stopped.exit_code(), 130);
        assert!(store.log("d").unwrap().is_empty());
        cancel.reset();
        let added = add_history(&mut store, "d", &import, &cancel).unwrap();
        assert_eq!(added.reviews, 1);
    }
}
