//! Files that ship with the program: the model, the index, the sample cases and the prompt templates.
//!
//! Only the main program embeds them, and registers them once with [`install`]; libraries request them by name. This keeps
//! them out of test binaries: if nothing was installed (tests, benchmarks), the files are read from the checkout that this
//! crate was compiled in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// Names (repository paths such as `assets/nano/model.toml`) with contents, sorted by name.
pub type Table = &'static [(&'static str, &'static [u8])];

static INSTALLED: OnceLock<Table> = OnceLock::new();
static READ: Mutex<BTreeMap<String, &'static [u8]>> = Mutex::new(BTreeMap::new());

/// Registers the embedded files, sorted by name. Only the first call counts; it must precede the first [`file()`].
pub fn install(table: Table) {
    let _ = INSTALLED.set(table);
}

/// The content of a shipped file, by its path in the repository (`assets/nano/model.toml`).
pub fn file(name: &str) -> Option<&'static [u8]> {
    match INSTALLED.get() {
        Some(table) => {
            let at = table.binary_search_by_key(&name, |(n, _)| n).ok()?;
            table.get(at).map(|(_, bytes)| *bytes)
        }
        None => from_checkout(name),
    }
}

/// Names of the shipped files in a folder (`assets/cases/`) and its subfolders, sorted.
pub fn below(folder: &str) -> Vec<String> {
    match INSTALLED.get() {
        Some(table) => table
            .iter()
            .map(|(name, _)| (*name).to_string())
            .filter(|name| name.starts_with(folder))
            .collect(),
        None => {
            let mut names = Vec::new();
            names_below(&checkout(), folder.trim_end_matches('/'), &mut names);
            names.sort();
            names
        }
    }
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Each file is read once and kept for the lifetime of the process, like the embedded ones.
fn from_checkout(name: &str) -> Option<&'static [u8]> {
    let mut read = READ
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(bytes) = read.get(name) {
        return Some(bytes);
    }
    let bytes: &'static [u8] = std::fs::read(checkout().join(name)).ok()?.leak();
    read.insert(name.to_string(), bytes);
    Some(bytes)
}

fn names_below(root: &Path, folder: &str, names: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            names_below(root, &name, names);
        } else {
            names.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_checkout_are_found_by_name_and_by_folder() {
        let names = below("prompts/");
        assert!(names.contains(&"prompts/nano.toml".to_string()));
        assert!(names.iter().all(|name| file(name).is_some()));
        assert!(file("prompts/none.toml").is_none());
    }
}
