//! A folder with one named subfolder per item, such as the user's indexes or models.

use std::path::{Component, Path, PathBuf};

use super::{FileError, files};

/// Names with a built-in meaning wherever a name is accepted.
const RESERVED_NAMES: [&str; 2] = ["shipped", "descriptor"];

/// A name that the program reserves for itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name {0} is reserved by rounds; choose another name")]
pub struct ReservedName(String);

/// Whether `given` is a bare name rather than a path.
fn is_name(given: &Path) -> bool {
    let mut parts = given.components();
    matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    )
}

/// A folder whose subfolders can be referred to by name.
pub struct NamedFolders {
    folder: PathBuf,
}

impl NamedFolders {
    /// The items in `folder`, which need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder that contains the items.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of an item: `given` itself if it is one, else the item of that name. `is_one` recognises an item.
    pub fn find(&self, given: &Path, is_one: impl Fn(&Path) -> bool) -> PathBuf {
        let inside = self.folder.join(given);
        match is_name(given) && !is_one(given) && is_one(&inside) {
            true => inside,
            false => given.to_path_buf(),
        }
    }

    /// The path for a new item: in this folder if `given` is a bare name, else `given` itself.
    ///
    /// # Errors
    /// Fails for a reserved name, which could never be looked up.
    pub fn place(&self, given: &Path) -> Result<PathBuf, ReservedName> {
        if !is_name(given) {
            return Ok(given.to_path_buf());
        }
        match RESERVED_NAMES.iter().find(|word| given == Path::new(word)) {
            Some(word) => Err(ReservedName((*word).to_string())),
            None => Ok(self.folder.join(given)),
        }
    }

    /// Every subfolder with its name, sorted by name.
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

    /// Creates the folder.
    pub fn create(&self) -> Result<(), FileError> {
        files::create_private_dir(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_looked_up_in_the_folder_and_a_path_is_used_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let folders = NamedFolders::new(folder.path().join("items"));
        let is_one = |path: &Path| path.join("here").exists();
        let inside = folders.place(Path::new("mine")).unwrap();
        assert_eq!(inside, folder.path().join("items/mine"));
        assert_eq!(folders.find(Path::new("mine"), is_one), Path::new("mine"));
        folders.create().unwrap();
        files::create_private_dir(&inside).unwrap();
        files::write_atomic(&inside.join("here"), b"").unwrap();
        assert_eq!(folders.find(Path::new("mine"), is_one), inside);
        assert_eq!(folders.find(&inside, is_one), inside);
        for path in ["..", ".", "/", "./mine", "../mine", "a/b", "./shipped"] {
            assert_eq!(folders.place(Path::new(path)), Ok(path.into()));
        }
        for word in RESERVED_NAMES {
            assert_eq!(
                folders.place(Path::new(word)),
                Err(ReservedName(word.into()))
            );
        }
        assert_eq!(folders.list(), [("mine".to_string(), inside)]);
    }
}
