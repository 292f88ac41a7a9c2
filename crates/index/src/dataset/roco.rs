//! ROCO and ROCOv2: radiology figures with captions, keywords and concepts, licensed image by image.
//!
//! ROCO has sidecar files with facts about each image, keyed by the same id as the captions; ROCOv2 has tables.

use std::collections::HashMap;
use std::path::Path;

use super::filter::{RawDataset, Recipe};
use super::image_finder::ImageFinder;
use super::inputs::{Input, chain, files, folder_of, parquet_files};
use super::record::{Entries, Entry, Record, Value};
use super::row::Row;
use super::vocabulary::modality_of_concept;
use super::{DatasetError, Options, parquet_reader, pmc, table, text, vocabulary};

/// Most ids kept of a sidecar file.
const MAX_IDS: usize = 1_000_000;
/// Longest facts of one id, in bytes.
const MAX_FACTS_BYTES: usize = 4096;
/// The licence if none is given for an image.
const PER_IMAGE: &str = "per-image Creative Commons, see the data set";
/// Sidecar files of ROCO, and the fields made from them.
const SIDECAR_FILES: [(&str, &str); 5] = [
    ("keywords.txt", "keyword"),
    ("cuis.txt", "cui"),
    ("semtypes.txt", "semtype"),
    ("dlinks.txt", "link"),
    ("licences.txt", "licence"),
];

/// Opens ROCO: a folder with `captions.txt`, that file, a parent of such folders, or Parquet.
pub(super) fn open(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let captions = captions_below(path);
    let entries = match captions.is_empty() {
        true => chain(
            parquet(path, "captions.txt of ROCO")?,
            parquet_reader::entries,
        )?,
        false => chain(captions, captions_with_sidecars)?,
    };
    opened(path, options, entries, "ROCO")
}

/// Opens ROCOv2: a folder with tables of captions and concepts, one table of captions, or Parquet.
pub(super) fn open_v2(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let folder = folder_of(path);
    let is_table = super::inputs::extension(path) == "csv";
    let captions = match path.is_file() && is_table {
        true => vec![Input::new(path.to_path_buf())],
        false if path.is_dir() => files(&folder, |name| name.ends_with("_captions.csv"))?,
        false => Vec::new(),
    };
    let entries = match captions.is_empty() {
        true => chain(
            parquet(path, "train_captions.csv of ROCOv2")?,
            parquet_reader::entries,
        )?,
        false => chain(captions, with_concepts)?,
    };
    opened(path, options, entries, "ROCOv2")
}

fn parquet(path: &Path, wanted: &str) -> Result<Vec<Input>, DatasetError> {
    let inputs = parquet_files(path)?;
    match inputs.is_empty() {
        true => Err(DatasetError::nothing(wanted, path)),
        false => Ok(inputs),
    }
}

fn opened(
    path: &Path,
    options: &Options,
    entries: Entries,
    source: &str,
) -> Result<RawDataset, DatasetError> {
    let usual = [
        "images",
        "train",
        "valid",
        "validation",
        "test",
        "train_images",
        "valid_images",
        "test_images",
    ];
    let images = ImageFinder::new(&folder_of(path), options, &usual)?;
    Ok(RawDataset {
        entries,
        recipe: Box::new(Roco { images }),
        source: source.to_owned(),
        licence: PER_IMAGE,
        language: None,
    })
}

/// The caption files at or below `path`, in the layout of the repository.
fn captions_below(path: &Path) -> Vec<Input> {
    let is_text = super::inputs::extension(path) == "txt";
    if path.is_file() && is_text {
        return vec![Input::new(path.to_path_buf())];
    }
    let kinds = ["", "radiology", "non-radiology"];
    let splits = [
        "",
        "train",
        "validation",
        "test",
        "data/train",
        "data/validation",
        "data/test",
    ];
    let folders = splits
        .iter()
        .flat_map(|split| kinds.iter().map(move |kind| path.join(split).join(kind)));
    let files = folders.map(|folder| folder.join("captions.txt"));
    files
        .filter(|file| file.is_file())
        .map(Input::new)
        .collect()
}

/// The captions of ROCO with the facts from their sidecar files.
fn captions_with_sidecars(input: &Input) -> Result<Entries, DatasetError> {
    let folder = folder_of(&input.path);
    let mut sidecars = Vec::new();
    for (file, name) in SIDECAR_FILES {
        let path = folder.join(file);
        if path.is_file() {
            sidecars.push((name, facts(&Input::new(path))?));
        }
    }
    // The path gives the split and the kind: `data/train/radiology/captions.txt`.
    let above: Vec<String> = folder
        .iter()
        .rev()
        .take(2)
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let split = above
        .iter()
        .map(|name| vocabulary::split_of(name))
        .find(|split| !split.is_empty());
    let split = split.unwrap_or_default();
    let kind = above
        .first()
        .filter(|kind| kind.ends_with("radiology"))
        .cloned()
        .unwrap_or_default();
    let path = std::fs::canonicalize(&folder).unwrap_or_default();
    let prefix = path.to_string_lossy().into_owned();
    text::entries(input, move |line, origin| {
        let Some((id, caption)) = line.split_once('\t') else {
            let reason = "there is no tab between id and caption".to_owned();
            return Entry::Bad { origin, reason };
        };
        let id = id.trim();
        let field = |name: &str, text: &str| (name.to_owned(), Value::Text(text.to_owned()));
        let mut fields = vec![
            field("image_id", id),
            field("caption", caption),
            field("kind", &kind),
            field("folder", &prefix),
        ];
        for (name, facts) in &sidecars {
            if let Some(values) = facts.get(id) {
                let values = values.split('\t').map(|fact| Value::Text(fact.to_owned()));
                fields.push(((*name).to_owned(), Value::List(values.collect())));
            }
        }
        Entry::Record(Record::new(origin, &split, fields))
    })
}

/// The facts of each id in a sidecar file.
fn facts(input: &Input) -> Result<HashMap<String, String>, DatasetError> {
    let mut facts = HashMap::new();
    for (number, line) in text::lines(input)? {
        let origin = format!("{}, line {number}", input.name);
        let line = line.map_err(|error| DatasetError::broken(&origin, error))?;
        if let Ok(line) = line
            && let Some((id, values)) = line.split_once('\t')
            && values.len() <= MAX_FACTS_BYTES
        {
            facts.insert(id.trim().to_owned(), values.trim().to_owned());
        }
        if facts.len() > MAX_IDS {
            return Err(DatasetError::unsupported(
                &origin,
                format!("more than {MAX_IDS} ids"),
            ));
        }
    }
    Ok(facts)
}

/// The captions of ROCOv2 with the concepts from the accompanying table.
fn with_concepts(input: &Input) -> Result<Entries, DatasetError> {
    let mut entries = table::commas(input)?;
    let concepts_file = input.name.replace("_captions", "_concepts");
    let path = folder_of(&input.path).join(&concepts_file);
    if concepts_file == input.name || !path.is_file() {
        return Ok(entries);
    }
    let mut concepts: HashMap<String, Vec<Value>> = HashMap::new();
    for entry in table::commas(&Input::new(path))?.iterator {
        // A broken row only loses its concepts.
        if let Entry::Record(record) = entry? {
            let id = record.first_text(&["id", "image_id"]).unwrap_or_default();
            let cuis = record
                .first_text(&["cuis", "cui", "concepts"])
                .unwrap_or_default();
            let cuis = cuis
                .split([';', ','])
                .map(|cui| Value::Text(cui.trim().to_owned()));
            concepts.insert(id, cuis.take(64).collect());
        }
        if concepts.len() > MAX_IDS {
            return Err(DatasetError::unsupported(
                &concepts_file,
                format!("more than {MAX_IDS} ids"),
            ));
        }
    }
    let iterator = entries.iterator.map(move |entry| {
        Ok(match entry? {
            Entry::Record(mut record) => {
                let id = record.first_text(&["id", "image_id"]).unwrap_or_default();
                if let Some(cuis) = concepts.get(&id) {
                    record.add("cui", Value::List(cuis.clone()));
                }
                Entry::Record(record)
            }
            bad => bad,
        })
    });
    entries.iterator = Box::new(iterator);
    Ok(entries)
}

struct Roco {
    images: ImageFinder,
}

impl Recipe for Roco {
    fn rows(&mut self, record: &mut Record) -> Result<Vec<Row>, String> {
        let id = record.first_text(&["image_id", "id", "image_name"])?;
        let images = match record.take("image") {
            Value::Null => vec![self.find_image(&id, &record.note("folder"))?],
            value => self.images.of_value(value)?,
        };
        let mut row = Row::caption(images, record.text("caption")?);
        let keywords = record.texts("keyword");
        let concepts = record.texts("cui");
        for (name, values) in [
            ("keyword", &keywords),
            ("cui", &concepts),
            ("semtype", &record.texts("semtype")),
        ] {
            row.tag_all(name, values.iter().map(String::as_str).take(48));
        }
        row.tag("kind", &record.note("kind"));
        let from_concepts = concepts.iter().find_map(|cui| modality_of_concept(cui));
        let from_keywords = || keywords.iter().find_map(|word| vocabulary::modality(word));
        row.tag(
            "modality",
            from_concepts.or_else(from_keywords).unwrap_or_default(),
        );
        row.licence = record.texts("licence").join(" ");
        let links = record.texts("link");
        let parts = links.iter().flat_map(|link| link.split('/'));
        row.study = parts
            .map(pmc::paper)
            .rfind(|paper| !paper.is_empty())
            .unwrap_or_default();
        row.tag("image_id", &id);
        Ok(vec![row])
    }

    fn language(&self, _: &Record) -> String {
        "en".to_owned()
    }
}

impl Roco {
    /// Finds an image next to its captions, which may be in a subfolder of the given one.
    fn find_image(&self, id: &str, folder: &str) -> Result<super::ImageSource, String> {
        if folder.is_empty() {
            return self.images.find_stem(id);
        }
        let mut candidates = [
            format!("{folder}/images/{id}"),
            format!("{folder}/{id}"),
            id.to_owned(),
        ]
        .into_iter()
        .map(|name| self.images.find_stem(&name));
        let first = candidates
            .next_back()
            .unwrap_or_else(|| Err("the record names no image".to_owned()));
        if first.is_ok() {
            first
        } else {
            candidates.find(Result::is_ok).unwrap_or(first)
        }
    }
}
