//! Looks at every byte of an index and lists what is not as it was written.

use rusqlite::Connection;
use std::collections::HashSet;
use std::path::Path;

use super::database::{self, Counts, DATABASE};
use super::error::IndexError;
use super::example::Example;
use super::fulltext_check::FulltextCheck;
use super::images::relative;
use super::manifest::check_seal;
use super::store::Index;
use super::writer::is_being_written;
use rounds_support::{Cancel, files};

/// How often the counters and the rest are read until no commit came in between.
const TRIES: usize = 100;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct VerifyReport {
    pub examples: usize,
    #[serde(rename = "pictures")]
    pub pictures: usize,
    /// Whether the last writer came to its end.
    pub sealed: bool,
    /// Whether somebody writes to it now, which is why it is not sealed.
    pub written: bool,
    pub faults: Vec<String>,
}

/// Checks the index in `folder`; `None` is the one that ships. `progress` gets examples done and their number.
///
/// Errors where it was cancelled, or commits follow each other so fast that no moment can be caught; an index that cannot be
/// opened is a fault.
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
        // Everything is judged as it was at one moment, that of the counters. A commit may have come in between.
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
    Err(IndexError::Busy(rounds_support::errors::shown(folder)))
}

impl VerifyReport {
    fn of(error: IndexError) -> Self {
        Self {
            faults: vec![error.to_string()],
            ..Self::default()
        }
    }
}

/// Checks what `snapshot`, of the index's own connection, shows.
fn verify_snapshot(
    index: &Index,
    snapshot: &Connection,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<VerifyReport, IndexError> {
    let mut verdict = VerifyReport::default();
    // Nobody writes to the one that ships.
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
            "{DATABASE}: its counters are not those of its examples"
        ));
    }
    match fulltext.matches(index.connection()) {
        Ok(true) => {}
        Ok(false) => fault(format!(
            "{DATABASE}: the full-text table is not that of its examples"
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
    (verdict.examples, verdict.pictures) = (counts.examples, images.len());
    Ok(verdict)
}

/// Bits of a perceptual hash in which two machines may differ: where a frequency is all but the median, the last digit of a
/// cosine decides.
const MACHINE_TOLERANCE: u32 = 2;

fn is_same_phash(kept: Option<u64>, made: u64) -> bool {
    kept.is_some_and(|kept| rounds_imaging::looks_apart(kept, made) <= MACHINE_TOLERANCE)
}

/// What SQLite says of its own structure, and whether the tables that searches use fit the examples.
fn verify_verify_tables(index: &Index, fault: &mut dyn FnMut(String)) -> Result<(), IndexError> {
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
    let words = count("select count(*) from words")? as usize;
    if words != index.len() {
        fault(format!(
            "{DATABASE}: the full-text table has {words} rows for {} examples",
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

/// One example against everything that is found through it.
fn verify_example(
    index: &Index,
    example: &Example,
    images: &mut HashSet<String>,
    fault: &mut dyn FnMut(String),
) -> Result<(), IndexError> {
    let id = &example.id;
    if !database::is_indexed(index.connection(), example)? {
        fault(format!("example {id}: the tables do not lead to it"));
    }
    for encoder in index.encoders() {
        let vector = index.vectors(&encoder.sha256)?.row(example.number)?;
        if vector.is_some() != example.image().is_some() {
            fault(format!(
                "example {id}: it has no vector of {}",
                encoder.name
            ));
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
                let look = index.look(&image.sha256)?;
                let decoded = rounds_imaging::decode(&bytes, &name);
                match decoded {
                    Err(error) => fault(format!("{name}: {error}")),
                    Ok(pixels) if !is_same_phash(look, rounds_imaging::look(&pixels)) => {
                        fault(format!(
                            "{name}: its perceptual hash is not the one that is kept"
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
    fn a_look_made_on_another_machine_is_its_own_and_another_images_is_not() {
        let made = 0x0123_4567_89AB_CDEF;
        assert!(is_same_phash(Some(made), made));
        assert!(is_same_phash(Some(made ^ 0b1010), made));
        assert!(!is_same_phash(Some(made ^ 0b1110), made));
        assert!(!is_same_phash(None, made));
    }
}
