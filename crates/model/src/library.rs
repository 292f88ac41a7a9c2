//! The user's own bundles, by name.

use std::path::{Path, PathBuf};

use super::bundle::{Bundle, Manifest};
use super::encoder::{Descriptor, EncoderBundle, EncoderManifest};
use super::error::ModelError;
use rounds_support::{OwnWord, Paths, Shelf, paths};

/// What a bundle in a folder is.
pub enum Known {
    /// A model that answers.
    Learner(Box<Manifest>),
    /// An image-text encoder.
    Encoder(Box<EncoderManifest>),
}

impl Known {
    /// Reads the manifest of the bundle in `folder`, whichever it has.
    pub fn of(folder: &Path) -> Result<Self, ModelError> {
        Ok(match EncoderBundle::is_one(folder) {
            true => Self::Encoder(Box::new(EncoderBundle::manifest(folder)?)),
            false => Self::Learner(Box::new(Bundle::manifest(folder)?)),
        })
    }

    /// Hashes every file of the bundle in `folder`; gives a line for each that is not as written.
    pub fn verify(folder: &Path) -> Result<Vec<String>, ModelError> {
        match EncoderBundle::is_one(folder) {
            true => EncoderBundle::verify(folder),
            false => Bundle::verify(folder),
        }
    }

    /// File name of its manifest, and of its other files.
    fn files(&self) -> (&'static str, impl Iterator<Item = &String>) {
        match self {
            Self::Learner(manifest) => ("model.toml", manifest.files.keys()),
            Self::Encoder(manifest) => (EncoderBundle::MANIFEST, manifest.files.keys()),
        }
    }
}

/// Whether a bundle of either kind is in `folder`.
pub fn is_bundle(folder: &Path) -> bool {
    folder.join("model.toml").exists() || EncoderBundle::is_one(folder)
}

/// The folder of bundles, one a subfolder.
pub struct Library {
    shelf: Shelf,
}

impl Library {
    /// `models` in the program's data folder.
    pub fn of(paths: &Paths) -> Self {
        Self {
            shelf: Shelf::new(paths.data_dir.join("models")),
        }
    }

    /// A bundle's folder: what was given where it is one, else the bundle of that name. The descriptor has none and stays a word.
    pub fn find(&self, given: &Path) -> PathBuf {
        match Descriptor::is_named(given) {
            true => given.to_path_buf(),
            false => self.shelf.find(given, is_bundle),
        }
    }

    /// What [`Library::find`] finds `given` by again, wherever the program is started.
    pub fn lasting(&self, given: &Path) -> PathBuf {
        match Descriptor::is_named(given) {
            true => given.to_path_buf(),
            false => paths::lasting(&self.find(given), self.shelf.folder()),
        }
    }

    /// The folder of a bundle that [`Library::list`] names.
    pub fn folder_of(&self, name: &str) -> PathBuf {
        self.shelf.folder().join(name)
    }

    /// Where a new bundle goes: a bare name into the library, a path where it says.
    ///
    /// Errors where the name is a word of the program's own.
    pub fn place(&self, given: &Path) -> Result<PathBuf, OwnWord> {
        self.shelf.place(given)
    }

    /// Every bundle with its manifest, or why it cannot be read; sorted by name.
    pub fn list(&self) -> Vec<(String, Result<Known, ModelError>)> {
        let folders = self.shelf.list().into_iter();
        folders
            .map(|(name, folder)| (name, Known::of(&folder)))
            .collect()
    }

    /// Deletes a bundle's own files, and the folder if nothing else is in it.
    ///
    /// Errors where `folder` is not a bundle: nothing else may be deleted by a slip of the hand.
    pub fn remove(&self, folder: &Path) -> Result<(), ModelError> {
        let known = Known::of(folder)?;
        let (manifest, files) = known.files();
        let delete = |path: PathBuf| match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(rounds_support::FileError::from_io(&path, "delete", &e))
            }
            _ => Ok(()),
        };
        // The manifest first: what is left after an interruption is no longer taken for a bundle.
        delete(folder.join(manifest))?;
        for name in files {
            delete(folder.join(name))?;
        }
        let _ = std::fs::remove_dir(folder);
        Ok(())
    }

    /// Makes the library's folder.
    pub fn create(&self) -> Result<(), ModelError> {
        Ok(self.shelf.create()?)
    }
}
