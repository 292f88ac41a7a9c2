//! Decks as whole files: written, read back, damaged and hostile.

mod anki;
mod hostile;
mod packages;
mod tables;

use std::collections::HashMap;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use rounds_support::files;
use serde_json::{Value, json};

use super::*;
use crate::card::{Card, Kind, LabRow, Region};

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// The time of all exports.
const NOW: i64 = 1_790_000_000_000;

/// A small PNG, different for each `seed`.
fn png(seed: u8) -> Vec<u8> {
    let pixels = image::RgbImage::from_fn(8, 6, |x, y| image::Rgb([seed, x as u8, y as u8]));
    let mut content = Cursor::new(Vec::new());
    pixels
        .write_to(&mut content, image::ImageFormat::Png)
        .unwrap();
    content.into_inner()
}

/// Cards of all kinds with everything a card can have, and their images by SHA-256.
fn cards() -> (Vec<Card>, HashMap<String, Vec<u8>>) {
    let kinds = [
        Kind::Question,
        Kind::Choice,
        Kind::Spot,
        Kind::Occlusion,
        Kind::Compare,
        Kind::Staged,
    ];
    let mut media = HashMap::new();
    let mut cards = Vec::new();
    for (at, kind) in kinds.into_iter().enumerate() {
        let mut images = Vec::new();
        for seed in [at as u8, 100] {
            let bytes = png(seed);
            let image = image_of(&bytes).unwrap();
            media.insert(image.sha256.clone(), bytes);
            images.push(image);
        }
        if !matches!(kind, Kind::Compare) {
            images.truncate(1);
        }
        let mut card = checked::empty(kind);
        card.id = files::sha256_hex(&[at as u8]).chars().take(16).collect();
        card.question = format!("Question <{at}> & \"why\"?\n  {{{{c1::no deletion}}}} [sound:x]");
        card.answer = format!("answer {at} < 5 mmHg");
        card.rationale = "Because – of  that.\n\nAnd 10^9/L.".to_owned();
        card.sibling_keys = images.iter().map(|image| image.sha256.clone()).collect();
        card.images = images;
        card.tags = vec![
            ("organ".to_owned(), "left lung".to_owned()),
            ("tag".to_owned(), "first".to_owned()),
        ];
        card.source = "A data set, by <someone>".to_owned();
        card.licence = "CC BY 4.0".to_owned();
        if at < 3 {
            card.sibling_keys.push("patient:Jane Doe".to_owned());
        }
        let region = |label: &str, x: f32| Region {
            label: label.to_owned(),
            x,
            y: 0.125,
            width: 0.25,
            height: 0.375,
        };
        match kind {
            Kind::Choice => {
                card.choices = vec![
                    "one".to_owned(),
                    card.answer.clone(),
                    "two & three".to_owned(),
                ]
            }
            Kind::Spot | Kind::Occlusion => {
                card.regions = vec![region("heart", 0.1), region("liver", 0.7)]
            }
            Kind::Staged => {
                card.vignette = "A man of 60.\nHe coughs.".to_owned();
                card.laboratory = vec![LabRow {
                    test: "Hb".to_owned(),
                    value: "9 g/dL".to_owned(),
                    reference: "13–17".to_owned(),
                }];
            }
            _ => {}
        }
        cards.push(card);
    }
    (cards, media)
}

/// An export of `cards` without history.
fn export<'a>(cards: &'a [Card], media: &'a MediaSource<'a>) -> DeckExport<'a> {
    DeckExport {
        name: "Chest::First",
        about: "About <this> deck",
        cards,
        media,
        reviews: &[],
        schedules: &[],
        suspended: &[],
        with_history: false,
        now: NOW,
    }
}

/// Looks images up in a map.
fn from_map(
    media: &HashMap<String, Vec<u8>>,
) -> impl Fn(&CardImage) -> Result<Vec<u8>, String> + '_ {
    move |image| {
        media
            .get(&image.sha256)
            .cloned()
            .ok_or_else(|| "its image is lost".to_owned())
    }
}

/// The cards without what stays at home, and which of them are siblings.
fn compared(cards: &[Card]) -> (Vec<Card>, Vec<bool>) {
    let mut siblings = Vec::new();
    for one in cards {
        for other in cards {
            siblings.push(
                one.sibling_keys
                    .iter()
                    .any(|key| other.sibling_keys.contains(key)),
            );
        }
    }
    let bare = cards.iter().cloned().map(|mut card| {
        card.sibling_keys.clear();
        card.example.clear();
        card
    });
    (bare.collect(), siblings)
}

/// A zip with these entries.
fn zip_of(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A file with this content in a folder that is deleted with the first value.
fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/anki.apkg")
}

/// The entries of the package at `path`.
fn entries(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut entries = Vec::new();
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        entries.push((entry.name().unwrap().into_owned(), content));
    }
    entries
}

/// A package made row by row, as hostile as wanted.
struct Package {
    models: String,
    decks: String,
    /// GUID, tags and fields of notes of the type `Basic`, which have one card each.
    notes: Vec<(String, String, Vec<u8>)>,
    /// What is done to the database in the end.
    sql: String,
    media: String,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Package {
    fn new(fields: &[&str]) -> Self {
        let note = |fields: &&str| {
            (
                format!("guid {fields}"),
                String::new(),
                fields.as_bytes().to_vec(),
            )
        };
        Self {
            models: basic().to_string(),
            decks: json!({"1": {"name": "Default"}, "2": {"name": "Deck", "conf": 1}}).to_string(),
            notes: fields.iter().map(note).collect(),
            sql: String::new(),
            media: "{}".to_owned(),
            files: Vec::new(),
        }
    }

    fn database(&self) -> Vec<u8> {
        let mut database = rusqlite::Connection::open_in_memory().unwrap();
        let schema = "
            create table col (id integer primary key, crt, mod, scm, ver, dty, usn, ls, conf, models, decks, dconf, tags);
            create table notes (id integer primary key, guid, mid, mod, usn, tags, flds, sfld, csum, flags, data);
            create table cards (id integer primary key, nid, did, ord, mod, usn, type, queue, due, ivl, factor, reps, lapses,
                                left, odue, odid, flags, data);
            create table revlog (id integer primary key, cid, usn, ease, ivl, lastIvl, factor, time, type);";
        database.execute_batch(schema).unwrap();
        database
            .execute(
                "insert into col values (1, 1700000000, 0, 0, 11, 0, 0, 0, '{}', ?1, ?2, '{}', '{}')",
                [&self.models, &self.decks],
            )
            .unwrap();
        for (at, (guid, tags, fields)) in self.notes.iter().enumerate() {
            let at = at as i64 + 1;
            let insert =
                "insert into notes values (?1, ?2, 7, 0, 0, ?3, cast(?4 as text), '', 0, 0, '')";
            database
                .execute(insert, rusqlite::params![at, guid, tags, fields])
                .unwrap();
            let insert = "insert into cards values (?1, ?1, 2, 0, 0, 0, 0, 0, ?1, 0, 0, 0, 0, 0, 0, 0, 0, '{}')";
            database.execute(insert, [at]).unwrap();
        }
        database.execute_batch(&self.sql).unwrap();
        database.serialize("main").unwrap().to_vec()
    }

    fn bytes(&self) -> Vec<u8> {
        let mut entries = vec![
            ("collection.anki2", self.database()),
            ("media", self.media.clone().into_bytes()),
        ];
        entries.extend(self.files.iter().cloned());
        zip_of(&entries)
    }

    fn read(&self) -> Result<Import, ExchangeError> {
        self.read_within(&Limits::default())
    }

    fn read_within(&self, limits: &Limits) -> Result<Import, ExchangeError> {
        let (_folder, path) = file("deck.apkg", &self.bytes());
        read(&path, limits)
    }
}

fn basic() -> Value {
    json!({"7": {
        "id": 7, "name": "Basic", "type": 0,
        "flds": [{"name": "Front", "ord": 0}, {"name": "Back", "ord": 1}],
        "tmpls": [{"ord": 0, "qfmt": "{{Front}}", "afmt": "{{FrontSide}}<hr>{{Back}}"}],
    }})
}
