//! Checks every byte of an index and reports what is damaged.

use rusqlite::Connection;
use std::collections::HashSet;
use std::path::Path;

use super::database::{self, Counts, DATABASE};
use super::error::IndexError;
use super::example::Example;
use super::fulltext_check::FulltextCheck;
use super::images::relative;
use super::lock::is_being_written;
use super::manifest::check_seal;
use super::store::Index;
use rounds_support::{Cancel, files};

/// Attempts to open a snapshot without a commit in between.
const TRIES: usize = 100;

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct VerifyReport {
    /// Examples checked.
    pub examples: usize,
    /// Images checked.
    #[serde(rename = "pictures")]
    pub images: usize,
    /// Whether the last writer finished.
    pub sealed: bool,
    /// Whether a writer is active, which is why it is not sealed.
    pub written: bool,
    /// What is damaged, one message each.
    pub faults: Vec<String>,
}

/// Checks the index in `folder`; `None` is the built-in one. `progress` is called with examples done and the total.
///
/// Errors if cancelled, or if commits are too frequent to get a consistent snapshot. An index that cannot be opened is
/// reported as a fault.
pub fn verify(
    folder: Option<&Path>,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<VerifyReport, IndexError> {
    for _ in 0..TRIES {
        let index = match Index::open(folder) {
            Ok(index) => index,
            Err(error) => return Ok(VerifyReport::of(error)),
        };
        // Everything is checked in one snapshot; retry if a commit came between opening and starting it.
        let snapshot = index.connection().unchecked_transaction()?;
        match database::counts(&snapshot) {
            Ok(counts) if counts == *index.counts() => {
                return verify_snapshot(&index, &snapshot, cancel, progress);
            }
            Ok(_) => {}
            Err(error) => return Ok(VerifyReport::of(error)),
        }
    }
    let folder = folder.unwrap_or(Path::new(""));
    Err(IndexError::Busy(rounds_support::errors::display_path(
        folder,
    )))
}

impl VerifyReport {
    fn of(error: IndexError) -> Self {
        Self {
            faults: vec![error.to_string()],
            ..Self::default()
        }
    }
}

/// Checks the index as seen in `snapshot`, a transaction of its own connection.
fn verify_snapshot(
    index: &Index,
    snapshot: &Connection,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<VerifyReport, IndexError> {
    let mut verdict = VerifyReport::default();
    // The built-in index has no writer.
    match index
        .folder()
        .map_or(Ok(true), |folder| check_seal(folder, true))
    {
        Ok(sealed) => verdict.sealed = sealed,
        Err(error) => verdict.faults.push(error.to_string()),
    }
    verdict.written = !verdict.sealed && index.folder().is_some_and(is_being_written);
    let mut fault = |error: String| verdict.faults.push(error);
    if let Err(error) = verify_tables(index, &mut fault) {
        fault(error.to_string());
    }
    let fulltext = FulltextCheck::new(index.connection())?;
    let mut images = HashSet::new();
    let mut counts = Counts::default();
    let walked = database::each_example(snapshot, &mut |example| {
        if cancel.is_cancelled() {
            return Err(IndexError::Cancelled);
        }
        match example {
            Err(error) => fault(error.to_string()),
            Ok(example) => {
                counts.plus(&example.checksum());
                fulltext.add(&example)?;
                if let Err(error) = verify_example(index, &example, &mut images, &mut fault) {
                    fault(format!("example {}: {error}", example.id));
                }
            }
        }
        progress(counts.examples, index.len());
        Ok(())
    });
    match walked {
        Err(IndexError::Cancelled) => return Err(IndexError::Cancelled),
        Err(error) => fault(error.to_string()),
        Ok(()) => {}
    }
    if counts.examples != index.len() || counts.digest != index.counts().digest {
        fault(format!(
            "{DATABASE}: its counters do not match its examples"
        ));
    }
    match fulltext.matches(index.connection()) {
        Ok(true) => {}
        Ok(false) => fault(format!(
            "{DATABASE}: the full-text table does not match the examples"
        )),
        Err(error) => fault(error.to_string()),
    }
    let encoders: Vec<_> = index.encoders().to_vec();
    for encoder in &encoders {
        let mut sets = vec![index.vectors(&encoder.sha256)];
        if encoder.text {
            sets.push(index.text_vectors(&encoder.sha256));
        }
        for set in sets {
            let found = set.and_then(|v| Ok(v.verify(&mut |_, _| (), cancel)?));
            match found {
                Ok(faults) => faults.into_iter().for_each(&mut fault),
                Err(_) if cancel.is_cancelled() => return Err(IndexError::Cancelled),
                Err(error) => fault(error.to_string()),
            }
        }
    }
    (verdict.examples, verdict.images) = (counts.examples, images.len());
    Ok(verdict)
}

/// Bits in which perceptual hashes computed on two machines may differ: if a coefficient is close to the median, the last
/// digit of a cosine decides its bit.
const MACHINE_TOLERANCE: u32 = 2;

fn is_same_phash(stored: Option<u64>, computed: u64) -> bool {
    stored.is_some_and(|stored| rounds_imaging::hamming(stored, computed) <= MACHINE_TOLERANCE)
}

/// Runs SQLite's integrity check, and checks that the lookup tables match the examples.
fn verify_tables(index: &Index, fault: &mut dyn FnMut(String)) -> Result<(), IndexError> {
    let connection = index.connection();
    let mut statement = connection.prepare("pragma integrity_check(20)")?;
    let lines = statement
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    for line in lines.iter().filter(|line| *line != "ok") {
        fault(format!(
            "{DATABASE}: {}",
            rounds_support::sanitise::clean_line(line)
        ));
    }
    let count = |query: &str| connection.query_row(query, [], |row| row.get::<_, i64>(0));
    let rows = count("select count(*) from words")? as usize;
    if rows != index.len() {
        fault(format!(
            "{DATABASE}: the full-text table has {rows} rows for {} examples",
            index.len()
        ));
    }
    for (table, key) in [("tags", "number"), ("pictured", "number")] {
        let strays = count(&format!(
            "select count(*) from {table} where {key} not in (select number from examples)"
        ))?;
        if strays > 0 {
            fault(format!(
                "{DATABASE}: {strays} rows of {table} belong to no example"
            ));
        }
    }
    Ok(())
}

/// Checks one example: its lookup entries, vectors and images.
fn verify_example(
    index: &Index,
    example: &Example,
    images: &mut HashSet<String>,
    fault: &mut dyn FnMut(String),
) -> Result<(), IndexError> {
    let id = &example.id;
    if !database::is_indexed(index.connection(), example)? {
        fault(format!("example {id} is missing from a lookup table"));
    }
    for encoder in index.encoders() {
        let vector = index.vectors(&encoder.sha256)?.row(example.number)?;
        if vector.is_some() != example.image().is_some() {
            fault(format!("example {id} has no vector from {}", encoder.name));
        }
    }
    for image in &example.images {
        if !images.insert(image.sha256.clone()) {
            continue;
        }
        match index.image(image) {
            Err(error) => fault(error.to_string()),
            Ok(bytes) => {
                let name = relative(image);
                let stored = index.phash(&image.sha256)?;
                let decoded = rounds_imaging::decode(&bytes, &name);
                match decoded {
                    Err(error) => fault(format!("{name}: {error}")),
                    Ok(pixels) if !is_same_phash(stored, rounds_imaging::phash(&pixels)) => {
                        fault(format!(
                            "{name}: its perceptual hash differs from the stored one"
                        ));
                    }
                    Ok(_) => debug_assert_eq!(files::sha256_hex(&bytes), image.sha256),
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_same_phash;

    #[test]
    fn a_phash_may_differ_in_two_bits_between_machines_but_not_in_more() {
        let phash = 0x0123_4567_89AB_CDEF;
        assert!(is_same_phash(Some(phash), phash));
        assert!(is_same_phash(Some(phash ^ 0b1010), phash));
        assert!(!is_same_phash(Some(phash ^ 0b1110), phash));
        assert!(!is_same_phash(None, phash));
    }
}
