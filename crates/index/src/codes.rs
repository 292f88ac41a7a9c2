//! Whose salts the codes of scans in an index have, and how they come along in an export.
//!
//! The patients and studies of imported scans are codes with a salt of the index (`rounds_scan::identity`). An export has the
//! codes, so that the examples of a patient stay together in an index that is made from it, and names the salts by a hash of
//! each. It never has a salt: with one, numbers of patients could be tried. Whoever may have the salts gets them in a file of
//! their own, and only an index that knows them can compare codes with the patient that a question states. Never salt new scans
//! with a salt that came from elsewhere: others have it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::IndexError;
use super::salts;
use super::store::Index;
use super::writer::Writer;
use rounds_support::errors::display_path;
use rounds_support::files;

/// The file of an export that says which salts its codes have.
const FILE: &str = "codes.toml";
/// The `format` of that file, and of a file of salts.
const CODES_FORMAT: &str = "rounds-codes-1";
const SALTS_FORMAT: &str = "rounds-salts-1";
/// Most salts of one index, and largest file that names them.
const MAX_SALTS: usize = 64;
const MAX_FILE_BYTES: u64 = 64 << 10;
/// Characters of a salt, and of the name of one; both are hexadecimal.
const SALT_CHARS: usize = 64;
const NAME_CHARS: usize = 32;

const ABOUT_CODES: &str = "\
# The codes of patients and studies in examples.jsonl have these salts, each named by a hash of it.
# The salts themselves are not part of an export.
";
const ABOUT_SALTS: &str = "\
# Salts of the codes of patients and studies. Keep them as private as the scans: whoever has them
# can try numbers of patients.
";

/// What a file says about salts.
#[derive(Serialize, Deserialize)]
struct Listed {
    format: String,
    salts: Vec<String>,
}

/// The name of a salt, which says nothing about it.
pub(crate) fn name_of(salt: &str) -> String {
    let mut name = files::sha256_hex(format!("name of the salt {salt}").as_bytes());
    name.truncate(NAME_CHARS);
    name
}

/// The codes of an export, and as far as they were given their salts.
#[derive(Clone, Debug, Default)]
pub struct ExportedCodes {
    /// The names of their salts.
    names: Vec<String>,
    /// Those salts that are known.
    salts: Vec<String>,
}

impl ExportedCodes {
    /// Reads what an export says about its codes; `path` is its folder or its list of examples. `salts` is a file that was
    /// written along with it or later, if there is one.
    ///
    /// Errors for a damaged file, and for salts that are not those of the export.
    pub fn read(path: &Path, salts: Option<&Path>) -> Result<Self, IndexError> {
        let folder = match path.is_dir() {
            true => path,
            false => path.parent().unwrap_or(path),
        };
        let names = stated(&folder.join(FILE))?;
        let Some(file) = salts else {
            return Ok(Self {
                names,
                salts: Vec::new(),
            });
        };
        if names.is_empty() {
            return Err(IndexError::Refused(
                "this data does not say which salts its codes have: only an export of an index with scans does".to_owned(),
            ));
        }
        let mut salts = read_salts(file)?;
        salts.retain(|salt| names.contains(&name_of(salt)));
        match salts.is_empty() {
            true => Err(IndexError::Refused(format!(
                "{} is not of this export: its codes have other salts",
                display_path(file)
            ))),
            false => Ok(Self { names, salts }),
        }
    }
}

/// The names in the file of an export; none if there is no such file, or another one of its name.
fn stated(file: &Path) -> Result<Vec<String>, IndexError> {
    if !file.is_file() || files::length(file)? > MAX_FILE_BYTES {
        return Ok(Vec::new());
    }
    let text = files::read_limited(file, MAX_FILE_BYTES)?;
    let text = String::from_utf8_lossy(&text);
    match text.contains(CODES_FORMAT) {
        true => listed(&text, CODES_FORMAT, NAME_CHARS).ok_or_else(|| damaged(file)),
        false => Ok(Vec::new()),
    }
}

fn read_salts(file: &Path) -> Result<Vec<String>, IndexError> {
    let text = files::read_limited(file, MAX_FILE_BYTES)?;
    let text = String::from_utf8_lossy(&text);
    listed(&text, SALTS_FORMAT, SALT_CHARS).ok_or_else(|| damaged(file))
}

fn damaged(file: &Path) -> IndexError {
    let shown = display_path(file);
    IndexError::Refused(format!("{shown} is damaged, or no file of salts"))
}

fn listed(text: &str, format: &str, chars: usize) -> Option<Vec<String>> {
    let listed: Listed = toml::from_str(text).ok()?;
    let is_hex = |text: &String| {
        let mut bytes = text.bytes();
        text.len() == chars && bytes.all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let fits = listed.salts.len() <= MAX_SALTS && listed.salts.iter().all(is_hex);
    (listed.format == format && fits).then_some(listed.salts)
}

fn text_of(about: &str, format: &str, salts: Vec<String>) -> Result<String, IndexError> {
    let listed = Listed {
        format: format.to_owned(),
        salts,
    };
    let listed = toml::to_string(&listed).map_err(|error| {
        let error = rounds_support::sanitise::clean_line(&error.to_string());
        IndexError::Refused(format!("the salts cannot be written: {error}"))
    })?;
    Ok(format!("{about}{listed}"))
}

/// Says in an export which salts its codes have, if it has any.
pub(crate) fn state(index: &Index, folder: &Path) -> Result<(), IndexError> {
    let names = index.salt_names()?;
    if names.is_empty() {
        return Ok(());
    }
    let text = text_of(ABOUT_CODES, CODES_FORMAT, names)?;
    Ok(files::write_atomic(&folder.join(FILE), text.as_bytes())?)
}

/// Writes the salts of an index to a new private file, for somebody who imports an export of it and may compare the codes.
///
/// Errors if the index has no scans, if the file exists already, or if it would lie in the export `beside`, where it could be
/// passed on by mistake.
pub fn write_salts(index: &Index, file: &Path, beside: &Path) -> Result<(), IndexError> {
    check_salts(index, file, beside)?;
    let text = text_of(ABOUT_SALTS, SALTS_FORMAT, index.salts()?)?;
    Ok(files::write_atomic(file, text.as_bytes())?)
}

/// What [`write_salts`] refuses, before anything is written.
///
/// Errors as [`write_salts`].
pub fn check_salts(index: &Index, file: &Path, beside: &Path) -> Result<(), IndexError> {
    let refused = if index.salts()?.is_empty() {
        "the index has no salt: no scans were imported into it".to_owned()
    } else if file.exists() {
        format!("{} already exists; choose a new file", display_path(file))
    } else if resolved(file).starts_with(resolved(beside)) {
        "the salt must not lie in the export, with which it could be passed on by mistake"
            .to_owned()
    } else {
        return Ok(());
    };
    Err(IndexError::Refused(refused))
}

/// The path without links and `..`, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let existing = absolute.ancestors().find_map(|ancestor| {
        let real = ancestor.canonicalize().ok()?;
        let rest = absolute.strip_prefix(ancestor).ok()?;
        Some(match rest.as_os_str().is_empty() {
            true => real,
            false => real.join(rest),
        })
    });
    existing.unwrap_or(absolute)
}

impl Writer {
    /// Notes which salts the codes of an export have, and keeps those that are known. Returns whether any is not.
    pub fn add_codes(&mut self, codes: &ExportedCodes) -> Result<bool, IndexError> {
        let mut salts = salts::all(&self.connection)?;
        let mut unknown = salts::unknown(&self.connection)?;
        let before = (salts.clone(), unknown.clone());
        for salt in &codes.salts {
            if !salts.contains(salt) {
                salts.push(salt.clone());
            }
        }
        let known: Vec<String> = salts.iter().map(|salt| name_of(salt)).collect();
        let missing = |name: &String| !known.contains(name);
        unknown.extend(codes.names.iter().cloned());
        unknown.retain(missing);
        unknown.sort();
        unknown.dedup();
        if salts.len() + unknown.len() > MAX_SALTS {
            return Err(IndexError::Refused(format!(
                "an index can have codes with at most {MAX_SALTS} salts"
            )));
        }
        if (&salts, &unknown) != (&before.0, &before.1) {
            self.begin()?;
            salts::put_others(&self.connection, &salts, &unknown)?;
        }
        Ok(codes.names.iter().any(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_salts_is_read_as_it_was_written_and_nothing_else_is() {
        let salt = "0123456789abcdef".repeat(4);
        let text = text_of(ABOUT_SALTS, SALTS_FORMAT, vec![salt.clone()]).unwrap();
        assert_eq!(
            listed(&text, SALTS_FORMAT, SALT_CHARS),
            Some(vec![salt.clone()])
        );
        assert_eq!(listed(&text, CODES_FORMAT, SALT_CHARS), None);
        assert_eq!(listed(&text, SALTS_FORMAT, NAME_CHARS), None);
        assert_eq!(listed("", SALTS_FORMAT, SALT_CHARS), None);
        let many = text_of("", SALTS_FORMAT, vec![salt.clone(); MAX_SALTS + 1]).unwrap();
        assert_eq!(listed(&many, SALTS_FORMAT, SALT_CHARS), None);
        let name = name_of(&salt);
        assert!(name.len() == NAME_CHARS && !salt.contains(&name));
    }
}
