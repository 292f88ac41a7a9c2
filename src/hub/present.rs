//! Checking a file that is in the cache already.

use std::fs;
use std::path::PathBuf;

use super::cache::Shelf;
use super::download::agrees;
use super::error::HubError;
use super::remote::Asked;
use super::{Fetched, Progress, names, partial};
use crate::support::{Cancel, files};

/// Hashes a file of the cache. One whose content is not what its own name says is damaged and deleted; one that merely
/// is not what the caller expects may be right for somebody else, and stays.
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
    agrees(asked, name, &found).inspect_err(|_| shelf.remove(&path))?;
    agrees(asked, expected, &found).inspect_err(|_| {
        if name.is_none() {
            shelf.remove(&path);
        }
    })?;
    Ok(Fetched {
        path,
        commit,
        sha256: found,
        size,
        from_cache: true,
    })
}
