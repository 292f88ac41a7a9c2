//! Verifies a file that is already in the cache.

use std::fs;
use std::path::{Path, PathBuf};

use super::cache::RepoCache;
use super::error::HubError;
use super::remote::FileRequest;
use super::{Fetched, Progress, names, partial};
use rounds_support::{Cancel, files};

/// Hashes a cached file. If its content does not match its own name, it is damaged and deleted. If it merely differs from
/// what the caller expects, it is kept, because it may be right for another program. A file outside the cache that a link
/// leads to is always kept: it belongs to the user.
pub(super) fn verify_cached(
    repo: &RepoCache,
    request: FileRequest,
    expected: Option<&str>,
    commit: String,
    path: PathBuf,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Fetched, HubError> {
    let size = files::length(&path)?;
    let mut report = |done| {
        progress(Progress {
            file: request.file,
            done,
            total: Some(size),
        });
    };
    let found = partial::sha256(&path, cancel, &mut report)?;
    let blob = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
    let name = blob.file_name().unwrap_or_default().to_string_lossy();
    let name = names::is_sha256(&name).then_some(name.as_ref());
    let removed = |error: HubError| match repo.remove(&path) {
        Ok(()) => error,
        Err(target) => outside_cache(error, &path, target),
    };
    check_hash(request, name, &found).map_err(removed)?;
    check_hash(request, expected, &found).map_err(|error| match name {
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

/// Fails if a SHA-256 is not the expected one.
pub(super) fn check_hash(
    request: FileRequest,
    expected: Option<&str>,
    found: &str,
) -> Result<(), HubError> {
    match expected {
        Some(expected) if !expected.eq_ignore_ascii_case(found) => Err(HubError::HashMismatch {
            file: request.file.to_owned(),
            expected: expected.to_ascii_lowercase(),
            found: found.to_ascii_lowercase(),
        }),
        _ => Ok(()),
    }
}

/// The error for wrong content outside the cache.
fn outside_cache(error: HubError, link: &Path, target: PathBuf) -> HubError {
    match error {
        HubError::HashMismatch {
            expected, found, ..
        } => HubError::OutsideCache {
            link: link.to_path_buf(),
            target,
            expected,
            found,
        },
        other => other,
    }
}
