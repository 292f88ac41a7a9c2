//! Reads the lines written by `rounds index export`.
//!
//! Never add to them or normalise them: exporting them again must give the same lines.

use super::error::quote;
use super::image_finder::ImageFinder;
use super::record::Record;
use super::row::Row;
use crate::example::is_id;
use crate::export::LINE_FORMAT;

/// Whether a record is an exported line.
pub(super) fn is_exported(record: &Record) -> bool {
    record.note("format") == LINE_FORMAT
}

/// The first value of a tag; empty if it is missing.
pub(super) fn tag(record: &Record, name: &str) -> String {
    let tags = record.texts("tags");
    let mut tags = tags.iter().filter_map(|tag| tag.split_once('='));
    let found = tags.find(|(n, _)| *n == name);
    found.map_or_else(String::new, |(_, value)| value.to_owned())
}

/// The row of an exported line.
pub(super) fn row(images: &ImageFinder, record: &mut Record) -> Result<Row, String> {
    let images = images.of_value(record.take("image"))?;
    let mut row = Row::new(images, record.text("question")?, record.text("answer")?);
    // An invalid id is replaced by one derived from the content.
    row.id = Some(record.note("id"))
        .filter(|id| is_id(id))
        .unwrap_or_default();
    row.rationale = record.text("rationale")?;
    row.source = record.text("source")?;
    row.licence = record.text("licence")?;
    row.patient = record.text("patient")?;
    row.study = record.text("study")?;
    for tag in record.texts("tags") {
        let named = tag.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) = named.ok_or_else(|| format!("a tag has no name: {}", quote(&tag)))?;
        row.tag(name, value);
    }
    Ok(row)
}
