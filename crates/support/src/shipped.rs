//! Files that ship with the program: the model, the index, the sample cases and the prompt templates.
//!
//! Only the main program embeds them, and registers them once with [`install`]; libraries request them by name. This keeps
//! them out of test binaries: if nothing was installed (tests, benchmarks), the files are read from the checkout that this
//! crate was compiled in.
//!
//! An environment variable can name a folder that the program reads in place of one that it embeds. So a new model or index
//! is tried as the shipped one without a build, and the tests of the program run on fixtures, whatever ships.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// Folder of the shipped model in the repository.
pub const MODEL: &str = "assets/radiology";
/// Folder of the shipped index in the repository.
pub const INDEX: &str = "index";
/// Folder of the shipped sample cases in the repository.
pub const CASES: &str = "assets/cases";

/// The folders that can be replaced, each with the variable that names another one.
const REPLACEABLE: [(&str, &str); 3] = [
    (MODEL, "ROUNDS_SHIPPED_MODEL"),
    (INDEX, "ROUNDS_SHIPPED_INDEX"),
    (CASES, "ROUNDS_SHIPPED_CASES"),
];

/// Names (repository paths such as `prompts/nano.toml`) with contents, sorted by name.
pub type Table = &'static [(&'static str, &'static [u8])];

struct Installed {
    table: Table,
    /// Shipped folders, each with the folder that is read in its place.
    replaced: Vec<(&'static str, PathBuf)>,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();
static READ: Mutex<BTreeMap<String, &'static [u8]>> = Mutex::new(BTreeMap::new());

/// Registers the embedded files, sorted by name, and looks which of them the environment replaces. Only the first call
/// counts; it must precede the first [`file()`].
pub fn install(table: Table) {
    let replaced = REPLACEABLE.into_iter().filter_map(|(folder, variable)| {
        let other = std::env::var_os(variable).filter(|value| !value.is_empty());
        other.map(|other| (folder, PathBuf::from(other)))
    });
    let _ = INSTALLED.set(Installed {
        table,
        replaced: replaced.collect(),
    });
}

impl Installed {
    /// Where a file or folder of this name is on disk; `None` if it is embedded.
    fn on_disk(&self, name: &str) -> Option<PathBuf> {
        self.replaced.iter().find_map(|(folder, other)| {
            let inside = name.strip_prefix(folder)?.strip_prefix('/')?;
            Some(other.join(inside))
        })
    }

    fn embedded(&self, name: &str) -> Option<&'static [u8]> {
        let at = self.table.binary_search_by_key(&name, |(n, _)| n).ok()?;
        self.table.get(at).map(|(_, bytes)| *bytes)
    }
}

/// The content of a shipped file, by its path in the repository (`prompts/nano.toml`).
pub fn file(name: &str) -> Option<&'static [u8]> {
    let Some(installed) = INSTALLED.get() else {
        return read_once(name, &checkout().join(name));
    };
    match installed.on_disk(name) {
        Some(path) => read_once(name, &path),
        None => installed.embedded(name),
    }
}

/// Names of the shipped files in a folder ([`CASES`]) and its subfolders, sorted.
pub fn below(folder: &str) -> Vec<String> {
    let inside = format!("{folder}/");
    let mut names = Vec::new();
    match INSTALLED.get() {
        None => names_below(&checkout().join(folder), folder, &mut names),
        Some(installed) => match installed.on_disk(&inside) {
            Some(path) => names_below(&path, folder, &mut names),
            None => {
                let all = installed.table.iter().map(|(name, _)| (*name).to_string());
                names.extend(all.filter(|name| name.starts_with(&inside)));
            }
        },
    }
    names.sort();
    names
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Each file is read once and kept for the lifetime of the process, like the embedded ones.
fn read_once(name: &str, path: &Path) -> Option<&'static [u8]> {
    let mut read = READ
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(bytes) = read.get(name) {
        return Some(bytes);
    }
    let bytes: &'static [u8] = std::fs::read(path).ok()?.leak();
    read.insert(name.to_string(), bytes);
    Some(bytes)
}

/// Appends the names of the files in the folder `path`, which are named as if that were `folder`.
fn names_below(path: &Path, folder: &str, names: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        match entry.path() {
            path if path.is_dir() => names_below(&path, &name, names),
            _ => names.push(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_checkout_are_found_by_name_and_by_folder() {
        let names = below("prompts");
        assert!(names.contains(&"prompts/nano.toml".to_string()));
        assert!(names.iter().all(|name| file(name).is_some()));
        assert!(file("prompts/none.toml").is_none());
    }

    #[test]
    fn a_folder_is_replaced_with_all_that_is_in_it_and_nothing_else_is() {
        let installed = Installed {
            table: &[("index/a", b"a"), ("index-of/b", b"b")],
            replaced: vec![(INDEX, "/other".into())],
        };
        let on_disk = |name: &str| installed.on_disk(name);
        assert_eq!(
            on_disk("index/images/00.jpg"),
            Some("/other/images/00.jpg".into())
        );
        assert_eq!(on_disk("index/"), Some("/other/".into()));
        assert_eq!(on_disk("index-of/b"), None);
        assert_eq!(on_disk("prompts/nano.toml"), None);
        assert_eq!(installed.embedded("index-of/b"), Some(&b"b"[..]));
    }
}
