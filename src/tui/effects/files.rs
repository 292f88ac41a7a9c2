//! Reads image files to attach and lists folders, on a worker thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::scan_view;
use crate::tui::journal::Attached;
use crate::tui::state::{Entry, Event, SampleCase};
use rounds_imaging::limits::MAX_FILE_BYTES;
use rounds_support::shipped::{self, CASES};
use rounds_support::{Failure, files, sanitise};

/// Maximum entries listed of a folder; a path to any other can still be typed.
const MAX_ENTRIES: usize = 20_000;
/// Maximum length of a displayed file name, in characters.
const MAX_NAME_CHARS: usize = 255;

/// The shipped sample cases, those that what is known about them lists first, in its order.
pub fn sample_cases() -> Vec<SampleCase> {
    let listed = rounds_assistant::known_cases();
    let place = |name: &str| listed.iter().position(|known| known.name() == name);
    let files = shipped::below(CASES);
    let name = |path: &str| {
        let file = path.strip_prefix(CASES)?.strip_prefix('/')?;
        file.strip_suffix(".png").map(str::to_string)
    };
    let mut names: Vec<String> = files.iter().filter_map(|path| name(path)).collect();
    names.sort_by_key(|name| place(name).unwrap_or(usize::MAX));
    let mut cases = SampleCase::numbered(names);
    for case in &mut cases {
        let known = place(&case.file).and_then(|at| listed[at].first_question());
        case.question = known.map_or(std::mem::take(&mut case.question), str::to_string);
    }
    cases
}

/// The bytes of a sample case.
pub fn case_bytes(name: &str) -> Result<&'static [u8], Failure> {
    shipped::file(&format!("{CASES}/{name}.png")).ok_or_else(|| {
        Failure::model(format!("there is no sample case {name}")).hint("/cases lists them")
    })
}

/// Reads and decodes a sample case, given by the name of its file. The image is named by its title.
pub fn attach_case(file: &str) -> Event {
    let case = sample_cases().into_iter().find(|case| case.file == file);
    let name = case.map_or_else(|| file.to_string(), |case| case.title);
    let result = case_bytes(file).and_then(|bytes| attached(bytes.into(), &name, None));
    let result = result.map(|attached| vec![attached]);
    Event::Attached {
        name: sanitise::clean_line_max(&name, MAX_NAME_CHARS),
        result,
    }
}

/// Reads and decodes a file, or renders what is to be seen of a scan.
pub fn attach_file(path: &Path) -> Event {
    let name = name_of(path);
    let plain = || {
        let bytes = file_bytes(path)?;
        attached(bytes.into(), &name, Some(path.to_path_buf())).map(|attached| vec![attached])
    };
    let result = match scan_view::attach(path) {
        Ok(None) => plain(),
        Ok(Some(all)) => Ok(all),
        Err(error) => Err(error),
    };
    Event::Attached { name, result }
}

/// The bytes of a regular file; reading a pipe could block forever.
pub fn file_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read_regular_file(path, MAX_FILE_BYTES).map_err(|error| Failure::of(&error))
}

/// Decodes an image file.
pub fn attached(file: Arc<[u8]>, name: &str, path: Option<PathBuf>) -> Result<Attached, Failure> {
    let image = rounds_imaging::decode(&file, name).map_err(|error| Failure::of(&error))?;
    Ok(Attached {
        image: Arc::new(image),
        file,
        path,
        scan: None,
        identity: Default::default(),
    })
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    sanitise::clean_line_max(&name.to_string_lossy(), MAX_NAME_CHARS)
}

/// Lists a folder, sorted by name, subfolders first.
pub fn list_folder(folder: &Path) -> Event {
    Event::Folder {
        folder: folder.to_path_buf(),
        result: entries(folder),
    }
}

fn entries(folder: &Path) -> Result<Vec<Entry>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::of(&rounds_support::FileError::from_io(folder, "read", &error))
    };
    let mut entries: Vec<Entry> = std::fs::read_dir(folder)
        .map_err(failed)?
        .filter_map(Result::ok)
        .take(MAX_ENTRIES)
        .map(|entry| {
            let path = entry.path();
            // Follows links: a link to a folder counts as a folder.
            let metadata = std::fs::metadata(&path).ok();
            Entry {
                name: name_of(&path),
                folder: metadata.as_ref().is_some_and(std::fs::Metadata::is_dir),
                length: metadata.map_or(0, |m| m.len()),
                path,
            }
        })
        .collect();
    entries.sort_by_cached_key(|entry| (!entry.folder, entry.name.to_lowercase()));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_listed_first_and_names_are_sanitised() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("zoo")).unwrap();
        std::fs::write(folder.path().join("b\u{1b}[2J.png"), "12345").unwrap();
        std::fs::write(folder.path().join("A.png"), "").unwrap();
        let Event::Folder {
            result: Ok(entries),
            ..
        } = list_folder(folder.path())
        else {
            panic!("not listed");
        };
        let names: Vec<&str> = entries.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["zoo", "A.png", "b\u{fffd}.png"]);
        assert_eq!(entries[2].length, 5);
    }

    #[test]
    fn attaching_anything_but_an_image_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("note.png");
        std::fs::write(&path, "not an image").unwrap();
        for path in [path, folder.path().join("missing.png"), "/dev/null".into()] {
            let Event::Attached {
                result: Err(error), ..
            } = attach_file(&path)
            else {
                panic!("attached {path:?}");
            };
            assert!(!error.message.is_empty());
        }
    }

    #[test]
    fn every_built_in_case_can_be_attached() {
        let cases = sample_cases();
        assert!(!cases.is_empty());
        for case in cases {
            let Event::Attached {
                result: Ok(attached),
                ..
            } = attach_case(&case.file)
            else {
                panic!("{case:?} cannot be attached");
            };
            assert_eq!(attached[0].image.source.name, case.title);
            // A name ends with its finding, or with a number and tells none.
            let finding = case.file.rsplit('-').next().unwrap();
            let mut words = case.title.split(|c: char| !c.is_alphanumeric());
            let told = words.any(|word| word == finding) && finding.parse::<u32>().is_err();
            assert!(!told, "{case:?} gives it away");
        }
        assert!(matches!(
            attach_case("../../README"),
            Event::Attached { result: Err(_), .. }
        ));
    }
}
