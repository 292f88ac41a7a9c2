//! Reading and writing files with errors that name the file.
//!
//! Everything the program writes for itself is private (files 0600, folders 0700) and replaced atomically. Never overwrite
//! such a file in place: a crash half-way would leave neither the old content nor the new.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::errors::FileError;

/// Reads a whole file of any length. For files a user names, prefer [`read_limited`].
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    read_limited(path, u64::MAX)
}

/// Reads a whole UTF-8 file without its byte order mark.
pub fn read_to_string(path: &Path) -> Result<String, FileError> {
    let text = String::from_utf8(read(path)?)
        .map_err(|_| FileError::other(path, "read", "not UTF-8 text"))?;
    Ok(match text.strip_prefix('\u{FEFF}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Reads a whole file of at most `max_bytes` bytes. Never holds more than that in memory, even from a pipe or a growing file.
pub fn read_limited(path: &Path, max_bytes: u64) -> Result<Vec<u8>, FileError> {
    let too_large = || FileError::TooLarge {
        path: path.to_path_buf(),
        limit: max_bytes,
    };
    let failed = |error: std::io::Error| FileError::from_io(path, "read", &error);
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(FileError::IsDirectory {
            path: path.to_path_buf(),
        });
    }
    if metadata.len() > max_bytes {
        return Err(too_large());
    }
    let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    let file = File::open(path).map_err(failed)?;
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(failed)?;
    if content.len() as u64 > max_bytes {
        return Err(too_large());
    }
    Ok(content)
}

/// Like [`read_limited`], but only accepts a regular file: opening a pipe blocks, and a device may have no end.
pub fn read_regular_file(path: &Path, max_bytes: u64) -> Result<Vec<u8>, FileError> {
    let metadata = fs::metadata(path).map_err(|error| FileError::from_io(path, "read", &error))?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(FileError::other(path, "read", "not a regular file"));
    }
    read_limited(path, max_bytes)
}

/// Length of a file in bytes.
pub fn length(path: &Path) -> Result<u64, FileError> {
    fs::metadata(path)
        .map(|m| m.len())
        .map_err(|error| FileError::from_io(path, "read", &error))
}

/// Creates a folder and its parents, for this user only (0700 on Unix). An existing folder keeps its permissions.
pub fn create_private_dir(path: &Path) -> Result<(), FileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|error| FileError::from_io(path, "create the folder", &error))
}

/// The entries of a folder; none if it cannot be read.
pub fn below(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

/// Writes a private file (0600 on Unix) atomically: readers see the old content or the new, even after a crash. The folder
/// must exist. See [`Staged`] for links and devices.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<(), FileError> {
    Staged::with_content(path, content)?.commit()
}

/// A private file being written under a temporary name in the same folder. [`Staged::commit`] moves it to its final path;
/// dropping it instead deletes it and leaves any old file alone.
pub struct Staged {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl Staged {
    /// Starts the file that will become `path`. The folder must exist. If `path` is a link, the file it points to is
    /// replaced and the link stays. Fails for a device or a pipe, which others may depend on.
    pub fn new(path: &Path) -> Result<Self, FileError> {
        let target = match fs::canonicalize(path) {
            Ok(target) => target,
            Err(_) => path.to_path_buf(),
        };
        let path = target.as_path();
        if path.is_dir() {
            return Err(FileError::IsDirectory {
                path: path.to_path_buf(),
            });
        }
        if path.exists() && !path.is_file() {
            let reason = "it is a device or a pipe, not a file";
            return Err(FileError::other(path, "write", reason));
        }
        let temporary = tempfile::Builder::new()
            .prefix(".rounds-")
            .tempfile_in(folder_of(path))
            .map_err(|error| FileError::from_io(path, "write", &error))?;
        Ok(Self {
            temporary,
            path: path.to_path_buf(),
        })
    }

    /// Starts the file that will become `path`, with `content` already synced to disk.
    pub fn with_content(path: &Path, content: &[u8]) -> Result<Self, FileError> {
        let mut staged = Self::new(path)?;
        staged
            .write_all(content)
            .map_err(|error| FileError::from_io(path, "write", &error))?;
        staged.sync()?;
        Ok(staged)
    }

    /// Waits until everything written so far is on disk.
    pub fn sync(&self) -> Result<(), FileError> {
        let synced = self.temporary.as_file().sync_all();
        synced.map_err(|error| FileError::from_io(&self.path, "write", &error))
    }

    /// Moves the file to its final path and syncs it.
    pub fn commit(self) -> Result<(), FileError> {
        self.sync()?;
        let Self { temporary, path } = self;
        temporary
            .persist(&path)
            .map_err(|refused| FileError::from_io(&path, "write", &refused.error))?;
        sync_folder(folder_of(&path))
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.flush()
    }
}

/// The folder that contains `path`.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Opens a file for reading and writing without truncating it; creates it if missing, for this user only (0600 on Unix).
pub fn open_private(path: &Path) -> Result<File, FileError> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map_err(|error| FileError::from_io(path, "write", &error))
}

/// Deletes a file durably; succeeds if it does not exist.
pub fn delete(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder(folder_of(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(FileError::from_io(path, "delete", &error)),
    }
}

/// Makes a rename inside `folder` survive a power cut. Does nothing outside Unix, where a folder cannot be opened.
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    #[cfg(unix)]
    File::open(folder)
        .and_then(|handle| handle.sync_all())
        .map_err(|error| FileError::from_io(folder, "write", &error))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// SHA-256 of `content`: 64 lower-case hexadecimal digits.
pub fn sha256_hex(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

/// Like [`sha256_hex`], for a file that is read in chunks.
pub fn sha256_file(path: &Path) -> Result<String, FileError> {
    let failed = |error: std::io::Error| FileError::from_io(path, "read", &error);
    if fs::metadata(path).map_err(failed)?.is_dir() {
        return Err(FileError::IsDirectory {
            path: path.to_path_buf(),
        });
    }
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0_u8; 1 << 20];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(format!("{:x}", hasher.finalize())),
            Ok(count) => hasher.update(&chunk[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_is_private_and_complete_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let nested = folder.path().join("a/b");
        create_private_dir(&nested).unwrap();
        create_private_dir(&nested).unwrap();
        let path = nested.join("note.txt");
        write_atomic(&path, b"old").unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(&nested).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            assert_eq!(
                fs::metadata(&nested).unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
    }

    #[test]
    fn a_staged_file_appears_only_when_committed_and_never_replaces_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("note.txt");
        write_atomic(&path, b"old").unwrap();
        let mut staged = Staged::new(&path).unwrap();
        staged.write_all(b"new").unwrap();
        assert_eq!(read(&path).unwrap(), b"old");
        drop(staged);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        Staged::with_content(&path, b"new")
            .unwrap()
            .commit()
            .unwrap();
        assert_eq!(read(&path).unwrap(), b"new");
        assert!(matches!(
            Staged::new(folder.path()),
            Err(FileError::IsDirectory { .. })
        ));
    }

    #[test]
    #[cfg(unix)]
    fn open_private_creates_a_private_file_and_keeps_existing_content() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        open_private(&path).unwrap().write_all(b"kept").unwrap();
        drop(open_private(&path).unwrap());
        assert_eq!(read(&path).unwrap(), b"kept");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        delete(&path).unwrap();
        delete(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_file_at_the_limit_is_read_and_a_longer_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("four");
        write_atomic(&path, b"four").unwrap();
        assert_eq!(read_limited(&path, 4).unwrap(), b"four");
        assert!(matches!(
            read_limited(&path, 3),
            Err(FileError::TooLarge { limit: 3, .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn writing_keeps_links_and_devices() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomic(&file, b"old").unwrap();
        write_atomic(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(read(&file).unwrap(), b"new");
        // Renaming a file onto this link would replace the device for everyone.
        let device = folder.path().join("device");
        std::os::unix::fs::symlink("/dev/null", &device).unwrap();
        let error = write_atomic(&device, b"new").unwrap_err();
        assert!(error.to_string().contains("device"), "{error}");
        assert!(!Path::new("/dev/null").is_file());
    }

    #[test]
    #[cfg(unix)]
    fn a_device_is_not_a_regular_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_regular_file(Path::new("/dev/zero"), 4).unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
        let plain = folder.path().join("four");
        write_atomic(&plain, b"four").unwrap();
        assert_eq!(read_regular_file(&plain, 4).unwrap(), b"four");
    }

    #[test]
    fn folders_missing_files_and_invalid_utf8_give_different_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latin");
        assert!(matches!(
            read(folder.path()),
            Err(FileError::IsDirectory { .. })
        ));
        assert!(matches!(
            write_atomic(folder.path(), b""),
            Err(FileError::IsDirectory { .. })
        ));
        assert!(matches!(read(&path), Err(FileError::NotFound { .. })));
        write_atomic(&path, b"\xE9").unwrap();
        assert!(matches!(
            read_to_string(&path),
            Err(FileError::Other { .. })
        ));
    }

    #[test]
    fn a_hash_is_the_same_from_memory_and_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        write_atomic(&path, b"abc").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(b"abc"), known);
        assert_eq!(sha256_file(&path).unwrap(), known);
    }
}
