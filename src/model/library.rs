//! The user's own bundles, by name.

use std::path::{Path, PathBuf};

use super::bundle::{Bundle, Manifest};
use super::encoder::{EncoderBundle, EncoderManifest};
use super::error::ModelError;
use crate::support::library::{self, OwnWord};
use crate::support::{Paths, files};

/// What a bundle in a folder is.
pub enum Known {
    Learner(Box<Manifest>),
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
    folder: PathBuf,
}

impl Library {
    /// `models` in the program's data folder.
    pub fn of(paths: &Paths) -> Self {
        Self {
            folder: paths.data_dir.join("models"),
        }
    }

    /// A bundle's folder: what was given where it is one, else the bundle of that name.
    pub fn find(&self, given: &Path) -> PathBuf {
        let own = self.folder.join(given);
        match library::is_name(given) && !is_bundle(given) && is_bundle(&own) {
            true => own,
            false => given.to_path_buf(),
        }
    }

    /// Where a new bundle goes: a bare name into the library, a path where it says.
    ///
    /// Errors where the name is a word of the program's own.
    pub fn place(&self, given: &Path) -> Result<PathBuf, OwnWord> {
        library::place(&self.folder, given)
    }

    /// Every bundle with its manifest, or why it cannot be read; sorted by name.
    pub fn list(&self) -> Vec<(String, Result<Known, ModelError>)> {
        let mut out: Vec<_> = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().is_dir())
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, Known::of(&entry.path()))
            })
            .collect();
        out.sort_by(|a, b| a.0.cmp(&b.0));
        out
    }

    /// Deletes a bundle's own files, and the folder if nothing else is in it.
    ///
    /// Errors where `folder` is not a bundle: nothing else may be deleted by a slip of the hand.
    pub fn remove(&self, folder: &Path) -> Result<(), ModelError> {
        let known = Known::of(folder)?;
        let (manifest, files) = known.files();
        let delete = |path: PathBuf| match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(crate::support::FileError::from_io(&path, "delete", &e))
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
        Ok(files::create_private_dir(&self.folder)?)
    }
}
