//! Checking a file that is in the cache already.

use std::fs;
use std::path::{Path, PathBuf};

use super::cache::Shelf;
use super::download::agrees;
use super::error::HubError;
use super::remote::Asked;
use super::{Fetched, Progress, names, partial};
use rounds_support::{Cancel, files};

/// Hashes a file of the cache. One whose content is not what its own name says is damaged and deleted; one that merely
/// is not what the caller expects may be right for somebody else, and stays. So does one that a link leads to outside the
/// cache: nothing there is ours.
pub(super) fn check(
    shelf: &Shelf,
    asked: Asked,
    expected: Option<&str>,
    commit: String,
    path: PathBuf,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Fetched, HubError> {
    let size = files::length(&path)?;
    let mut report = |done| {
        progress(Progress {
            file: asked.file,
            done,
            total: Some(size),
        });
    };
    let found = partial::sha256(&path, cancel, &mut report)?;
    let blob = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
    let name = blob.file_name().unwrap_or_default().to_string_lossy();
    let name = names::is_sha256(&name).then_some(name.as_ref());
    let removed = |error: HubError| match shelf.remove(&path) {
        Ok(()) => error,
        Err(target) => foreign(error, &path, target),
    };
    agrees(asked, name, &found).map_err(removed)?;
    agrees(asked, expected, &found).map_err(|error| match name {
        None => removed(error),
        Some(_) => error,
    })?;
    Ok(Fetched {
        path,
        commit,
        sha256: found,
        size,
        from_cache: true,
    })
}

/// A wrong content that is not ours to delete.
fn foreign(error: HubError, link: &Path, target: PathBuf) -> HubError {
    match error {
        HubError::HashMismatch {
            expected, found, ..
        } => HubError::Foreign {
            link: link.to_path_buf(),
            target,
            expected,
            found,
        },
        other => other,
    }
}
