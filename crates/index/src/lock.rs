//! The lock of a writer: a file in the index's folder that is locked while the writer lives.

use std::fs::File;
use std::path::Path;

use super::error::IndexError;
use rounds_support::{FileError, files};

/// The name of the lock file.
pub(super) const LOCK: &str = "writer.lock";

/// Takes the writer lock, which is held as long as the returned file is open.
///
/// Errors with [`IndexError::Busy`] if another process holds it.
pub(super) fn lock(folder: &Path) -> Result<File, IndexError> {
    let path = folder.join(LOCK);
    let file = files::open_private(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(IndexError::Busy(
            rounds_support::errors::display_path(folder),
        )),
        Err(std::fs::TryLockError::Error(e)) => Err(FileError::from_io(&path, "lock", &e).into()),
    }
}

/// Whether a writer holds the lock now.
pub(super) fn is_being_written(folder: &Path) -> bool {
    let lock = File::open(folder.join(LOCK));
    let held = |lock: File| {
        matches!(
            lock.try_lock_shared(),
            Err(std::fs::TryLockError::WouldBlock)
        )
    };
    lock.is_ok_and(held)
}

/// Whether the lock file in the folder is still the one that is held; after the folder was deleted or recreated it is not.
pub(super) fn still_locked(folder: &Path, held: &File) -> bool {
    let (Ok(found), Ok(held)) = (std::fs::metadata(folder.join(LOCK)), held.metadata()) else {
        return false;
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (found.dev(), found.ino()) == (held.dev(), held.ino())
    }
    #[cfg(not(unix))]
    {
        found.is_file() && held.is_file()
    }
}
