//! The files of a folder, and those that a DICOMDIR lists.

use std::fs;
use std::path::{Path, PathBuf};

use rounds_support::Cancel;
use rounds_support::errors::FileError;

use crate::error::ScanError;
use crate::limits::{MAX_FILES, MAX_FOLDER_DEPTH};

/// All files below `folder`, in a stable order. Links to folders are not followed, as they may lead round in circles. Also returns whether
/// there are more than the limit.
pub(super) fn files_below(
    folder: &Path,
    cancel: &Cancel,
) -> Result<(Vec<PathBuf>, bool), ScanError> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), 0)];
    let mut is_cut = false;
    while let Some((folder, depth)) = folders.pop() {
        if cancel.is_cancelled() {
            return Err(ScanError::Cancelled);
        }
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => {
                return Err(FileError::from_io(&folder, "read", &error).into());
            }
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let path = entry.path();
            if kind.is_dir() && depth < MAX_FOLDER_DEPTH {
                folders.push((path, depth + 1));
            } else if kind.is_file() || (kind.is_symlink() && path.is_file()) {
                files.push(path);
            }
            if files.len() > MAX_FILES {
                is_cut = true;
                files.truncate(MAX_FILES);
                break;
            }
        }
        if is_cut {
            break;
        }
    }
    files.sort();
    Ok((files, is_cut))
}

/// The file that a DICOMDIR in `folder` means by `parts`. Media differ in the case of names. `None` if it is not there, or not below
/// the folder.
pub(super) fn resolve(folder: &Path, parts: &[String]) -> Option<PathBuf> {
    let mut path = folder.to_path_buf();
    for part in parts {
        let is_plain = !part.is_empty()
            && part != "."
            && part != ".."
            && !part.contains(['/', '\\', ':', '\0']);
        if !is_plain {
            return None;
        }
        let stated = path.join(part);
        let lower = path.join(part.to_ascii_lowercase());
        path = [stated, lower]
            .into_iter()
            .find(|candidate| candidate.exists())?;
    }
    path.is_file().then_some(path)
}
