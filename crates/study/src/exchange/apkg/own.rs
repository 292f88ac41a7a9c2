//! The note types that this program writes, so that it reads its own cards back as they were, with what was edited in Anki.

use serde::{Deserialize, Serialize};
use std::collections::HashSet;

use crate::card::{Kind, LabRow, Region};
use crate::exchange::checked::{self, is_id};
use crate::exchange::html;

use super::collection::NoteRow;
use super::note_types::NoteType;
use super::notes::{self, Draft};
use super::{FIELD_SEPARATOR, write};

/// All kinds, in the order of their note types.
pub(super) const KINDS: [Kind; 6] = [
    Kind::Question,
    Kind::Choice,
    Kind::Spot,
    Kind::Occlusion,
    Kind::Compare,
    Kind::Staged,
];
/// The fields of all own note types. The first is what Anki sorts and compares by.
pub(super) const FIELDS: [&str; 11] = [
    "Question",
    "Image",
    "Choices",
    "Vignette",
    "Laboratory",
    "Answer",
    "Rationale",
    "Answer image",
    "Source",
    "Licence",
    "Data",
];
/// How the name of an own note type begins.
const PREFIX: &str = "rounds ";
/// How the GUID of an own note begins; the card's id follows.
const GUID_PREFIX: &str = "rounds-";

/// What the fields cannot hold, as JSON in the field `Data`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Data {
    pub(super) choices: Vec<String>,
    pub(super) regions: Vec<Region>,
    pub(super) laboratory: Vec<LabRow>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) siblings: Vec<String>,
}

/// The name of the note type for a kind of card.
pub(super) fn type_name(kind: Kind) -> String {
    let name = match kind {
        Kind::Question => "Question",
        Kind::Choice => "Choice",
        Kind::Spot => "Spot it",
        Kind::Occlusion => "Image occlusion",
        Kind::Compare => "Compare",
        Kind::Staged => "Staged case",
    };
    format!("{PREFIX}{name}")
}

/// The GUID of the note of a card: stable, so that Anki updates a note instead of adding it again.
pub(super) fn guid(card: &str) -> String {
    format!("{GUID_PREFIX}{card}")
}

/// The card of a note of an own type; `None` if the type is not own or does not have its fields any more.
pub(super) fn draft(note: &NoteRow, note_type: &NoteType) -> Option<Draft> {
    // Anki adds to the name of a type that it had to copy.
    let kind = KINDS
        .into_iter()
        .find(|kind| note_type.name.starts_with(&type_name(*kind)))?;
    let fields: Vec<&str> = note.fields.split(FIELD_SEPARATOR).collect();
    let field = |name: &str| {
        let at = note_type.field(name)?;
        Some(html::to_plain(fields.get(at).copied().unwrap_or_default()))
    };
    let data = field("Data")?.text;
    let data: Data = serde_json::from_str(&data).unwrap_or_default();
    let question = field("Question")?;
    let image = field("Image")?;
    let mut card = checked::empty(kind);
    card.question = question.text;
    card.answer = field("Answer")?.text;
    card.rationale = field("Rationale")?.text;
    card.vignette = field("Vignette")?.text;
    card.source = field("Source")?.text;
    card.licence = field("Licence")?.text;
    card.id = match note.guid.strip_prefix(GUID_PREFIX) {
        Some(id) if is_id(id) => id.to_owned(),
        _ => checked::id_of(&["anki", &note.guid, "0"]),
    };
    card.tags = tags(&note.tags, data.tags);
    card.choices = data.choices;
    card.regions = data.regions;
    card.laboratory = data.laboratory;
    card.sibling_keys = data.siblings;
    // After an edit in Anki the answer may not be among the choices any more.
    if !card.choices.contains(&card.answer) {
        card.choices.clear();
        if kind == Kind::Choice {
            card.kind = Kind::Question;
        }
    }
    let mut images = image.images;
    images.extend(question.images);
    Some(Draft {
        card,
        images,
        answer_images: false,
        sound: false,
    })
}

/// The tags of the note; those that were exported get their exact names and values back.
fn tags(text: &str, exported: Vec<(String, String)>) -> Vec<(String, String)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let present: HashSet<&str> = words.iter().copied().collect();
    let mut kept: Vec<(String, String)> = Vec::new();
    let mut known: HashSet<String> = HashSet::new();
    for tag in exported {
        let word = write::tag(&tag);
        if present.contains(word.as_str()) {
            kept.push(tag);
        }
        known.insert(word);
    }
    let added: Vec<&str> = words
        .into_iter()
        .filter(|word| !known.contains(*word))
        .collect();
    kept.extend(notes::tags(&added.join(" ")));
    kept
}
