//! Reads a package.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use rounds_support::{INTENDED_USE, sanitise};

use crate::exchange::error::{ExchangeError, damaged};
use crate::exchange::import::Collector;
use crate::exchange::{checked, html};

use super::archive::Archive;
use super::collection::{CardRow, Collection, NoteRow};
use super::history;
use super::media::Media;
use super::notes::{self, Draft};

/// Longest fields of a note together, and longest tags, in bytes: they are read for each of its cards.
const MAX_NOTE_BYTES: usize = 256 << 10;
/// Most cards of a note, which is Anki's own limit.
const MAX_CARDS_OF_NOTE: i64 = 500;

/// Reads the package at `path` into `collector`.
pub(in crate::exchange) fn read(
    path: &Path,
    collector: &mut Collector,
) -> Result<(), ExchangeError> {
    let mut archive = Archive::open(path, collector.limits)?;
    let collection = database(&mut archive, collector)?;
    let media = Media::read(&mut archive, collector.limits)?;
    let (rows, broken) = collection.notes(collector.limits)?;
    let mut reader = Reader {
        archive,
        media,
        notes: rows,
        seen: HashSet::new(),
        added: HashMap::new(),
        decks: Vec::new(),
    };
    for _ in 0..broken {
        collector.skip("a note", "it is not UTF-8");
    }
    collection.cards(collector.limits, |row| {
        reader.card(&row, &collection, collector)
    })?;
    reader.reviews(&collection, collector)?;
    reader.name(&collection, collector);
    Ok(())
}

/// The database: the newer one of two, where one is only a message to old programs.
fn database(archive: &mut Archive, collector: &Collector) -> Result<Collection, ExchangeError> {
    let name = match () {
        () if archive.has("collection.anki21") => "collection.anki21",
        () if archive.has("collection.anki21b") => return Err(ExchangeError::NewerPackage),
        () if archive.has("collection.anki2") => "collection.anki2",
        () => return Err(damaged("there is no collection in it")),
    };
    let content = archive.content(name, collector.limits.collection_bytes);
    let content = content.map_err(|reason| damaged(format!("its collection: {reason}")))?;
    Collection::open(content, collector.cancel)
}

struct Reader {
    archive: Archive,
    media: Media,
    notes: HashMap<i64, NoteRow>,
    /// Notes and templates of the cards so far.
    seen: HashSet<(i64, i64)>,
    /// Ids of the cards that were added, by Anki's.
    added: HashMap<i64, String>,
    /// Deck of each card that was added, in order.
    decks: Vec<i64>,
}

impl Reader {
    fn card(
        &mut self,
        row: &CardRow,
        collection: &Collection,
        collector: &mut Collector,
    ) -> Result<(), ExchangeError> {
        // Anki's search finds a note by this.
        let place = format!("nid:{}", row.note);
        let Some(note) = self.notes.get(&row.note) else {
            collector.skip(&place, "its note is missing or not readable");
            return Ok(());
        };
        let length = note.fields.len().max(note.tags.len());
        if length > MAX_NOTE_BYTES || !(0..MAX_CARDS_OF_NOTE).contains(&row.template) {
            collector.skip(&place, "its note is too long or has too many cards");
            return Ok(());
        }
        if !self.seen.insert((row.note, row.template)) {
            collector.skip(&place, "the same card came before");
            return Ok(());
        }
        let Some(note_type) = collection.note_types.get(&note.note_type) else {
            collector.skip(&place, "its note type is missing or broken");
            return Ok(());
        };
        let mut draft = match notes::draft(note, note_type, row.template) {
            Ok(draft) => draft,
            Err(reason) => {
                collector.skip(&place, &reason);
                return Ok(());
            }
        };
        if let Err(reason) = self.images(&mut draft, collector)? {
            collector.skip(&place, &reason);
            return Ok(());
        }
        let Some(id) = collector.add(draft.card, &place)? else {
            return Ok(());
        };
        if draft.answer_images {
            collector.notice("cards lost the images of their answers: a card shows images with its question only");
        }
        if draft.sound {
            collector.notice("cards lost their sound");
        }
        let deck = match row.original_deck {
            0 => row.deck,
            original => original,
        };
        let steps = collection.steps(deck);
        if let Some(schedule) = history::schedule(row, collection.created_ms, steps) {
            collector.import.schedules.push((id.clone(), schedule));
        }
        if row.queue == -1 {
            collector.import.suspended.push(id.clone());
        }
        self.added.insert(row.id, id);
        self.decks.push(deck);
        Ok(())
    }

    /// Finds the images of a draft. A card without its image would ask nonsense, so all of them must be there.
    fn images(
        &mut self,
        draft: &mut Draft,
        collector: &mut Collector,
    ) -> Result<Result<(), String>, ExchangeError> {
        if draft.images.len() > checked::MAX_IMAGES {
            return Ok(Err(format!(
                "it has more than {} images",
                checked::MAX_IMAGES
            )));
        }
        for source in &draft.images {
            let name = sanitise::clean_line_max(source, 80);
            let Some(entry) = self.media.entry(source) else {
                return Ok(Err(format!("its image {name} is not in the package")));
            };
            let limit = collector.limits.image_bytes;
            let archive = &mut self.archive;
            match collector.image(entry, || archive.content(entry, limit))? {
                Ok(image) => draft.card.images.push(image),
                Err(reason) => {
                    return Ok(Err(format!("its image {name} cannot be used: {reason}")));
                }
            }
        }
        Ok(Ok(()))
    }

    fn reviews(
        &self,
        collection: &Collection,
        collector: &mut Collector,
    ) -> Result<(), ExchangeError> {
        let mut last: HashMap<&str, i64> = HashMap::new();
        let reviews = &mut collector.import.reviews;
        collection.reviews(collector.limits, |row| {
            let card = self.added.get(&row.card);
            let review = card.and_then(|card| history::review(&row, card));
            if let (Some(card), Some(review)) = (card, review) {
                let latest = last.entry(card).or_default();
                *latest = review.at.max(*latest);
                reviews.push(review);
            }
        })?;
        for (card, schedule) in &mut collector.import.schedules {
            let logged = last.get(card.as_str()).copied();
            schedule.last_review = logged.or(schedule.last_review);
        }
        Ok(())
    }

    /// Names the deck: what the names of all decks have in common. The rest of a name becomes a tag.
    fn name(&self, collection: &Collection, collector: &mut Collector) {
        let name_of = |deck: &i64| {
            collection
                .decks
                .get(deck)
                .map_or("", |deck| deck.name.as_str())
        };
        let names: BTreeSet<&str> = self.decks.iter().map(name_of).collect();
        let common = names
            .iter()
            .map(|name| levels(name))
            .reduce(|common, levels| {
                let same = common
                    .iter()
                    .zip(&levels)
                    .take_while(|(one, other)| one == other);
                same.map(|(level, _)| *level).collect()
            });
        let common = common.unwrap_or_default();
        for (card, deck) in collector.import.cards.iter_mut().zip(&self.decks) {
            let rest = levels(name_of(deck)).split_off(common.len());
            if !rest.is_empty() {
                let rest = sanitise::clean_line_max(&rest.join("::"), 200);
                card.tags.push(("deck".to_owned(), rest));
            }
        }
        let name = common.join("::");
        let about = collection.decks.values().find(|deck| deck.name == name);
        collector.import.about = about.map(|deck| about_of(&deck.about)).unwrap_or_default();
        // Where Anki puts what has no deck: says nothing.
        if name != "Default" {
            collector.import.name = sanitise::clean_line_max(&name, 200);
        }
    }
}

/// The levels of a deck's name.
fn levels(name: &str) -> Vec<&str> {
    name.split("::")
        .map(str::trim)
        .filter(|level| !level.is_empty())
        .collect()
}

/// A description without the sentence that an export adds.
fn about_of(description: &str) -> String {
    let text = html::to_plain(description).text;
    let text = text.strip_suffix(INTENDED_USE).unwrap_or(&text).trim();
    sanitise::clean_line_max(text, 2000)
}
