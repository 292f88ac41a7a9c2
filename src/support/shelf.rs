//! A folder of things that have names, one a subfolder: the user's indexes, the user's models.

use std::path::{Path, PathBuf};

use super::{FileError, files};

/// The folder.
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a thing is: what was given where it is one, else that of this name.
    pub fn find(&self, given: &Path, is_one: impl Fn(&Path) -> bool) -> PathBuf {
        let own = self.folder.join(given);
        match !is_one(given) && is_one(&own) {
            true => own,
            false => given.to_path_buf(),
        }
    }

    /// Where a new thing goes: a bare name onto the shelf, a path where it says.
    pub fn place(&self, given: &Path) -> PathBuf {
        match given.components().count() == 1 && !given.starts_with(".") {
            true => self.folder.join(given),
            false => given.to_path_buf(),
        }
    }

    /// Every subfolder with its name, sorted by that.
    pub fn list(&self) -> Vec<(String, PathBuf)> {
        let mut out: Vec<_> = files::below(&self.folder)
            .filter(|path| path.is_dir())
            .map(|path| {
                let name = path.file_name().unwrap_or_default();
                (name.to_string_lossy().into_owned(), path)
            })
            .collect();
        out.sort();
        out
    }

    /// Makes the folder.
    pub fn create(&self) -> Result<(), FileError> {
        files::create_private_dir(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_on_the_shelf_and_a_path_where_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path().join("shelf"));
        let is_one = |path: &Path| path.join("here").exists();
        let own = shelf.place(Path::new("mine"));
        assert_eq!(own, folder.path().join("shelf/mine"));
        assert_eq!(shelf.find(Path::new("mine"), is_one), Path::new("mine"));
        shelf.create().unwrap();
        files::create_private_dir(&own).unwrap();
        files::write_atomic(&own.join("here"), b"").unwrap();
        assert_eq!(shelf.find(Path::new("mine"), is_one), own);
        assert_eq!(shelf.find(&own, is_one), own);
        assert_eq!(shelf.place(Path::new("./mine")), Path::new("./mine"));
        assert_eq!(shelf.list(), [("mine".to_string(), own)]);
    }
}
