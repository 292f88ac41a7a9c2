//! What an import found, as it is collected.

use std::collections::{HashMap, HashSet};

use rounds_support::{Cancel, errors, files, sanitise};

use crate::card::{Card, CardImage};
use crate::schedule::{Grade, Schedule};

use super::checked;
use super::error::{ExchangeError, at_most, at_most_bytes, unless_stopped};
use super::limits::Limits;

/// Most places of skipped cards that are kept; more are only counted.
const MAX_PLACES: usize = 1000;

/// At which stage of learning a card was graded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReviewKind {
    /// In its first learning steps.
    Learn,
    /// After days.
    Review,
    /// In relearning steps, after it was forgotten.
    Relearn,
    /// Outside of its schedule.
    Cram,
}

/// One grade of a card, as far as decks carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Id of the card.
    pub card: String,
    /// When, in milliseconds since 1970 UTC.
    pub at: i64,
    /// How well the card was known.
    pub grade: Grade,
    /// How long the answer took, in milliseconds.
    pub took_ms: u32,
    /// The stage before the grade.
    pub kind: ReviewKind,
    /// Until when the card was to wait after this grade, in milliseconds; whole days or, below a day, whole seconds in a package.
    pub interval_ms: i64,
    /// How long it had been meant to wait before it, in milliseconds; 0 for a new card.
    pub previous_interval_ms: i64,
}

/// What an import found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Import {
    /// Name of the deck, sanitised; may be empty.
    pub name: String,
    /// What the deck says about itself, sanitised; may be empty.
    pub about: String,
    /// The cards, with ids that differ. Their texts are sanitised.
    pub cards: Vec<Card>,
    /// Their images, each once, if they were not handed over one by one. The type comes from the content.
    pub media: Vec<(CardImage, Vec<u8>)>,
    /// Reviews of these cards, oldest first.
    pub reviews: Vec<Review>,
    /// Where the cards stand that are not new, by their ids.
    pub schedules: Vec<(String, Schedule)>,
    /// Ids of the cards that the learner had taken out.
    pub suspended: Vec<String>,
    /// Place and reason, both sanitised, of the first 1,000 cards that were skipped.
    pub skipped: Vec<(String, String)>,
    /// How many were skipped in all.
    pub skipped_in_all: usize,
    /// What else the learner should know.
    pub notices: Vec<String>,
}

/// Takes the images of an import, one by one, each once. An error ends the import.
pub type Keep<'a> = dyn FnMut(&CardImage, Vec<u8>) -> Result<(), String> + 'a;

/// Collects an [`Import`].
pub(super) struct Collector<'a> {
    pub(super) limits: &'a Limits,
    pub(super) cancel: &'a Cancel,
    pub(super) import: Import,
    keep: &'a mut Keep<'a>,
    ids: HashSet<String>,
    /// Images by the key that the file gives them, or why they cannot be used.
    images: HashMap<String, Result<CardImage, String>>,
    kept: HashSet<String>,
    image_bytes: u64,
    notices: Vec<(&'static str, usize)>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(limits: &'a Limits, keep: &'a mut Keep<'a>, cancel: &'a Cancel) -> Self {
        Self {
            limits,
            cancel,
            import: Import::default(),
            keep,
            ids: HashSet::new(),
            images: HashMap::new(),
            kept: HashSet::new(),
            image_bytes: 0,
            notices: Vec::new(),
        }
    }

    /// Checks a card and adds it, or notes why it was skipped. Returns its id if it was added.
    pub(super) fn add(&mut self, card: Card, place: &str) -> Result<Option<String>, ExchangeError> {
        unless_stopped(self.cancel)?;
        let card = match checked::card(card, self.limits) {
            Ok(card) => card,
            Err(reason) => {
                self.skip(place, &reason);
                return Ok(None);
            }
        };
        if !self.ids.insert(card.id.clone()) {
            self.skip(place, "the same card came before");
            return Ok(None);
        }
        at_most("cards:", self.ids.len(), self.limits.cards)?;
        let id = card.id.clone();
        self.import.cards.push(card);
        Ok(Some(id))
    }

    pub(super) fn skip(&mut self, place: &str, reason: &str) {
        self.import.skipped_in_all += 1;
        if self.import.skipped.len() < MAX_PLACES {
            let cleaned = |text| sanitise::clean_line_max(text, 300);
            self.import.skipped.push((cleaned(place), cleaned(reason)));
        }
    }

    /// Counts something that the learner should know; `what` reads on after a number.
    pub(super) fn notice(&mut self, what: &'static str) {
        match self.notices.iter_mut().find(|(known, _)| *known == what) {
            Some((_, count)) => *count += 1,
            None => self.notices.push((what, 1)),
        }
    }

    /// The image that the file knows as `key`, which `load` reads; or why it cannot be used. An image is read and kept once.
    pub(super) fn image(
        &mut self,
        key: &str,
        load: impl FnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<Result<CardImage, String>, ExchangeError> {
        if let Some(known) = self.images.get(key) {
            return Ok(known.clone());
        }
        unless_stopped(self.cancel)?;
        let image = match load().and_then(|bytes| Ok((image_of(&bytes)?, bytes))) {
            Ok((image, bytes)) => {
                if self.kept.insert(image.sha256.clone()) {
                    self.image_bytes += bytes.len() as u64;
                    let limit = self.limits.all_images_bytes;
                    at_most_bytes("images of", self.image_bytes, limit)?;
                    (self.keep)(&image, bytes).map_err(|reason| {
                        ExchangeError::Keep(sanitise::clean_line_max(&reason, 300))
                    })?;
                }
                Ok(image)
            }
            Err(reason) => Err(reason),
        };
        self.images.insert(key.to_owned(), image.clone());
        Ok(image)
    }

    /// What was collected; an error if there is no card.
    pub(super) fn finish(mut self) -> Result<Import, ExchangeError> {
        if self.import.cards.is_empty() {
            let first = self.import.skipped.first();
            let first = first.map(|(place, reason)| format!("{place}: {reason}"));
            return Err(ExchangeError::Empty { first });
        }
        self.import.reviews.sort_by_key(|review| review.at);
        let counted = self.notices.iter();
        self.import.notices = counted
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        Ok(self.import)
    }
}

/// The image in `bytes`, by its content; or why it cannot be used.
pub(super) fn image_of(bytes: &[u8]) -> Result<CardImage, String> {
    let limit = rounds_imaging::limits::MAX_FILE_BYTES;
    if bytes.len() as u64 > limit {
        return Err(format!("an image is larger than {}", errors::bytes(limit)));
    }
    match rounds_imaging::format_of(bytes) {
        Some(format) => Ok(CardImage {
            sha256: files::sha256_hex(bytes),
            extension: format.extension().to_owned(),
        }),
        None => Err("an image has no supported format".to_owned()),
    }
}
