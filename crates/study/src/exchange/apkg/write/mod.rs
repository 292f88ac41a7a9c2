//! Writes a deck as a package that every version of Anki since 2.0 reads.
//!
//! What identifies a patient does not leave: keys of siblings become groups without names, and the example of the index is not
//! named. Ids and GUIDs come from the cards, so a deck that is exported again updates the one that was imported before.

mod collection;
mod fields;
mod models;

use std::collections::{HashMap, HashSet};
use std::io::{self, Seek, Write};
use std::path::Path;

use rounds_support::files::Staged;
use rounds_support::{FileError, sanitise};
use serde_json::{Map, Value};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::card::{Card, CardImage};
use crate::exchange::error::{ExchangeError, unmade};
use crate::exchange::import::{Review, image_of};
use crate::schedule::Schedule;

/// Gives the bytes of an image, or says why there are none.
pub type MediaSource<'a> = dyn Fn(&CardImage) -> Result<Vec<u8>, String> + 'a;

/// A deck to export.
pub struct DeckExport<'a> {
    /// Its name; `::` separates levels.
    pub name: &'a str,
    /// What it says about itself; the intended use is added.
    pub about: &'a str,
    /// The cards, with ids that differ.
    pub cards: &'a [Card],
    /// Where their images come from.
    pub media: &'a MediaSource<'a>,
    /// Reviews of these cards.
    pub reviews: &'a [Review],
    /// Where the cards stand, by their ids; others are new.
    pub schedules: &'a [(String, Schedule)],
    /// Ids of the cards that the learner took out.
    pub suspended: &'a [String],
    /// Whether reviews, schedules and what was taken out are written; otherwise all cards are new.
    pub with_history: bool,
    /// The time of the export, in milliseconds since 1970 UTC.
    pub now: i64,
}

impl DeckExport<'_> {
    /// The name, or another where it is empty, which Anki does not accept.
    fn title(&self) -> &str {
        match self.name.trim() {
            "" => "rounds",
            name => name,
        }
    }
}

/// What an export wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Number of cards.
    pub cards: usize,
    /// Number of images.
    pub images: usize,
    /// Number of reviews.
    pub reviews: usize,
    /// Id of each card that was left out, and why, sanitised.
    pub skipped: Vec<(String, String)>,
}

/// Writes the package to `path`. A card whose image cannot be had is left out and named in the result.
pub fn write_apkg(path: &Path, deck: &DeckExport) -> Result<Exported, ExchangeError> {
    let failed = |error: io::Error| FileError::from_io(path, "write", &error);
    // A zip is written with steps back, which a file that replaces another does not take.
    let mut packed = tempfile::tempfile().map_err(failed)?;
    let exported = pack(&mut packed, deck)?;
    packed.rewind().map_err(failed)?;
    let mut staged = Staged::new(path)?;
    io::copy(&mut packed, &mut staged).map_err(failed)?;
    staged.commit()?;
    Ok(exported)
}

fn pack(file: impl Write + Seek, deck: &DeckExport) -> Result<Exported, ExchangeError> {
    let mut zip = ZipWriter::new(file);
    let mut images = Images {
        names: HashMap::new(),
        map: Map::new(),
    };
    let (mut cards, mut skipped) = (Vec::with_capacity(deck.cards.len()), Vec::new());
    let mut ids = HashSet::new();
    for card in deck.cards.iter().filter(|card| ids.insert(&card.id)) {
        match images.of(card, deck, &mut zip)? {
            Ok(()) => cards.push(card),
            Err(reason) => skipped.push((card.id.clone(), sanitise::clean_line_max(&reason, 300))),
        }
    }
    if cards.is_empty() {
        let first = skipped.first();
        let first = first.map(|(id, reason)| format!("card {id}: {reason}"));
        return Err(ExchangeError::Empty { first });
    }
    let (database, reviews) = collection::database(deck, &cards, &images.names)?;
    let exported = Exported {
        cards: cards.len(),
        images: images.map.len(),
        reviews,
        skipped,
    };
    entry(&mut zip, "collection.anki2", &database, true)?;
    let map = Value::Object(images.map).to_string();
    entry(&mut zip, "media", map.as_bytes(), true)?;
    zip.finish().map_err(unmade)?;
    Ok(exported)
}

/// Images by what they are called.
struct Images {
    /// File names by SHA-256, or why there is none.
    names: HashMap<String, Result<String, String>>,
    /// File names by entries of the zip.
    map: Map<String, Value>,
}

impl Images {
    /// Writes the images of a card that have not been written; or says why one cannot be.
    fn of(
        &mut self,
        card: &Card,
        deck: &DeckExport,
        zip: &mut ZipWriter<impl Write + Seek>,
    ) -> Result<Result<(), String>, ExchangeError> {
        for image in &card.images {
            let name = match self.names.get(&image.sha256) {
                Some(known) => known.clone(),
                None => self.write(image, deck, zip)?,
            };
            self.names.insert(image.sha256.clone(), name.clone());
            if let Err(reason) = name {
                return Ok(Err(reason));
            }
        }
        Ok(Ok(()))
    }

    fn write(
        &mut self,
        image: &CardImage,
        deck: &DeckExport,
        zip: &mut ZipWriter<impl Write + Seek>,
    ) -> Result<Result<String, String>, ExchangeError> {
        let (name, bytes) = match content(deck, image) {
            Ok(content) => content,
            Err(reason) => return Ok(Err(reason)),
        };
        let number = self.map.len().to_string();
        // Images are compressed already.
        entry(zip, &number, &bytes, false)?;
        self.map.insert(number, Value::from(name.clone()));
        Ok(Ok(name))
    }
}

/// File name and bytes of an image, if they are what the card says.
fn content(deck: &DeckExport, image: &CardImage) -> Result<(String, Vec<u8>), String> {
    let bytes = (deck.media)(image)?;
    let found = image_of(&bytes)?;
    if found.sha256 != image.sha256 {
        return Err("its image has changed".to_owned());
    }
    let digits: String = found.sha256.chars().take(32).collect();
    Ok((format!("rounds-{digits}.{}", found.extension), bytes))
}

fn entry(
    zip: &mut ZipWriter<impl Write + Seek>,
    name: &str,
    content: &[u8],
    compressed: bool,
) -> Result<(), ExchangeError> {
    let method = match compressed {
        true => zip::CompressionMethod::Deflated,
        false => zip::CompressionMethod::Stored,
    };
    let options = SimpleFileOptions::default().compression_method(method);
    zip.start_file(name, options).map_err(unmade)?;
    zip.write_all(content).map_err(unmade)
}

/// A tag as Anki writes it: `name::value` without spaces.
pub(super) fn tag((name, value): &(String, String)) -> String {
    let tag = match name.as_str() {
        "" | "tag" => value.clone(),
        name if value.is_empty() => name.to_owned(),
        name => format!("{name}::{value}"),
    };
    let words: Vec<&str> = tag.split_whitespace().collect();
    words.join("_")
}
