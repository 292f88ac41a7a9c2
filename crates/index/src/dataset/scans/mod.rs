//! DICOM, NIfTI and NRRD as they come: a folder, a zip or a file, sorted into patients, studies and series by their headers.
//!
//! Without a table every series gives one example, of its middle slice, or one for every Nth slice; the question is the derived
//! one, and the answer is what the file states: modality, body part, plane. A table gives questions and answers by file, series
//! or study.
//!
//! Nothing that identifies a patient may enter an index: identifiers become codes (`rounds_scan::identity`), names of files are
//! not mentioned, and of a table only the columns of a question are used.

mod table;

use std::path::Path;
use std::sync::Arc;

use rounds_scan::identity::{self, Kind};
use rounds_scan::{
    Identity, MedicalImage, Modality, Place, Series, View, layout_of, modality_in_words, open,
    scene_of,
};
use rounds_support::Cancel;
use rounds_support::sanitise::clean_line;

use super::filter::{RawDataset, Recipe};
use super::image_finder::ImageFinder;
use super::inputs::folder_of;
use super::record::{Entries, Entry, Record, Value};
use super::row::{DERIVED_QUESTION, ImageSource, Row};
use super::{DatasetError, Options};
use crate::example::MAX_IMAGES;
use table::Keys;

/// The field that names a series by its number, where there is no table.
const SERIES_NUMBER: &str = "series-number";

/// Opens a folder, a zip or a file of scans.
pub(super) fn open_scans(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let read = rounds_scan::Options {
        cancel: options.cancel.clone(),
        ..rounds_scan::Options::default()
    };
    let opened = open(path, &read)?;
    let entries = match &options.table {
        Some(table) => table::entries(table)?,
        None => one_per_series(opened.series.len(), opened.unreadable),
    };
    Ok(RawDataset {
        recipe: Box::new(Scans {
            keys: Keys::new(options),
            files: ImageFinder::new(&folder_of(path), options, &[])?,
            series: opened.series.into_iter().map(Arc::new).collect(),
            every: options.every,
            cancel: options.cancel.clone(),
        }),
        entries,
        // The name of the folder may be that of a patient.
        source: "DICOM, NIfTI or NRRD".to_owned(),
        licence: "unknown",
        language: None,
    })
}

/// Records that name one series each; and one that says what could not be read.
fn one_per_series(count: usize, unreadable: usize) -> Entries {
    let series = (1..=count).map(move |number| {
        let fields = [(SERIES_NUMBER.to_owned(), Value::Text(number.to_string()))];
        let origin = format!("series {number} of {count}");
        Ok::<_, DatasetError>(Entry::Record(Record::new(origin, "", fields)))
    });
    let left_out = (unreadable > 0).then(|| {
        Ok(Entry::Bad {
            origin: "the folder".to_owned(),
            reason: format!(
                "{} damaged or of an unsupported kind",
                rounds_support::errors::count(unreadable, "file")
            ),
        })
    });
    Entries {
        total: Some(count as u64),
        iterator: Box::new(series.chain(left_out)),
    }
}

struct Scans {
    keys: Keys,
    files: ImageFinder,
    series: Vec<Arc<Series>>,
    every: Option<usize>,
    cancel: Cancel,
}

/// Images of one example, and whom they show.
type Shown = Vec<MedicalImage>;

impl Recipe for Scans {
    fn rows(&mut self, record: &mut Record) -> Result<Vec<Row>, String> {
        let shown = self.shown(record)?;
        let mut rows = Vec::new();
        for images in shown {
            let mut row = row(&images, record)?;
            self.keys.tag(&mut row, record);
            rows.push(row);
        }
        Ok(rows)
    }

    fn name_columns(&self, record: &mut Record) {
        table::name_columns(record);
    }
}

impl Scans {
    /// The images that a record means, by example.
    fn shown(&self, record: &Record) -> Result<Vec<Shown>, String> {
        if let Ok(number) = record.note(SERIES_NUMBER).parse::<usize>() {
            let series = number.checked_sub(1).and_then(|at| self.series.get(at));
            return self.slices(series.ok_or("there is no such series")?);
        }
        let [file, series, study] = ["image", "series", "study"].map(|key| record.note(key));
        if !file.is_empty() {
            return Ok(vec![self.of_file(&file)?]);
        }
        if !series.is_empty() {
            return self.of_series(&series);
        }
        if !study.is_empty() {
            return Ok(vec![self.of_study(&study)?]);
        }
        Err("the row names no file, series or study".to_owned())
    }

    /// Slices of a series: the one in the middle, or every Nth.
    fn slices(&self, series: &Series) -> Result<Vec<Shown>, String> {
        if series.facts.modality == Modality::Labels {
            return Err("it is a map of labels, not an image".to_owned());
        }
        let failed = |error: rounds_scan::ViewError| clean_line(&error.to_string());
        let Some(every) = self.every else {
            let view = View::default();
            let scene = scene_of(series, 0, Some(&view), &self.cancel).map_err(failed)?;
            return Ok(vec![vec![scene.render(&view).map_err(failed)?]]);
        };
        let count = layout_of(series, None).map_err(failed)?.count();
        let scene = scene_of(series, 0, None, &self.cancel).map_err(failed)?;
        let at = |number| View {
            place: Place::Number(number),
            ..View::default()
        };
        (1..=count)
            .step_by(every.max(1))
            .map(|number| Ok(vec![scene.render(&at(number)).map_err(failed)?]))
            .collect()
    }

    /// A file by its name below the folder, and what to see of it, such as `ct.dcm#window=lung`.
    fn of_file(&self, name: &str) -> Result<Shown, String> {
        let (file, settings) = match name.rsplit_once('#') {
            Some((file, settings)) if settings.contains('=') => (file, Some(settings)),
            _ => (name, None),
        };
        let ImageSource::File(path) = self.files.find(file)? else {
            return Err("the row names no file".to_owned());
        };
        let mut selector = rounds_scan::Selector::of(&path);
        for setting in settings.into_iter().flat_map(|all| all.split('&')) {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            let set = selector.set(key, value);
            set.map_err(|error| clean_line(&error.to_string()))?;
        }
        if selector.overlay.is_some() {
            return Err("an overlay cannot be named in a table".to_owned());
        }
        let options = rounds_scan::Options {
            cancel: self.cancel.clone(),
            ..rounds_scan::Options::default()
        };
        let checked = selector.view.clone().check();
        selector.view = checked.map_err(|error| clean_line(&error.to_string()))?;
        rounds_scan::images(&selector, &options).map_err(|error| clean_line(&error.to_string()))
    }

    fn of_series(&self, uid: &str) -> Result<Vec<Shown>, String> {
        let wanted = identity::code(Kind::Series, uid);
        let mut shown = Vec::new();
        for series in &self.series {
            if Identity::of(&series.facts).series.as_ref() == Some(&wanted) {
                shown.extend(self.slices(series)?);
            }
        }
        match shown.is_empty() {
            // The identifier itself is not repeated.
            true => Err("no file of this series is in the folder".to_owned()),
            false => Ok(shown),
        }
    }

    /// One example with the middle slice of every series.
    fn of_study(&self, uid: &str) -> Result<Shown, String> {
        let wanted = identity::code(Kind::Study, uid);
        let of_study =
            |series: &&Arc<Series>| Identity::of(&series.facts).study.as_ref() == Some(&wanted);
        let images = |series: &&Arc<Series>| series.facts.modality != Modality::Labels;
        let found: Vec<_> = self
            .series
            .iter()
            .filter(of_study)
            .filter(images)
            .take(MAX_IMAGES)
            .collect();
        let mut shown = Vec::new();
        for series in found {
            let view = View::default();
            let image = scene_of(series, 0, Some(&view), &self.cancel)
                .and_then(|scene| scene.render(&view))
                .map_err(|error| clean_line(&error.to_string()))?;
            shown.push(image);
        }
        match shown.is_empty() {
            true => Err("no image of this study is in the folder".to_owned()),
            false => Ok(shown),
        }
    }
}

/// The example of these images: with the question of the record, or the derived one.
fn row(images: &[MedicalImage], record: &Record) -> Result<Row, String> {
    let sources: Result<Vec<_>, String> = images.iter().map(source).collect();
    let caption = record.text("caption")?;
    let answer = record.first_text(&["answer", "caption"])?;
    let mut row = match (record.has("question"), answer.is_empty()) {
        (true, _) => Row::new(sources?, record.text("question")?, answer),
        (false, false) if caption.is_empty() => return Err("the question is empty".to_owned()),
        (false, false) => Row::caption(sources?, caption),
        (false, true) => {
            let stated = images.first().and_then(stated);
            let stated = stated.ok_or(
                "the file states neither modality nor body part nor plane; give answers with --table",
            )?;
            let mut row = Row::new(sources?, DERIVED_QUESTION.to_owned(), stated);
            row.tag("question", "derived");
            row.tag("answer", "derived");
            row
        }
    };
    row.rationale = record.text("rationale")?;
    row.licence = record.note("licence");
    row.source = record.note("source");
    for image in images {
        let identity = Identity::of(&image.facts);
        row.tag("series", identity.series.as_deref().unwrap_or_default());
        if let (true, Some(patient)) = (row.patient.is_empty(), &identity.patient) {
            row.patient.clone_from(patient);
        }
        if let (true, Some(study)) = (row.study.is_empty(), identity.study.or(identity.series)) {
            row.study = study;
        }
        if let Some(modality) = modality(image.facts.modality) {
            row.tag_modality(modality);
        }
        row.tag(
            "organ",
            image.facts.body_part.as_deref().unwrap_or_default(),
        );
        row.tag("plane", image.plane.unwrap_or_default());
        row.tag("view", &image.how_made);
    }
    // What the table knows of scans that state nothing.
    for (kind, field, text) in [
        (Kind::Patient, "patient", &mut row.patient),
        (Kind::Study, "study", &mut row.study),
    ] {
        let stated = record.note(field);
        if text.is_empty() && !stated.is_empty() {
            *text = identity::code(kind, &stated);
        }
    }
    Ok(row)
}

fn source(image: &MedicalImage) -> Result<ImageSource, String> {
    let bytes = image
        .png()
        .map_err(|error| clean_line(&error.to_string()))?;
    let name = image.how_made.clone();
    Ok(ImageSource::Bytes { name, bytes })
}

fn modality(modality: Modality) -> Option<&'static str> {
    match modality {
        Modality::Other | Modality::Labels => None,
        known => Some(modality_in_words(known)),
    }
}

/// What the file states, as an answer: `CT of the chest, axial plane`.
fn stated(image: &MedicalImage) -> Option<String> {
    let what = match (modality(image.facts.modality), &image.facts.body_part) {
        (Some(modality), Some(part)) => format!("{} of the {part}", capital(modality)),
        (Some(modality), None) => capital(modality),
        (None, Some(part)) => format!("Image of the {part}"),
        (None, None) => {
            return image
                .plane
                .map(|plane| format!("Image in the {plane} plane"));
        }
    };
    Some(match image.plane {
        Some(plane) => format!("{what}, {plane} plane"),
        None => what,
    })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
