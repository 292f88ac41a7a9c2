//! A folder of things that have names, one a subfolder: the user's indexes, the user's models.

use std::path::{Component, Path, PathBuf};

use super::{FileError, files};

/// Names that mean something of the program itself wherever one is asked for.
const OWN_WORDS: [&str; 2] = ["shipped", "descriptor"];

/// A name that cannot be given to anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is a word of the program itself; take another name")]
pub struct OwnWord(String);

/// Whether something is called by a name, and not by a path.
fn is_name(given: &Path) -> bool {
    let mut parts = given.components();
    matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    )
}

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
        match is_name(given) && !is_one(given) && is_one(&own) {
            true => own,
            false => given.to_path_buf(),
        }
    }

    /// Where a new thing goes: a bare name onto the shelf, a path where it says.
    ///
    /// Errors where the name is a word of the program's own: it could never be asked for.
    pub fn place(&self, given: &Path) -> Result<PathBuf, OwnWord> {
        if !is_name(given) {
            return Ok(given.to_path_buf());
        }
        match OWN_WORDS.iter().find(|word| given == Path::new(word)) {
            Some(word) => Err(OwnWord((*word).to_string())),
            None => Ok(self.folder.join(given)),
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
        let own = shelf.place(Path::new("mine")).unwrap();
        assert_eq!(own, folder.path().join("shelf/mine"));
        assert_eq!(shelf.find(Path::new("mine"), is_one), Path::new("mine"));
        shelf.create().unwrap();
        files::create_private_dir(&own).unwrap();
        files::write_atomic(&own.join("here"), b"").unwrap();
        assert_eq!(shelf.find(Path::new("mine"), is_one), own);
        assert_eq!(shelf.find(&own, is_one), own);
        for path in ["..", ".", "/", "./mine", "../mine", "a/b", "./shipped"] {
            assert_eq!(shelf.place(Path::new(path)), Ok(path.into()));
        }
        for word in OWN_WORDS {
            assert_eq!(shelf.place(Path::new(word)), Err(OwnWord(word.into())));
        }
        assert_eq!(shelf.list(), [("mine".to_string(), own)]);
    }
}
