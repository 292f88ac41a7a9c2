//! Checks before an import that the data has the required columns, so that a misspelt name does not waste a whole import.

use std::collections::BTreeSet;

use super::Options;
use super::error::{DatasetError, quote};
use super::filter::RawDataset;
use super::record::{Entry, key};

/// Most columns listed in a message.
const MAX_NAMED: usize = 40;

/// Columns still missing, and columns seen.
struct Columns {
    /// Columns the user named that no record had so far.
    missing: BTreeSet<String>,
    /// Columns of which one is required; emptied once one was seen.
    image_columns: Vec<String>,
    seen: Vec<String>,
}

/// Whether a data set has required columns to check.
pub(super) fn is_needed(dataset: &RawDataset, options: &Options) -> bool {
    !options.map.is_empty() || !dataset.recipe.image_columns().is_empty()
}

/// Reads `dataset` until records had every column named in `options` and one of the recipe's image columns. For most data
/// this is the first record.
///
/// # Errors
/// If the records end before that. An empty or damaged input is not an error here; the import reports it.
pub(super) fn check(dataset: RawDataset, options: &Options) -> Result<(), DatasetError> {
    let map = options.map.iter();
    let mapped = map.clone().filter(|(_, field)| key(field) == "image");
    let usual = dataset.recipe.image_columns();
    let mut columns = Columns {
        missing: map.clone().map(|(column, _)| key(column)).collect(),
        image_columns: match usual.is_empty() {
            true => Vec::new(),
            false => {
                let mapped = mapped.map(|(column, _)| key(column));
                mapped
                    .chain(usual.iter().map(|name| (*name).to_owned()))
                    .collect()
            }
        },
        seen: Vec::new(),
    };
    for entry in dataset.entries.iterator {
        match entry {
            Err(_) => return Ok(()),
            Ok(Entry::Bad { .. }) => {}
            Ok(Entry::Record(record)) => {
                if dataset.recipe.is_complete(&record) {
                    columns.image_columns.clear();
                }
                record
                    .fields()
                    .iter()
                    .for_each(|(name, _)| columns.see(name));
            }
        }
        if columns.missing.is_empty() && columns.image_columns.is_empty() {
            return Ok(());
        }
    }
    columns.finish()
}

impl Columns {
    fn see(&mut self, name: &str) {
        self.missing.remove(name);
        if self.image_columns.iter().any(|image| image == name) {
            self.image_columns.clear();
        }
        if self.seen.len() < MAX_NAMED && !self.seen.iter().any(|seen| seen == name) {
            self.seen.push(name.to_owned());
        }
    }

    fn finish(self) -> Result<(), DatasetError> {
        if self.seen.is_empty() {
            return Ok(());
        }
        let seen: Vec<String> = self.seen.iter().map(|name| quote(name)).collect();
        let seen = seen.join(", ");
        let reason = match (self.missing.first(), self.image_columns.is_empty()) {
            (Some(column), _) => format!("no row has the column {}", quote(column)),
            (None, false) => "no column is recognised as the image column".to_owned(),
            (None, true) => return Ok(()),
        };
        Err(DatasetError::Columns(format!(
            "{reason}; the columns are: {seen}"
        )))
    }
}
