//! Decks from elsewhere and for elsewhere: Anki packages, CSV, TSV, JSON and JSON Lines.
//!
//! A file is untrusted: every limit is checked before memory is taken, names in it never open a file outside its folder, HTML
//! becomes plain text, and all text is sanitised here, once. Nothing here knows the store, and nothing reads a clock.

mod apkg;
mod checked;
mod cloze;
mod entities;
pub mod error;
mod html;
mod import;
mod limits;
mod sha1;
mod table;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rounds_support::{Cancel, FileError, sanitise};

use crate::card::CardImage;

pub use apkg::{DeckExport, Exported, MediaSource, write_apkg};
pub use error::ExchangeError;
pub use import::{Import, Keep, Review, ReviewKind};
pub use limits::Limits;
pub use table::TableFormat;

use import::Collector;

/// Reads the deck at `path`, with its images in memory. What the file is follows from its content, and for tables from its name.
pub fn read(path: &Path, limits: &Limits) -> Result<Import, ExchangeError> {
    let mut media = Vec::new();
    let mut keep = |image: &CardImage, bytes: Vec<u8>| {
        media.push((image.clone(), bytes));
        Ok(())
    };
    let mut import = read_with(path, limits, &mut keep, &Cancel::new())?;
    import.media = media;
    Ok(import)
}

/// Like [`read`], but hands every image to `keep` as soon as it is read, each once, so that only one is in memory. An image whose
/// card turns out to be unusable may be handed over, too. Stops with an error soon after it was cancelled.
pub fn read_with(
    path: &Path,
    limits: &Limits,
    keep: &mut Keep,
    cancel: &Cancel,
) -> Result<Import, ExchangeError> {
    let mut collector = Collector::new(limits, keep, cancel);
    let start = start(path)?;
    let extension = path
        .extension()
        .map(|extension| extension.to_ascii_lowercase());
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        apkg::read(path, &mut collector)?;
    } else if let Some(looks_like) = other_format(&start) {
        return Err(unknown(path, Some(looks_like)));
    } else if let Some(format) = TableFormat::of(path) {
        table::read(path, format, &mut collector)?;
    } else if extension.is_some_and(|extension| extension == "apkg" || extension == "colpkg") {
        return Err(error::damaged("it is not a zip, as a package must be"));
    } else {
        return Err(unknown(path, None));
    }
    let mut import = collector.finish()?;
    if import.name.is_empty() {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        import.name = sanitise::clean_line_max(&stem, 200);
    }
    Ok(import)
}

/// Writes a deck to `path` in the format that its name stands for: a package (`.apkg`) or a table, which takes no reviews.
pub fn write(path: &Path, deck: &DeckExport) -> Result<Exported, ExchangeError> {
    let is_package = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("apkg"));
    match TableFormat::of(path) {
        _ if is_package => write_apkg(path, deck),
        Some(format) => table::write(path, format, deck),
        None => Err(unknown(path, None)),
    }
}

/// The first bytes of a file.
fn start(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |error: std::io::Error| FileError::from_io(path, "read", &error);
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(FileError::IsDirectory {
            path: path.to_path_buf(),
        });
    }
    if !metadata.is_file() {
        return Err(FileError::other(path, "read", "not a regular file"));
    }
    let mut start = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(512).read_to_end(&mut start).map_err(failed)?;
    Ok(start)
}

/// What a file is that is neither a package nor a table.
fn other_format(start: &[u8]) -> Option<&'static str> {
    match start {
        _ if start.starts_with(b"SQLite format 3\0") => {
            Some("a database of Anki; export the deck from Anki")
        }
        _ if start.starts_with(b"%PDF-") => Some("a PDF"),
        _ if start.starts_with(&[0x1F, 0x8B]) => Some("a gzip archive"),
        _ if rounds_imaging::format_of(start).is_some() => Some("an image"),
        _ => None,
    }
}

fn unknown(path: &Path, looks_like: Option<&'static str>) -> ExchangeError {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ExchangeError::Unknown {
        name: sanitise::clean_line_max(&name, 200),
        looks_like,
    }
}

/// How a card names an image with this content; or why it cannot be used.
pub fn image_of(bytes: &[u8]) -> Result<CardImage, String> {
    import::image_of(bytes)
}

#[cfg(test)]
mod tests;
