//! The hub's cache on disk, as every hub client lays it out, so that files are shared with them.
//!
//! Contents are in `blobs/`, named by their etag; `snapshots/{commit}/` has a link for each file; `refs/{revision}` names
//! the commit. A blob is there whole or not at all. Never make these files private: the cache may be shared by a group.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::HubError;
use super::{names, patience};
use rounds_support::{Cancel, FileError, files};

/// Longest file in `refs/` that is read, in bytes.
const LONGEST_REF: u64 = 1024;
/// How often a blob that someone else downloads is looked at.
const LOCK_LOOK: Duration = Duration::from_millis(100);

/// One repository's part of the cache; its names have passed [`names`].
pub(super) struct Shelf {
    folder: PathBuf,
    locks: PathBuf,
}

/// Keeps others from downloading the same blob; ends when dropped.
pub(super) struct Lock(Option<File>);

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(file) = self.0.take() {
            let _ = file.unlock();
        }
    }
}

impl Shelf {
    /// The place of a repository under the cache's folder; makes nothing.
    pub(super) fn new(cache: &Path, repository: &str) -> Self {
        let name = format!("models--{}", repository.replace('/', "--"));
        Self {
            folder: cache.join(&name),
            locks: cache.join(".locks").join(name),
        }
    }

    /// The blob of an etag.
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// The unfinished blob of an etag.
    pub(super) fn incomplete(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{etag}.incomplete"))
    }

    /// A file of a commit.
    pub(super) fn snapshot(&self, commit: &str, file: &str) -> PathBuf {
        self.folder_of(commit).join(file)
    }

    /// The folder with a commit's files.
    pub(super) fn folder_of(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The commit that a revision stood for when it was last asked for.
    pub(super) fn commit(&self, revision: &str) -> Option<String> {
        if names::is_commit(revision) {
            return Some(revision.to_owned());
        }
        let path = self.folder.join("refs").join(revision);
        let content = files::read_limited(&path, LONGEST_REF).ok()?;
        let commit = String::from_utf8(content).ok()?.trim().to_owned();
        names::plain("commit", &commit).is_ok().then_some(commit)
    }

    /// A file that is there, with the commit it is of.
    pub(super) fn find(&self, revision: &str, file: &str) -> Option<(String, PathBuf)> {
        let commit = self.commit(revision)?;
        let path = self.snapshot(&commit, file);
        path.is_file().then_some((commit, path))
    }

    /// Makes the folder of the blobs.
    pub(super) fn prepare(&self) -> Result<PathBuf, FileError> {
        let blobs = self.folder.join("blobs");
        make_folder(&blobs)?;
        Ok(blobs)
    }

    /// Waits until nobody else downloads this blob.
    pub(super) fn lock(&self, etag: &str, cancel: &Cancel) -> Result<Lock, HubError> {
        make_folder(&self.locks)?;
        let path = self.locks.join(format!("{etag}.lock"));
        let file = files::open_private(&path)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock(Some(file))),
                Err(TryLockError::WouldBlock) => patience::sleep(LOCK_LOOK, cancel)?,
                Err(TryLockError::Error(error)) => {
                    // Some network file systems know no locks; one pull at a time works there all the same.
                    tracing::debug!(%error, "hub: no lock");
                    return Ok(Lock(None));
                }
            }
        }
    }

    /// Makes `snapshots/{commit}/{file}` lead to the blob.
    pub(super) fn link(&self, etag: &str, commit: &str, file: &str) -> Result<PathBuf, FileError> {
        let path = self.snapshot(commit, file);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        // From the file's folder up to the repository's: the commit, `snapshots`, and each folder in the file's name.
        let up = "../".repeat(file.split('/').count() + 1);
        let target = PathBuf::from(format!("{up}blobs/{etag}"));
        if fs::read_link(&path).is_ok_and(|there| there == target) {
            return Ok(path);
        }
        let failed = |error: std::io::Error| FileError::from_io(&path, "write", &error);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
        match symlink(&target, &self.blob(etag), &path) {
            // Somebody else was as fast; their link is as good.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(path),
            Err(error) => Err(failed(error)),
            Ok(()) => Ok(path),
        }
    }

    /// Remembers the commit of a revision; a commit needs no remembering.
    pub(super) fn write_ref(&self, revision: &str, commit: &str) -> Result<(), FileError> {
        if names::is_commit(revision) || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let failed = |error: std::io::Error| FileError::from_io(&path, "write", &error);
        let temporary = path.with_extension(format!("{}.incomplete", std::process::id()));
        fs::write(&temporary, commit).map_err(failed)?;
        fs::rename(&temporary, &path).map_err(failed)
    }

    /// Takes out a file whose content is wrong, with the blob behind it. A link may lead to a file of somebody's own: what
    /// does not lie in this shelf stays, with the link to it, and its place is given back.
    pub(super) fn remove(&self, file: &Path) -> Result<(), PathBuf> {
        let Ok(target) = fs::canonicalize(file) else {
            return Ok(());
        };
        let ours = ["blobs", "snapshots"].iter().any(|part| {
            fs::canonicalize(self.folder.join(part)).is_ok_and(|part| target.starts_with(part))
        });
        if !ours {
            return Err(target);
        }
        let _ = fs::remove_file(&target);
        let _ = fs::remove_file(file);
        Ok(())
    }
}

#[cfg(unix)]
fn symlink(target: &Path, _blob: &Path, path: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// Links need a permission here that few have: a second name of the blob does as well, and a copy in the end.
#[cfg(not(unix))]
fn symlink(_target: &Path, blob: &Path, path: &Path) -> std::io::Result<()> {
    fs::hard_link(blob, path).or_else(|_| fs::copy(blob, path).map(|_| ()))
}

fn make_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|error| FileError::from_io(path, "make the folder", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_link_leads_to_its_blob_from_any_depth() {
        let cache = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(cache.path(), "a/b");
        shelf.prepare().unwrap();
        fs::write(shelf.blob("etag"), b"old").unwrap();
        fs::write(shelf.blob("new"), b"new").unwrap();
        for file in ["one.bin", "deep/er/one.bin"] {
            let path = shelf.link("etag", "c0", file).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"old");
            let path = shelf.link("new", "c0", file).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new");
            assert!(fs::read_link(&path).unwrap().is_relative());
        }
    }

    #[test]
    #[cfg(unix)]
    fn only_what_lies_in_the_shelf_is_taken_out() {
        let cache = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(cache.path(), "a/b");
        shelf.prepare().unwrap();
        fs::write(shelf.blob("etag"), b"bad").unwrap();
        let linked = shelf.link("etag", "c0", "one.bin").unwrap();
        shelf.remove(&linked).unwrap();
        assert!(!shelf.blob("etag").exists() && fs::symlink_metadata(&linked).is_err());

        let own = cache.path().join("my own.bin");
        fs::write(&own, b"mine").unwrap();
        // The link of a snapshot, a blob that is a link itself, and another model's blob.
        let other = Shelf::new(cache.path(), "a/c");
        other.prepare().unwrap();
        fs::write(other.blob("etag"), b"theirs").unwrap();
        std::os::unix::fs::symlink(&own, &linked).unwrap();
        std::os::unix::fs::symlink(&own, shelf.blob("outside")).unwrap();
        let second = shelf.snapshot("c0", "two.bin");
        std::os::unix::fs::symlink(other.blob("etag"), &second).unwrap();
        for (path, target) in [
            (&linked, &own),
            (&shelf.blob("outside"), &own),
            (&second, &other.blob("etag")),
        ] {
            let target = fs::canonicalize(target).unwrap();
            assert_eq!(shelf.remove(path), Err(target.clone()));
            assert!(target.exists() && fs::symlink_metadata(path).is_ok());
        }
    }

    #[test]
    fn a_revision_is_found_again_and_a_bad_ref_is_not() {
        let cache = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(cache.path(), "a/b");
        assert_eq!(shelf.commit("main"), None);
        shelf.write_ref("main", "c0").unwrap();
        shelf.write_ref("refs/pr/1", "c1").unwrap();
        assert_eq!(shelf.commit("main").as_deref(), Some("c0"));
        assert_eq!(shelf.commit("refs/pr/1").as_deref(), Some("c1"));
        fs::write(cache.path().join("models--a--b/refs/main"), "../..").unwrap();
        assert_eq!(shelf.commit("main"), None);
    }

    #[test]
    fn a_second_lock_waits_until_cancelled() {
        let cache = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(cache.path(), "a/b");
        let cancel = Cancel::new();
        let first = shelf.lock("etag", &cancel).unwrap();
        cancel.cancel();
        assert!(matches!(
            shelf.lock("etag", &cancel),
            Err(HubError::Cancelled)
        ));
        drop(first);
        shelf.lock("etag", &cancel).unwrap();
    }
}
