//! Looks, before any row is used, whether the data has the columns that are needed: a misspelt name should not cost a whole
//! import.

use std::collections::BTreeSet;

use super::Options;
use super::error::{DatasetError, quote};
use super::filter::RawDataset;
use super::record::{Entry, key};

/// Most columns that a message names.
const MAX_NAMED: usize = 40;

/// What is waited for, and what was seen.
struct Columns {
    /// Columns that the user named, in no record so far.
    missing: BTreeSet<String>,
    /// Columns of which one must be there; none once one was.
    image_columns: Vec<String>,
    seen: Vec<String>,
}

/// Whether the columns of a data set must be looked at before it is read.
pub(super) fn is_needed(opened: &RawDataset, options: &Options) -> bool {
    !options.map.is_empty() || !opened.recipe.image_columns().is_empty()
}

/// Reads `opened` until every column that `options` name was in a record, and one of those that the recipe takes images
/// from. That is the first record of most data.
///
/// # Errors
/// If the records end before that. Where there are none, or the input breaks off, whoever reads it says so.
pub(super) fn check(opened: RawDataset, options: &Options) -> Result<(), DatasetError> {
    let map = options.map.iter();
    let mapped = map.clone().filter(|(_, field)| key(field) == "image");
    let usual = opened.recipe.image_columns();
    let mut columns = Columns {
        missing: map.clone().map(|(column, _)| key(column)).collect(),
        image_columns: match usual.is_empty() {
            true => Vec::new(),
            false => {
                let own = mapped.map(|(column, _)| key(column));
                own.chain(usual.iter().map(|name| (*name).to_owned()))
                    .collect()
            }
        },
        seen: Vec::new(),
    };
    for entry in opened.entries.iterator {
        match entry {
            Err(_) => return Ok(()),
            Ok(Entry::Bad { .. }) => {}
            Ok(Entry::Record(record)) => {
                if opened.recipe.is_complete(&record) {
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
    columns.verdict()
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

    fn verdict(self) -> Result<(), DatasetError> {
        if self.seen.is_empty() {
            return Ok(());
        }
        let seen: Vec<String> = self.seen.iter().map(|name| quote(name)).collect();
        let seen = seen.join(", ");
        let reason = match (self.missing.first(), self.image_columns.is_empty()) {
            (Some(column), _) => format!("no row has the column {}", quote(column)),
            (None, false) => "no column is known as that of the images".to_owned(),
            (None, true) => return Ok(()),
        };
        Err(DatasetError::Columns(format!(
            "{reason}; the columns are: {seen}"
        )))
    }
}
