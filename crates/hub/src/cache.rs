//! The hub cache on disk, in the layout of the official clients, so that downloads are shared with them.
//!
//! `blobs/` holds contents, named by etag; `snapshots/{commit}/` holds a link for each file; `refs/{revision}` holds the
//! commit. Blobs are always complete. Never make these files private: a group may share the cache.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::HubError;
use super::{names, retry};
use rounds_support::{Cancel, FileError, files};

/// Maximum length of a file in `refs/`, in bytes.
const MAX_REF_BYTES: u64 = 1024;
/// How often to retry the lock on a blob that another process is downloading.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// One repository's part of the cache. All names must have been checked with [`names`].
pub(super) struct RepoCache {
    folder: PathBuf,
    locks: PathBuf,
}

/// Keeps other processes from downloading the same blob; released when dropped.
pub(super) struct Lock(Option<File>);

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(file) = self.0.take() {
            let _ = file.unlock();
        }
    }
}

impl RepoCache {
    /// The folders of a repository in the cache. Creates nothing.
    pub(super) fn new(cache: &Path, repository: &str) -> Self {
        let name = format!("models--{}", repository.replace('/', "--"));
        Self {
            folder: cache.join(&name),
            locks: cache.join(".locks").join(name),
        }
    }

    /// Path of the blob with an etag.
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// Path of the unfinished download of a blob.
    pub(super) fn incomplete(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{etag}.incomplete"))
    }

    /// Path of a file at a commit.
    pub(super) fn snapshot(&self, commit: &str, file: &str) -> PathBuf {
        self.folder_of(commit).join(file)
    }

    /// The folder with the files of a commit.
    pub(super) fn folder_of(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The commit that a revision pointed to when it was last downloaded.
    pub(super) fn commit(&self, revision: &str) -> Option<String> {
        if names::is_commit(revision) {
            return Some(revision.to_owned());
        }
        let path = self.folder.join("refs").join(revision);
        let content = files::read_limited(&path, MAX_REF_BYTES).ok()?;
        let commit = String::from_utf8(content).ok()?.trim().to_owned();
        names::identifier("commit", &commit)
            .is_ok()
            .then_some(commit)
    }

    /// A cached file and its commit.
    pub(super) fn find(&self, revision: &str, file: &str) -> Option<(String, PathBuf)> {
        let commit = self.commit(revision)?;
        let path = self.snapshot(&commit, file);
        path.is_file().then_some((commit, path))
    }

    /// Creates the `blobs` folder.
    pub(super) fn prepare(&self) -> Result<PathBuf, FileError> {
        let blobs = self.folder.join("blobs");
        make_folder(&blobs)?;
        Ok(blobs)
    }

    /// Waits until no other process is downloading this blob.
    pub(super) fn lock(&self, etag: &str, cancel: &Cancel) -> Result<Lock, HubError> {
        make_folder(&self.locks)?;
        let path = self.locks.join(format!("{etag}.lock"));
        let file = files::open_private(&path)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock(Some(file))),
                Err(TryLockError::WouldBlock) => retry::sleep(LOCK_POLL_INTERVAL, cancel)?,
                Err(TryLockError::Error(error)) => {
                    // Some network file systems do not support locks; a single pull at a time still works there.
                    tracing::debug!(%error, "hub: cannot lock");
                    return Ok(Lock(None));
                }
            }
        }
    }

    /// Links `snapshots/{commit}/{file}` to the blob.
    pub(super) fn link(&self, etag: &str, commit: &str, file: &str) -> Result<PathBuf, FileError> {
        let path = self.snapshot(commit, file);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        // Up from the file's folder to the repository's: each folder in the file name, the commit and `snapshots`.
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
            // Another process created the same link in the meantime.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(path),
            Err(error) => Err(failed(error)),
            Ok(()) => Ok(path),
        }
    }

    /// Records the commit of a revision, unless the revision is itself a commit.
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

    /// Deletes a file with wrong content, and its blob. If a link leads out of this repository's cache, both the link and
    /// its target are left alone, because the target belongs to the user, and the target's path is returned as the error.
    pub(super) fn remove(&self, file: &Path) -> Result<(), PathBuf> {
        let Ok(target) = fs::canonicalize(file) else {
            return Ok(());
        };
        let is_inside = ["blobs", "snapshots"].iter().any(|part| {
            fs::canonicalize(self.folder.join(part)).is_ok_and(|part| target.starts_with(part))
        });
        if !is_inside {
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

/// Symbolic links need a permission that few users have here, so use a hard link or, failing that, a copy.
#[cfg(not(unix))]
fn symlink(_target: &Path, blob: &Path, path: &Path) -> std::io::Result<()> {
    fs::hard_link(blob, path).or_else(|_| fs::copy(blob, path).map(|_| ()))
}

fn make_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|error| FileError::from_io(path, "create the folder", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_link_leads_to_its_blob_from_any_depth() {
        let cache = tempfile::tempdir().unwrap();
        let repo = RepoCache::new(cache.path(), "a/b");
        repo.prepare().unwrap();
        fs::write(repo.blob("etag"), b"old").unwrap();
        fs::write(repo.blob("new"), b"new").unwrap();
        for file in ["one.bin", "deep/er/one.bin"] {
            let path = repo.link("etag", "c0", file).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"old");
            let path = repo.link("new", "c0", file).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new");
            assert!(fs::read_link(&path).unwrap().is_relative());
        }
    }

    #[test]
    #[cfg(unix)]
    fn only_files_inside_the_repository_cache_are_deleted() {
        let cache = tempfile::tempdir().unwrap();
        let repo = RepoCache::new(cache.path(), "a/b");
        repo.prepare().unwrap();
        fs::write(repo.blob("etag"), b"bad").unwrap();
        let linked = repo.link("etag", "c0", "one.bin").unwrap();
        repo.remove(&linked).unwrap();
        assert!(!repo.blob("etag").exists() && fs::symlink_metadata(&linked).is_err());

        let own = cache.path().join("my own.bin");
        fs::write(&own, b"mine").unwrap();
        // A link in a snapshot, a blob that is itself a link, and a blob of another repository.
        let other = RepoCache::new(cache.path(), "a/c");
        other.prepare().unwrap();
        fs::write(other.blob("etag"), b"theirs").unwrap();
        std::os::unix::fs::symlink(&own, &linked).unwrap();
        std::os::unix::fs::symlink(&own, repo.blob("outside")).unwrap();
        let second = repo.snapshot("c0", "two.bin");
        std::os::unix::fs::symlink(other.blob("etag"), &second).unwrap();
        for (path, target) in [
            (&linked, &own),
            (&repo.blob("outside"), &own),
            (&second, &other.blob("etag")),
        ] {
            let target = fs::canonicalize(target).unwrap();
            assert_eq!(repo.remove(path), Err(target.clone()));
            assert!(target.exists() && fs::symlink_metadata(path).is_ok());
        }
    }

    #[test]
    fn a_recorded_revision_is_found_and_a_malformed_ref_is_ignored() {
        let cache = tempfile::tempdir().unwrap();
        let repo = RepoCache::new(cache.path(), "a/b");
        assert_eq!(repo.commit("main"), None);
        repo.write_ref("main", "c0").unwrap();
        repo.write_ref("refs/pr/1", "c1").unwrap();
        assert_eq!(repo.commit("main").as_deref(), Some("c0"));
        assert_eq!(repo.commit("refs/pr/1").as_deref(), Some("c1"));
        fs::write(cache.path().join("models--a--b/refs/main"), "../..").unwrap();
        assert_eq!(repo.commit("main"), None);
    }

    #[test]
    fn a_second_lock_waits_until_cancelled() {
        let cache = tempfile::tempdir().unwrap();
        let repo = RepoCache::new(cache.path(), "a/b");
        let cancel = Cancel::new();
        let first = repo.lock("etag", &cancel).unwrap();
        cancel.cancel();
        assert!(matches!(
            repo.lock("etag", &cancel),
            Err(HubError::Cancelled)
        ));
        drop(first);
        repo.lock("etag", &cancel).unwrap();
    }
}
